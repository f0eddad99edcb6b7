//go:build !windows

package commands

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// forReaders is how text for people is written to a stream: as UTF-8.
func forReaders(f *os.File) io.Writer { return f }

// writesASCII says whether JSON is written to a stream in ASCII.
func writesASCII(io.Writer) bool { return false }

// hasNoReader says whether writing failed since nobody reads any more.
func hasNoReader(err error) bool { return errors.Is(err, syscall.EPIPE) }

// Package boundedread reads whole files that anybody may have put there: a pipe that nobody writes
// to, a device, a file that never ends. What is read is bounded in size and in time.
package boundedread

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
)

// PipeWait is how long somebody may take to write to a pipe: a command that asks a person, say.
const PipeWait = 2 * time.Minute

// fileWait is how long a regular file may take. That is long for a small one, even on a busy disk
// at the other end of a network; some in /proc look regular and never end. On Windows, programs
// that keep it to themselves are waited for, twice (package atomicfile).
func fileWait() time.Duration {
	if runtime.GOOS == "windows" {
		return time.Minute
	}
	return 10 * time.Second
}

var (
	// ErrNotFile is a folder, a pipe, a socket or a device where only a file will do.
	ErrNotFile = errors.New("it is not a file")

	// ErrUnending is that the end did not come in time.
	ErrUnending = errors.New("it does not end")
)

// TooLargeError is that there are more bytes than the limit.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string { return "it is larger than " + e.Size() }

// Size is the limit for people.
func (e *TooLargeError) Size() string {
	if e.Limit >= 1<<20 {
		return fmt.Sprintf("%d MiB", e.Limit>>20)
	}
	return fmt.Sprintf("%d KiB", e.Limit>>10)
}

// File reads a regular file of at most limit bytes, through links. What is none is not opened: a
// pipe would wait for its writer, and a device may do something. The errors are those of the
// system (*fs.PathError), ErrNotFile, ErrUnending and *TooLargeError.
func File(path string, limit int64, open func(path string) (*os.File, error)) ([]byte, error) {
	return within(context.Background(), fileWait(), func(ctx context.Context) ([]byte, error) {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, ErrNotFile
		}
		f, err := open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		info, err = f.Stat()
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() { // it was put there meanwhile
			return nil, ErrNotFile
		}
		return upTo(atomicfile.NewReader(ctx, f), limit, info.Size())
	})
}

// Input reads what a person named: a file, or a pipe, as a shell makes for <(command). It waits for
// the end of that until wait is over or the context ends, and for programs that keep a file to
// themselves (package atomicfile).
func Input(ctx context.Context, path string, limit int64, wait time.Duration) ([]byte, error) {
	return within(ctx, wait, func(ctx context.Context) ([]byte, error) {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, err
		case info.IsDir():
			return nil, errors.New("it is a folder")
		case info.Mode()&fs.ModeSocket != 0:
			return nil, errors.New("it is a socket")
		}
		if !info.Mode().IsRegular() {
			return readPipe(path, limit)
		}
		f, err := atomicfile.OpenContext(ctx, path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return upTo(atomicfile.NewReader(ctx, f), limit, info.Size())
	})
}

func readPipe(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return upTo(f, limit, 0)
}

// Stream reads what is open already, like standard input, to its end, or until the context ends.
func Stream(ctx context.Context, r io.Reader, limit int64) ([]byte, error) {
	return Await(ctx, func() ([]byte, error) { return upTo(r, limit, 0) })
}

// Await is what read returns. If the context ends before, it is the cause of that: read goes on for
// nothing, so it must be one that changes nothing.
func Await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

func within(ctx context.Context, wait time.Duration, read func(context.Context) ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, ErrUnending)
	defer cancel()
	return Await(ctx, func() ([]byte, error) { return read(ctx) })
}

// upTo reads to the end; size is what is known of the length.
func upTo(r io.Reader, limit, size int64) ([]byte, error) {
	var content bytes.Buffer
	content.Grow(int(min(size, limit)) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(content.Len()) > limit {
		return nil, &TooLargeError{limit}
	}
	return content.Bytes(), nil
}

package tentacleconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// Read reads the configuration file at path. What is not the configuration of a Tentacle is a
// *DamagedError: a file that is empty, ends in the middle, is not XML, has another root element,
// is neither UTF-8 nor UTF-16 or is larger than 64 MiB.
//
// It waits for a program that keeps others from reading the file, as Windows allows, for 15 s.
func Read(path string) (*Document, error) { return readDocument(path, atomicfile.Open) }

// ReadContext is Read that waits as long as ctx lasts, at most.
func ReadContext(ctx context.Context, path string) (*Document, error) {
	return awaitDocument(ctx, path, readDocument, atomicfile.OpenContext)
}

// awaitDocument reads a document until the context ends: even of what takes long to understand, the
// user need not wait for the end.
func awaitDocument(ctx context.Context, path string, read func(string, opener) (*Document, error), open func(context.Context, string) (*os.File, error)) (*Document, error) {
	return boundedread.Await(ctx, func() (*Document, error) {
		return read(path, func(path string) (*os.File, error) { return open(ctx, path) })
	})
}

// opener opens a file to read it: atomicfile.Open, or atomicfile.OpenNoFollow where its folder may
// be anybody's and what is read goes into another file.
type opener func(path string) (*os.File, error)

// Tentacle's own save takes a few milliseconds.
const (
	readTries = 5
	readPause = 50 * time.Millisecond
)

func readDocument(path string, open opener) (*Document, error) {
	for tries := readTries; ; tries-- {
		data, changed, err := readFile(path, open)
		if err != nil {
			return nil, err
		}
		d, err := Parse(path, data)
		// Tentacle saves by emptying the file and then writing it: a read in between
		// sees an empty file or its first half.
		if err == nil || tries == 0 || time.Since(changed) > time.Second {
			return d, err
		}
		time.Sleep(readPause)
	}
}

// ReadDamaged reads like Read, but for a caller who will replace the whole file: what Read refuses
// to understand is a Document too, which has its bytes, and no settings. Errors are those of a file
// that cannot be read at all, or that is too large.
func ReadDamaged(path string) (*Document, error) { return readDamaged(path, atomicfile.Open) }

func readDamaged(path string, open opener) (*Document, error) {
	d, refusal := readDocument(path, open)
	if refusal == nil {
		return d, nil
	}
	data, _, err := readFile(path, open)
	if err != nil {
		return nil, refusal
	}
	return fileDocument(path, &xmlText{data: data}), nil
}

func readFile(path string, open opener) (data []byte, changed time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, changed, readError(path, err)
	}
	data, err = readAll(path, open)
	switch large := new(boundedread.TooLargeError); {
	case errors.As(err, &large):
		return nil, changed, &DamagedError{Path: path, Err: fmt.Errorf("is larger than %d MiB, so it is not a Tentacle's configuration", maxSize>>20)}
	case errors.Is(err, boundedread.ErrNotFile):
		return nil, changed, fmt.Errorf("%s is not a file, so it cannot be a Tentacle's configuration", path)
	case err != nil:
		return nil, changed, readError(path, err)
	}
	return data, info.ModTime(), nil
}

// readAll reads a whole file that is no larger than a configuration.
func readAll(path string, open opener) ([]byte, error) { return boundedread.File(path, maxSize, open) }

// danglingError is a symbolic link to something that is not there.
type danglingError struct{ to string }

func (e *danglingError) Error() string {
	return fmt.Sprintf("it is a link to %s, which does not exist", e.to)
}

// Unwrap makes it one of the errors of a file that is not there.
func (e *danglingError) Unwrap() error { return fs.ErrNotExist }

func readError(path string, err error) error {
	err = atomicfile.WithoutPath(err) // which is named already
	to, notLink := os.Readlink(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && notLink == nil:
		return fmt.Errorf("there is no configuration file %s: %w", path, &danglingError{to})
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no configuration file %s: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return hint.Errorf("run this as root (on Windows: as Administrator) or as the file's owner", "cannot read %s: %w", path, err)
	}
	return fmt.Errorf("cannot read %s: %w", path, err)
}

// resolve follows symbolic links: the file they lead to is replaced, not they.
func resolve(path string) (string, error) {
	target, err := atomicfile.FollowLinks(path)
	if err != nil {
		return "", readError(path, err)
	}
	target, err = filepath.Abs(target)
	if err != nil {
		return "", fmt.Errorf("cannot find the full path of %s: %w", path, err)
	}
	return target, nil
}

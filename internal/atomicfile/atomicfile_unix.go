//go:build !windows

package atomicfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// ownerOnly: the mode that the file was made with does it.
func ownerOnly(*os.File) error { return nil }

func rename(_ context.Context, from, to string) error {
	err := os.Rename(from, to)
	if link, is := errors.AsType[*os.LinkError](err); is {
		err = link.Err // the names are known, or mean nothing to the reader
	}
	if errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) {
		return MountedError(to)
	}
	return err
}

// MountedError says why a file that is a mount point cannot be replaced.
func MountedError(path string) error {
	return hint.New("it cannot be replaced, because it is a mount point (in a container?)", "mount its folder "+filepath.Dir(path)+" instead")
}

// renameNoReplace gives a temporary file its name, unless something has that name.
func renameNoReplace(temp, path string) error { return renameByLink(os.Link, temp, path) }

// renameByLink links, because that alone never replaces anything. Some file systems (FAT, those
// that containers share with a host) have no links: there, nothing that can be seen a moment
// before is replaced.
func renameByLink(link func(from, to string) error, temp, path string) error {
	err := link(temp, path)
	if err == nil {
		_ = os.Remove(temp) // else it is a leftover
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return fs.ErrExist
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fs.ErrExist
	}
	return rename(context.Background(), temp, path)
}

// FlushFolder makes the renames in a folder, and what was removed from it, last.
func FlushFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil // some network file systems cannot flush folders
	}
	return err
}

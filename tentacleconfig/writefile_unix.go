//go:build !windows

package tentacleconfig

import (
	"errors"
	"io/fs"
	"os"
)

// ownerOnly: the mode that the file was made with does it.
func ownerOnly(*os.File) error { return nil }

// place gives a temporary file its name, unless something has that name.
func place(temp, path string) error { return placeBy(os.Link, temp, path) }

// placeBy links, because that alone never replaces anything. Some file systems
// (FAT, those that containers share with a host) know no links: there, nothing
// that can be seen a moment before is replaced.
func placeBy(link func(from, to string) error, temp, path string) error {
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
	return rename(temp, path)
}

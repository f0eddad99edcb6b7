package atomicfile

import (
	"io/fs"
	"os"

	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// Open opens a file to read it, without keeping others from replacing it. It waits a moment for a
// program that has the file for itself, as Tentacle has while it writes.
func Open(path string) (*os.File, error) {
	name, err := longpath.UTF16(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	var handle windows.Handle
	err = whileInUse(func() (err error) {
		const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
		handle, err = windows.CreateFile(name, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
		return err
	}, windows.ERROR_SHARING_VIOLATION)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// NoFollow is empty: only administrators make links here.
const NoFollow = 0

// OpenNoFollow is Open: see NoFollow.
func OpenNoFollow(path string) (*os.File, error) { return Open(path) }

package atomicfile

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// shareAll lets other programs do with a file what they want.
const shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

// open waits for a program that has the file for itself, as Tentacle has while it writes.
func open(ctx context.Context, path string, flags uint32) (*os.File, error) {
	name, err := longpath.UTF16(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	var handle windows.Handle
	err = WhileInUse(ctx, path, func() error {
		return tellPending(func() (err error) {
			handle, err = windows.CreateFile(name, windows.GENERIC_READ, shareAll, nil, windows.OPEN_EXISTING, flags, 0)
			return err
		})
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// OpenContext opens a file to read it, without keeping others from replacing it. It waits for a
// program that has the file for itself (WhileInUse).
func OpenContext(ctx context.Context, path string) (*os.File, error) { return open(ctx, path, 0) }

// NoFollow is empty: what is opened by flags is opened by the functions of Go, which have no such
// flag here.
const NoFollow = 0

// OpenNoFollowContext is OpenContext for a path without links: if there is one now, it was put
// there after a check. Other files that Windows completes when they are opened (deduplicated ones,
// those of a cloud) are not links.
func OpenNoFollowContext(ctx context.Context, path string) (*os.File, error) {
	f, err := open(ctx, path, windows.FILE_FLAG_OPEN_REPARSE_POINT)
	if err != nil {
		return nil, err
	}
	var opened windows.ByHandleFileInformation
	err = windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &opened)
	if err == nil && opened.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT == 0 {
		return f, nil
	}
	defer f.Close()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	info, err := f.Stat()
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		err = errors.New("the file was replaced by a symbolic link")
	}
	if err != nil {
		return nil, err
	}
	return OpenContext(ctx, path)
}

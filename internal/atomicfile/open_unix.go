//go:build !windows

package atomicfile

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// OpenContext opens a file to read it, without keeping others from replacing it.
func OpenContext(_ context.Context, path string) (*os.File, error) { return os.Open(path) }

// NoFollow makes an open fail where there is a link, and not wait for a writer to a pipe. The
// folder of a configuration often belongs to the account of the service, and root works in it: a
// link put there after a check must lead neither to what that account may not read, nor to a device
// that does something when it is opened.
const NoFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// OpenNoFollowContext is OpenContext for a path without links: if there is one now, it was put
// there after a check.
func OpenNoFollowContext(_ context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|NoFollow, 0)
	if errors.Is(err, syscall.ELOOP) {
		err = errors.New("the file was replaced by a symbolic link")
	}
	return f, err
}

//go:build !windows

package tentacleconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/unix"
)

// checkPermission says why the file or folder at path cannot be written to or, a file, be replaced,
// as far as that can be known beforehand.
func checkPermission(path string) error {
	err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return hint.Errorf("run this as root or as the file's owner", "no permission to write to %s: %w", path, err)
	case err != nil: // a read-only file system
		return fmt.Errorf("cannot write to %s: %w", path, err)
	}
	return checkReplaceable(path)
}

// keepMetadata gives the new file everything but the content of the old one. The order matters: a
// change of owner drops mode bits, and the mode is a part of the access list.
func keepMetadata(f *os.File, oldPath string, info fs.FileInfo) error {
	if err := keepOwner(f, info); err != nil {
		return err
	}
	if err := keepAttributes(f, oldPath); err != nil {
		return err
	}
	return f.Chmod(info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky))
}

func keepOwner(f *os.File, info fs.FileInfo) error {
	created, err := f.Stat()
	if err != nil {
		return err
	}
	before, isBefore := info.Sys().(*syscall.Stat_t)
	now, isNow := created.Sys().(*syscall.Stat_t)
	if !isBefore || !isNow || before.Uid == now.Uid && before.Gid == now.Gid {
		return nil
	}
	if err := f.Chown(int(before.Uid), int(before.Gid)); err != nil {
		return hint.Errorf("run this as root or as that user",
			"it belongs to user %d and group %d, which cannot be kept: %w", before.Uid, before.Gid, atomicfile.WithoutPath(err))
	}
	return nil
}

// namesOf counts the names of a file; 0 where that is not known.
func namesOf(f *os.File) int {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	if stat, is := info.Sys().(*syscall.Stat_t); is {
		return int(stat.Nlink)
	}
	return 0
}

// readOnlyMark is what makes a file read-only on this system.
func readOnlyMark(info fs.FileInfo) string { return fmt.Sprintf("mode %04o", info.Mode().Perm()) }

// replacesOpenFiles: a program that has the file open when it is replaced goes on writing to the
// old one.
const replacesOpenFiles = true

// checkReplaceableNow: here no program keeps another from replacing a file.
func checkReplaceableNow(context.Context, string) error { return nil }

// makeLockFile makes the lock file, unless it exists: the error is then fs.ErrExist. Who may write
// to the configuration may lock it.
func makeLockFile(name, target string) error {
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	// If this user is not allowed to give files away, it stays theirs; the lock works anyway.
	_ = keepOwner(f, info)
	writers := info.Mode().Perm() & 0o222
	return f.Chmod(writers<<1 | writers)
}

// inheritFromFolder: here a file is made with what its folder gives it, wherever it is moved to.
func inheritFromFolder(string) error { return nil }

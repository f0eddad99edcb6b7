//go:build !windows

package tentacleconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// openShared opens a file to read it. Nobody can be in the way here.
func openShared(path string) (*os.File, error) { return os.Open(path) }

// noFollow makes an open fail where there is a link, and not wait for whoever
// writes to a pipe. The folder of a configuration often is the service's
// account's, and root works in it: a link put there after a look must not lead to
// what that account may not read, nor to a device that does something when opened.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// openTarget opens a file, at a path without links, to read it.
func openTarget(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if errors.Is(err, syscall.ELOOP) {
		err = errors.New("it is a link now: somebody replaced the file meanwhile")
	}
	return f, err
}

// maxLinks is how many links the system itself follows, at least.
const maxLinks = 255

// checkLinks refuses a link on the way to target, a file that is there, which
// somebody made who has no say in that file: else the owner of a folder could
// have root replace any file. (Linux can do so itself, in folders for everybody
// only, and not where links are followed by reading them as here.)
func checkLinks(path, target string) error {
	if filepath.Clean(path) == target {
		return nil
	}
	file, err := os.Lstat(target)
	if err != nil {
		return err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return err
	}
	at, rest := "/", strings.Split(path, "/")
	for links := 0; len(rest) > 0 && links <= maxLinks; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if owner := ownerOf(info); owner != 0 && owner != os.Geteuid() && owner != ownerOf(file) {
			return fmt.Errorf("%s is a link of user %d, which leads to %s of user %d, and is not followed: whoever made it may mean harm\nname the file itself", next, owner, target, ownerOf(file))
		}
		to, err := os.Readlink(next)
		if err != nil {
			return err
		}
		if filepath.IsAbs(to) {
			at = "/"
		}
		rest = append(strings.Split(to, "/"), rest...)
		links++
	}
	return nil
}

func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}

// mayWrite says why the file or folder at path cannot be written to or, a file,
// be replaced, as far as that can be known beforehand.
func mayWrite(path string) error {
	err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no permission to write to %s: %w\nrun this as root or as the file's owner", path, err)
	case err != nil: // a read-only file system
		return fmt.Errorf("cannot write to %s: %w", path, err)
	}
	return mayReplace(path)
}

// mounted is the reason why a file is replaced by nothing.
func mounted(path string) error {
	return fmt.Errorf("it cannot be replaced, because it is mounted by itself (into a container?): mount its folder %s instead", filepath.Dir(path))
}

// keepMetadata gives the new file everything but the content of the old one.
// The order matters: a change of owner drops mode bits, and the mode is a part
// of the access list.
func keepMetadata(f *os.File, old string, info fs.FileInfo) error {
	if err := keepOwner(f, info); err != nil {
		return err
	}
	if err := keepAttributes(f, old); err != nil {
		return err
	}
	return f.Chmod(info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky))
}

func keepOwner(f *os.File, info fs.FileInfo) error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	old, isOld := info.Sys().(*syscall.Stat_t)
	now, isNow := mine.Sys().(*syscall.Stat_t)
	if !isOld || !isNow || old.Uid == now.Uid && old.Gid == now.Gid {
		return nil
	}
	if err := f.Chown(int(old.Uid), int(old.Gid)); err != nil {
		return fmt.Errorf("it belongs to user %d and group %d, which cannot be kept: %w\nrun this as root or as that user", old.Uid, old.Gid, withoutPath(err))
	}
	return nil
}

func rename(from, to string) error {
	err := os.Rename(from, to)
	if link, is := errors.AsType[*os.LinkError](err); is {
		err = link.Err // the names only say what the reader does not need
	}
	if errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) {
		return mounted(to)
	}
	return err
}

// flushFolder makes a rename in it last.
func flushFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil // some network file systems know no flush of folders
	}
	return err
}

// readOnly and writableAgain are how this system words a read-only file.
func readOnly(info fs.FileInfo) string { return fmt.Sprintf(" (mode %04o)", info.Mode().Perm()) }

func writableAgain(target string) string { return "chmod u+w " + quoted(target) }

// quoted is a path as a shell needs it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t'\"\\$&;()<>|*?`#~!{}[]") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// replacesOpenFiles: whoever has the file open when it is replaced goes on
// writing to the old one.
const replacesOpenFiles = true

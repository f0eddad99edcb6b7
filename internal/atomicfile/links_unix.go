//go:build !windows

package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// maxLinks is how many links the system itself follows, at least.
const maxLinks = 255

// checkLinks refuses a link on the way to target, an existing file, if its owner is neither root,
// nor this user, nor the owner of target: otherwise the owner of a folder could make root replace
// any file. (Linux has such a check only for folders that everybody may write to, and not where
// links are followed by reading them, as here.)
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
			return hint.Errorf("name the file itself",
				"%s is a symbolic link of user %d to %s of user %d; it was not followed, because its owner could redirect the change", next, owner, target, ownerOf(file))
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

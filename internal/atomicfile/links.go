package atomicfile

import (
	"os"
	"path/filepath"
)

// FollowLinks is the path of the file that a path leads to: that is replaced, not the link. A link
// of another user to a file that this user does not own is refused.
//
// It is filepath.EvalSymlinks, which on Windows cannot resolve every folder on the way (one that
// may not be listed, some kinds of disk). Of a file that is no link itself, the path as it is will
// do: what is made beside it lies in the same folder.
//
// A path that on Windows means a device, or a stream of a file, is refused, too.
func FollowLinks(path string) (string, error) {
	if err := CheckPath(path); err != nil {
		return "", err
	}
	target, err := filepath.EvalSymlinks(path)
	if err == nil {
		return target, checkLinks(path, target)
	}
	if info, unseen := os.Lstat(path); unseen == nil && info.Mode().IsRegular() {
		return path, nil
	}
	return "", err
}

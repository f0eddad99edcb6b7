package service

import (
	"cmp"
	"context"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Unreadable names what keeps a local account from reading a file: the file, or a folder on the
// way to it. It is "" where the account may read the file, and where that is unknown: for an
// account that is not in the host's own list, and where an access control list decides.
func Unreadable(account, file string) string {
	who, err := user.Lookup(account)
	if err != nil || who.Uid == "0" {
		return ""
	}
	groups, err := who.GroupIds()
	if err != nil {
		return ""
	}
	const read, traverse = 4, 1
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return ""
	}
	var folders []string // from the root on
	for folder := filepath.Dir(target); ; folder = filepath.Dir(folder) {
		folders = append([]string{folder}, folders...)
		if folder == filepath.Dir(folder) {
			break
		}
	}
	for _, folder := range folders {
		if denies(folder, who.Uid, groups, traverse) {
			return folder
		}
	}
	if denies(target, who.Uid, groups, read) {
		return target
	}
	return ""
}

// HomeFolder is the home folder of the account that the unit NAME.service runs as; "" where that is
// not known.
func HomeFolder(ctx context.Context, name string) string {
	properties, err := propertiesOf(ctx, name)
	if err != nil {
		return ""
	}
	who, err := user.Lookup(cmp.Or(property[string](properties, "User"), "root"))
	if err != nil {
		return ""
	}
	return who.HomeDir
}

// denies says whether the mode of a file lacks a bit for the class (owner, group, others) that a
// user belongs to.
func denies(path, uid string, groups []string, bit os.FileMode) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if size, err := unix.Getxattr(path, "system.posix_acl_access", nil); err == nil && size > 0 {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return false
	case strconv.FormatUint(uint64(owner.Uid), 10) == uid:
		bit <<= 6
	case slices.Contains(groups, strconv.FormatUint(uint64(owner.Gid), 10)):
		bit <<= 3
	}
	return info.Mode().Perm()&bit == 0
}

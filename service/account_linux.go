package service

import (
	"cmp"
	"context"
	"errors"
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

// Give makes a local account, with its group, the owner of files and folders that were just made.
// It does nothing for an account that is not in the host's own list: nothing is known of it.
func Give(account string, paths ...string) error {
	who, err := user.Lookup(account)
	if err != nil {
		return nil
	}
	uid, badUID := strconv.Atoi(who.Uid)
	gid, badGID := strconv.Atoi(who.Gid)
	if err := errors.Join(badUID, badGID); err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		errs = append(errs, os.Lchown(path, uid, gid))
	}
	return errors.Join(errs...)
}

// Reader says whether the unit NAME.service can read a file without being one of everybody: as
// root, as the file's owner or by a group. The account is the one that the unit runs as; it is ""
// where no unit says so, and then nothing is known.
func Reader(ctx context.Context, name, file string) (account string, reads bool) {
	properties, err := propertiesOf(ctx, name)
	if err != nil || property[string](properties, "LoadState") != "loaded" {
		return "", false
	}
	account = cmp.Or(property[string](properties, "User"), "root")
	who, err := user.Lookup(account)
	if err != nil {
		who, err = user.LookupId(account)
	}
	if err != nil {
		return account, false
	}
	groups, _ := who.GroupIds() // without them, only the owner counts
	extra := property[[]string](properties, "SupplementaryGroups")
	if own := property[string](properties, "Group"); own != "" { // in place of the account's
		extra = append(extra, own)
		groups = slices.DeleteFunc(groups, func(gid string) bool { return gid == who.Gid })
	}
	for _, name := range extra {
		if group, err := user.LookupGroup(name); err == nil {
			groups = append(groups, group.Gid)
		}
	}
	return account, who.Uid == "0" || readsAsOwnerOrGroup(file, who.Uid, groups)
}

// readsAsOwnerOrGroup says whether a user can read a file although others may not.
func readsAsOwnerOrGroup(path, uid string, groups []string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	class := classOf(info, uid, groups)
	return class != others && info.Mode().Perm()&(4<<class) != 0
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
	return info.Mode().Perm()&(bit<<classOf(info, uid, groups)) == 0
}

// The classes of users, by where the bits for each are in the mode of a file.
const others, group, owner = 0, 3, 6

// classOf is the one that a user belongs to, for a file.
func classOf(info os.FileInfo, uid string, groups []string) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && strconv.FormatUint(uint64(stat.Uid), 10) == uid:
		return owner
	case ok && slices.Contains(groups, strconv.FormatUint(uint64(stat.Gid), 10)):
		return group
	}
	return others
}

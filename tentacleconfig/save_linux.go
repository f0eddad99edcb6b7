package tentacleconfig

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/unix"
)

// checkReplaceable notices what no permission shows, and what would otherwise fail only at the
// rename: after a registration was sent. A kernel before Linux 5.8 does not tell what is mounted;
// there the rename fails.
func checkReplaceable(path string) error {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_TYPE, &s); err != nil {
		return nil
	}
	switch {
	case s.Attributes&unix.STATX_ATTR_IMMUTABLE != 0:
		return &ReadOnlyError{Path: path, Immutable: true, how: "it has the immutable attribute"}
	case s.Attributes&unix.STATX_ATTR_APPEND != 0:
		return &ReadOnlyError{Path: path, Immutable: true, how: "it has the append-only attribute"}
	case s.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 && s.Mode&unix.S_IFMT == unix.S_IFREG:
		return atomicfile.MountedError(path)
	}
	return nil
}

const accessList = "system.posix_acl_access"

// keepAttributes gives the new file the extended attributes of the old one that
// say who may use it, and those of users. The others are the kernel's business.
func keepAttributes(f *os.File, oldPath string) error {
	wanted, err := attributes(func(b []byte) (int, error) { return unix.Llistxattr(oldPath, b) })
	if err != nil {
		return fmt.Errorf("cannot list its extended attributes: %w", err)
	}
	fd := int(f.Fd())
	for _, name := range wanted {
		value, err := readAttribute(func(b []byte) (int, error) { return unix.Lgetxattr(oldPath, name, b) })
		if err != nil {
			return fmt.Errorf("cannot read its attribute %s: %w", name, err)
		}
		has, err := readAttribute(func(b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
		if err == nil && slices.Equal(has, value) {
			continue // where SELinux has given it, we may not be allowed to
		}
		if err := unix.Fsetxattr(fd, name, value, 0); err != nil {
			return hint.Errorf("run this as root", "its attribute %s cannot be kept: %w", name, err)
		}
	}
	if slices.Contains(wanted, accessList) {
		return nil
	}
	// The folder may have a default access list, which the old file was made before.
	if err := unix.Fremovexattr(fd, accessList); err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP) {
		return fmt.Errorf("the access list that its folder gives to new files cannot be removed: %w", err)
	}
	return nil
}

func attributes(list func([]byte) (int, error)) ([]string, error) {
	names, err := readAttribute(list)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	var kept []string
	for name := range strings.SplitSeq(string(names), "\x00") {
		if name == accessList || name == "security.selinux" || strings.HasPrefix(name, "user.") {
			kept = append(kept, name)
		}
	}
	return kept, err
}

// readAttribute calls get first for the size and then for the content.
func readAttribute(get func([]byte) (int, error)) ([]byte, error) {
	for {
		size, err := get(nil)
		if err != nil || size == 0 {
			return nil, err
		}
		b := make([]byte, size)
		n, err := get(b)
		if errors.Is(err, unix.ERANGE) { // it grew in between
			continue
		}
		return b[:max(n, 0)], err
	}
}

package tentacleconfig

import (
	"errors"
	"io/fs"
	"os"
	"unsafe"

	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// makeLockFile makes the lock file, unless it exists: the error is then fs.ErrExist. It has an
// access list of its own (lockAccess), not that of its folder, where every user may have the right
// to read, which is enough to lock. So has one that exists, as far as this account may see to that.
func makeLockFile(name, target string) error {
	config, err := windows.GetNamedSecurityInfo(longpath.Of(target), windows.SE_FILE_OBJECT, ownerAndList)
	if err != nil {
		return err
	}
	list, err := lockAccess(config.String())
	if err != nil {
		return err
	}
	wanted, err := windows.SecurityDescriptorFromString(list)
	if err != nil {
		return err
	}
	path, err := longpath.UTF16(name)
	if err != nil {
		return err
	}
	attributes := windows.SecurityAttributes{SecurityDescriptor: wanted}
	attributes.Length = uint32(unsafe.Sizeof(attributes))
	handle, err := windows.CreateFile(path, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, &attributes, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, windows.ERROR_FILE_EXISTS) {
		protectLockFile(name, config, list)
		return fs.ErrExist
	}
	if err != nil {
		return err
	}
	return windows.CloseHandle(handle)
}

// protectLockFile gives a lock file that exists its access list and, if it belongs to somebody who
// could change that list, the owner of the configuration. Where this account may not, it stays.
func protectLockFile(name string, config *windows.SECURITY_DESCRIPTOR, list string) {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return // which is refused next
	}
	now, err := windows.GetNamedSecurityInfo(longpath.Of(name), windows.SE_FILE_OBJECT, ownerAndList)
	if err != nil {
		return
	}
	owner, ofConfig := sidOf(now.Owner()), sidOf(config.Owner())
	trusted := ofConfig == "" || isTrustedOwner(owner, ofConfig)
	if trusted && sameAccess(now.String(), list) {
		return
	}
	if !trusted {
		list = "O:" + ofConfig + list
	}
	if wanted, err := windows.SecurityDescriptorFromString(list); err == nil {
		_ = setSecurity(name, wanted, !trusted)
	}
}

// sidOf is an owner as text; "" if it is not known.
func sidOf(owner *windows.SID, _ bool, err error) string {
	if err != nil || owner == nil {
		return ""
	}
	return owner.String()
}

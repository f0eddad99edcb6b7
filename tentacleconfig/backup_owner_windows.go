package tentacleconfig

import (
	"errors"
	"io/fs"

	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// foreignOwner says why a backup of the file at target does not count: "" if its owner is trusted
// (isTrustedOwner), or if the disk knows no owners.
func foreignOwner(target string) func(backup string) string {
	own, errOwn := ownerOf(target)
	return func(backup string) string {
		owner, err := ownerOf(backup)
		switch {
		case errors.Is(err, fs.ErrNotExist), err != nil && errOwn != nil:
			return ""
		case err != nil:
			return "has an owner who cannot be found out"
		case isTrustedOwner(owner.String(), sidOf(own, false, errOwn)):
			return ""
		}
		if account, domain, _, err := owner.LookupAccount(""); err == nil {
			return `belongs to ` + domain + `\` + account
		}
		return "belongs to " + owner.String()
	}
}

func ownerOf(path string) (*windows.SID, error) {
	sd, err := windows.GetNamedSecurityInfo(longpath.Of(path), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return nil, err
	}
	owner, _, err := sd.Owner()
	if err == nil && owner == nil {
		err = windows.ERROR_INVALID_OWNER
	}
	return owner, err
}

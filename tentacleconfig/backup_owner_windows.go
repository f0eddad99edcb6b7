package tentacleconfig

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// foreignOwner says why a backup of the file at target does not count: "" if it belongs to the
// owner of that file, to Administrators or to SYSTEM, or if the disk knows no owners.
func foreignOwner(target string) func(backup string) string {
	var trusted []*windows.SID
	for _, known := range []windows.WELL_KNOWN_SID_TYPE{windows.WinBuiltinAdministratorsSid, windows.WinLocalSystemSid} {
		if sid, err := windows.CreateWellKnownSid(known); err == nil {
			trusted = append(trusted, sid)
		}
	}
	own, errOwn := ownerOf(target)
	if errOwn == nil {
		trusted = append(trusted, own)
	}
	return func(backup string) string {
		owner, err := ownerOf(backup)
		switch {
		case errors.Is(err, fs.ErrNotExist), err != nil && errOwn != nil:
			return ""
		case err != nil:
			return "has an owner who cannot be found out"
		case slices.ContainsFunc(trusted, owner.Equals):
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

package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// maxLinks is how many links Windows itself follows, at most.
const maxLinks = 63

// checkLinks refuses a link on the way to target if its owner is neither an administrator, nor the
// system, nor this user, nor the owner of target: otherwise whoever may make folders somewhere
// could lead a change to another file. Junctions, which are links to folders, take no right to
// make, and symbolic links none for developers.
func checkLinks(path, target string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	volume := filepath.VolumeName(path)
	at, rest := volume+`\`, strings.Split(strings.TrimLeft(path[len(volume):], `\`), `\`)
	for links := 0; len(rest) > 0 && links <= maxLinks; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		if err != nil {
			return nil // what may not be looked at on the way is nobody's link: the file was reached
		}
		if info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) == 0 {
			at = next
			continue
		}
		to, err := os.Readlink(next)
		if err != nil { // another kind of file that Windows completes
			at = next
			continue
		}
		if owner := ownerOf(next); owner != "" && !mayLink(owner, ownerOf(target)) {
			return hint.Errorf("name the file itself",
				"%s is a link of the account %s to %s; it was not followed, because its owner could redirect the change", next, owner, to)
		}
		if filepath.IsAbs(to) {
			volume := filepath.VolumeName(to)
			at, to = volume+`\`, strings.TrimLeft(to[len(volume):], `\`)
		}
		rest = append(strings.Split(to, `\`), rest...)
		links++
	}
	return nil
}

// mayLink says whether the link of an account (a SID) is followed to a file of another.
func mayLink(owner, ofTarget string) bool {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err == nil && user.User.Sid.String() == owner {
		return true
	}
	return IsAdministrator(owner) || owner == ofTarget
}

// ownerOf is the SID of the account that a file or link belongs to; "" where the disk knows none.
func ownerOf(path string) string {
	name, err := longpath.UTF16(path)
	if err != nil {
		return ""
	}
	const flags = windows.FILE_FLAG_BACKUP_SEMANTICS | windows.FILE_FLAG_OPEN_REPARSE_POINT // of the link, not of what it leads to
	handle, err := windows.CreateFile(name, windows.READ_CONTROL, shareAll, nil, windows.OPEN_EXISTING, flags, 0)
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(handle)
	sd, err := windows.GetSecurityInfo(handle, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return ""
	}
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return ""
	}
	return owner.String()
}

package tentacleconfig

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// checkPermission: what an access list allows is only known by trying, which the save does next,
// with nothing changed if it fails.
func checkPermission(string) error { return nil }

// keepOwner: keepMetadata does it by name; for a lock file that of the folder
// will do.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// keepMetadata gives the new file the owner, the access list and the attributes
// of the old one.
//
// ReplaceFile would keep more, but renames twice, and a crash in between leaves no file of that
// name. What it also keeps does not matter here: other streams (where a download came from) and
// compression mean nothing to a configuration, and its creation time tells a file that was replaced
// from one that Tentacle has written into (FileTimes).
func keepMetadata(f *os.File, oldPath string, _ fs.FileInfo) error {
	if err := keepSecurity(f.Name(), oldPath); err != nil {
		return err
	}
	before, err := attributesOf(oldPath)
	if err != nil {
		return err
	}
	now, err := attributesOf(f.Name())
	if err != nil {
		return err
	}
	kept, err := keptAttributes(before, now, filepath.Dir(oldPath))
	if err != nil {
		return err
	}
	name, err := longpath.UTF16(f.Name())
	if err != nil {
		return err
	}
	return windows.SetFileAttributes(name, kept)
}

func attributesOf(path string) (uint32, error) {
	name, err := longpath.UTF16(path)
	if err != nil {
		return 0, err
	}
	attributes, err := windows.GetFileAttributes(name)
	if err != nil {
		return 0, fmt.Errorf("cannot read its attributes: %w", err)
	}
	return attributes, nil
}

// keptAttributes are those that the new file gets, given those of the old one and those that it was
// created with. It refuses to replace an encrypted file by a plain one, which it would be in a
// folder that does not encrypt.
func keptAttributes(before, created uint32, folder string) (uint32, error) {
	if before&windows.FILE_ATTRIBUTE_ENCRYPTED > created&windows.FILE_ATTRIBUTE_ENCRYPTED {
		return 0, hint.New("it is encrypted (EFS), but a new file in its folder would not be",
			fmt.Sprintf("have the folder encrypt its new files: cipher /e \"%s\"", folder))
	}
	const kept = windows.FILE_ATTRIBUTE_ARCHIVE | windows.FILE_ATTRIBUTE_HIDDEN | windows.FILE_ATTRIBUTE_SYSTEM | windows.FILE_ATTRIBUTE_NOT_CONTENT_INDEXED
	if before &= kept; before == 0 {
		return windows.FILE_ATTRIBUTE_NORMAL, nil
	}
	return before, nil
}

func keepSecurity(temp, oldPath string) error {
	const both = windows.OWNER_SECURITY_INFORMATION | windows.DACL_SECURITY_INFORMATION
	before, err := windows.GetNamedSecurityInfo(longpath.Of(oldPath), windows.SE_FILE_OBJECT, both)
	if err != nil {
		return fmt.Errorf("cannot read its access list: %w", err)
	}
	now, err := windows.GetNamedSecurityInfo(longpath.Of(temp), windows.SE_FILE_OBJECT, both)
	if err != nil {
		return fmt.Errorf("cannot read the access list of a new file beside it: %w", err)
	}
	owner, _, err := before.Owner()
	if err != nil {
		return fmt.Errorf("cannot read its owner: %w", err)
	}
	if mine, _, err := now.Owner(); owner == nil || err == nil && mine != nil && mine.Equals(owner) {
		owner = nil // nothing to do
	}
	if err := setSecurity(temp, before, owner != nil); err != nil && owner != nil {
		return hint.Errorf("run this as Administrator or as that user", "its access list and its owner (%s) cannot be kept: %w", owner, err)
	} else if err != nil {
		return hint.Errorf("run this as Administrator", "its access list cannot be kept: %w", err)
	}
	return nil
}

// setSecurity gives a file the access list of a descriptor, and the owner if
// that is wanted, just as they are. SetNamedSecurityInfo would have the file
// inherit from its folder instead, and so give a file that was moved there to
// others.
func setSecurity(path string, sd *windows.SECURITY_DESCRIPTOR, owner bool) error {
	// Without it Windows forgets which entries are inherited (SECURITY_DESCRIPTOR_CONTROL).
	if err := sd.SetControl(windows.SE_DACL_AUTO_INHERIT_REQ, windows.SE_DACL_AUTO_INHERIT_REQ); err != nil {
		return err
	}
	what, access := windows.SECURITY_INFORMATION(windows.DACL_SECURITY_INFORMATION), uint32(windows.WRITE_DAC)
	if owner {
		what, access = what|windows.OWNER_SECURITY_INFORMATION, access|windows.WRITE_OWNER
		if err := enableRestore(); err != nil {
			return err
		}
	}
	name, err := longpath.UTF16(path)
	if err != nil {
		return err
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	handle, err := windows.CreateFile(name, access, share, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(handle)
	return windows.SetKernelObjectSecurity(handle, what, sd)
}

// enableRestore lets this process give files to other accounts, which an
// Administrator may do but has to ask for. Without that right, what is tried next
// fails.
func enableRestore() error {
	name, err := windows.UTF16PtrFromString("SeRestorePrivilege")
	if err != nil {
		return err
	}
	var id windows.LUID
	if err := windows.LookupPrivilegeValue(nil, name, &id); err != nil {
		return err
	}
	var token windows.Token
	if err := windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_ADJUST_PRIVILEGES, &token); err != nil {
		return err
	}
	defer token.Close()
	wanted := windows.Tokenprivileges{PrivilegeCount: 1, Privileges: [1]windows.LUIDAndAttributes{{Luid: id, Attributes: windows.SE_PRIVILEGE_ENABLED}}}
	return windows.AdjustTokenPrivileges(token, false, &wanted, 0, nil, nil)
}

// readOnlyMark is what makes a file read-only on this system.
func readOnlyMark(fs.FileInfo) string { return "attribute R" }

// replacesOpenFiles: a file that another program is writing to cannot be replaced.
const replacesOpenFiles = false

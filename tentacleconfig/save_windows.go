package tentacleconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// shareAll lets other programs do with a file what they want.
const shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

// ownerAndList is what says who may use a file.
const ownerAndList = windows.OWNER_SECURITY_INFORMATION | windows.DACL_SECURITY_INFORMATION

// checkPermission: what an access list allows is only known by trying, which checkReplaceableNow
// does.
func checkPermission(string) error { return nil }

// namesOf counts the names of a file; 0 where that is not known.
func namesOf(f *os.File) int {
	var info windows.ByHandleFileInformation
	if windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info) != nil {
		return 0
	}
	return int(info.NumberOfLinks)
}

// checkReplaceableNow opens the file as who replaces it does, and its folder as who makes a file in
// it does. The new file gets the same access list, so that what may be removed now can be removed
// then.
func checkReplaceableNow(ctx context.Context, target string) error {
	folder := filepath.Dir(target)
	name, err := longpath.UTF16(folder)
	if err != nil {
		return err
	}
	const addFile = 0x2 // FILE_ADD_FILE
	handle, err := windows.CreateFile(name, addFile, shareAll, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	switch {
	case err == nil:
		err = windows.CloseHandle(handle)
	case errors.Is(err, windows.ERROR_SHARING_VIOLATION): // who has the folder open keeps nobody from making files in it
		err = nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return hint.Errorf("run this as Administrator", "no permission to create files in %s: %w", folder, err)
	}
	if err != nil {
		return err
	}
	err = atomicfile.CheckReplaceable(ctx, target)
	if errors.Is(err, fs.ErrPermission) && !errors.As(err, new(*atomicfile.InUseError)) {
		return hint.Errorf("run this as Administrator, or as an account whose rights to the file include \"delete\" (Modify)", "no permission to replace it: %w", err)
	}
	return err
}

// keepMetadata gives the new file the owner, the access list, the attributes and the other streams
// of the old one, and what it has of an audit list, an integrity label and claims, where this
// account may see these.
//
// ReplaceFile would do the same, but renames twice, and a crash in between leaves no file of that
// name. It would also keep the time of birth, which tells a file that was replaced from one that
// Tentacle has written into (FileTimes).
func keepMetadata(f *os.File, oldPath string, _ fs.FileInfo) error {
	if err := keepSecurity(f.Name(), oldPath); err != nil {
		return err
	}
	if err := keepAudit(f.Name(), oldPath); err != nil {
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
	if compressed := before & windows.FILE_ATTRIBUTE_COMPRESSED; compressed != now&windows.FILE_ATTRIBUTE_COMPRESSED {
		if err := setCompression(f.Name(), compressed != 0); err != nil {
			return fmt.Errorf("its compression cannot be kept: %w", err)
		}
	}
	if err := keepStreams(f.Name(), oldPath); err != nil {
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
	before, err := windows.GetNamedSecurityInfo(longpath.Of(oldPath), windows.SE_FILE_OBJECT, ownerAndList)
	if err != nil {
		return fmt.Errorf("cannot read its access list: %w", err)
	}
	now, err := windows.GetNamedSecurityInfo(longpath.Of(temp), windows.SE_FILE_OBJECT, ownerAndList)
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
		// An Administrator may give files to other accounts, but has to ask for that.
		if err := enablePrivilege("SeRestorePrivilege"); err != nil {
			return err
		}
	}
	return setSecurityParts(path, sd, what, access)
}

func setSecurityParts(path string, sd *windows.SECURITY_DESCRIPTOR, what windows.SECURITY_INFORMATION, access uint32) error {
	name, err := longpath.UTF16(path)
	if err != nil {
		return err
	}
	handle, err := windows.CreateFile(name, access, shareAll, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(handle)
	return windows.SetKernelObjectSecurity(handle, what, sd)
}

// keepAudit keeps what of a security descriptor says nothing about who may use the file: integrity
// label and claims and, where this account has the right to manage auditing, which entries of its
// own of an audit list it has. Who has not cannot know of them. What the new file has from its
// folder stays.
func keepAudit(temp, oldPath string) error {
	what := windows.SECURITY_INFORMATION(windows.LABEL_SECURITY_INFORMATION | windows.ATTRIBUTE_SECURITY_INFORMATION)
	access := uint32(windows.WRITE_OWNER | windows.WRITE_DAC)
	const audit = windows.SACL_SECURITY_INFORMATION | windows.SCOPE_SECURITY_INFORMATION
	var before *windows.SECURITY_DESCRIPTOR
	err := enablePrivilege("SeSecurityPrivilege")
	if err == nil {
		before, err = windows.GetNamedSecurityInfo(longpath.Of(oldPath), windows.SE_FILE_OBJECT, what|audit)
	}
	if err == nil {
		what, access = what|audit, access|windows.ACCESS_SYSTEM_SECURITY
	} else if before, err = windows.GetNamedSecurityInfo(longpath.Of(oldPath), windows.SE_FILE_OBJECT, what); err != nil {
		return nil // a disk without such things
	}
	now, err := windows.GetNamedSecurityInfo(longpath.Of(temp), windows.SE_FILE_OBJECT, what)
	if err != nil || !losesAudit(before.String(), now.String()) {
		return nil
	}
	if err := enablePrivilege("SeRestorePrivilege"); err != nil {
		return err
	}
	if err := before.SetControl(windows.SE_SACL_AUTO_INHERIT_REQ, windows.SE_SACL_AUTO_INHERIT_REQ); err != nil {
		return err
	}
	if err := setSecurityParts(temp, before, what, access); err != nil {
		return hint.Errorf("run this as Administrator", "its audit list, integrity label or claims cannot be kept: %w", err)
	}
	return nil
}

// setCompression has the disk compress a file, or not.
func setCompression(path string, compress bool) error {
	name, err := longpath.UTF16(path)
	if err != nil {
		return err
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, shareAll, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(handle)
	format := [2]byte{} // COMPRESSION_FORMAT_NONE
	if compress {
		format[0] = 1 // COMPRESSION_FORMAT_DEFAULT
	}
	var returned uint32
	return windows.DeviceIoControl(handle, windows.FSCTL_SET_COMPRESSION, &format[0], uint32(len(format)), nil, 0, &returned, nil)
}

// enablePrivilege lets this process do what its account may do but has to ask for. That it may not
// is no error: what is tried next fails then.
func enablePrivilege(privilege string) error {
	name, err := windows.UTF16PtrFromString(privilege)
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

// inheritFromFolder gives a file that was moved into its folder the access list of one that was
// made there.
func inheritFromFolder(path string) error {
	folder, err := windows.GetNamedSecurityInfo(longpath.Of(filepath.Dir(path)), windows.SE_FILE_OBJECT, ownerAndList)
	if err != nil || !givesToFiles(folder.String()) {
		return nil // it has what its creator gives to new files
	}
	empty, err := windows.SecurityDescriptorFromString("D:")
	if err != nil {
		return err
	}
	list, _, err := empty.DACL()
	if err != nil {
		return err
	}
	const what = windows.DACL_SECURITY_INFORMATION | windows.UNPROTECTED_DACL_SECURITY_INFORMATION
	if err := windows.SetNamedSecurityInfo(longpath.Of(path), windows.SE_FILE_OBJECT, what, nil, nil, list, nil); err != nil {
		return fmt.Errorf("%s is written, but cannot be given the access list of its folder: %w", path, err)
	}
	return nil
}

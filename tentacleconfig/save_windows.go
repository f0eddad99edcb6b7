package tentacleconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/windows"
)

// mayWrite: what an access list allows is only known by trying, and trying is
// what writeTemp and rename do next, with nothing changed when they fail.
func mayWrite(string) error { return nil }

// keepOwner: keepMetadata does it by name; for a lock file that of the folder
// will do.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// keepMetadata gives the new file the owner, the access list and the attributes
// of the old one.
//
// ReplaceFile would keep more, but renames twice, and a crash in between leaves
// no file of that name. What it keeps besides is not missed: other streams
// (where a download came from) and compression mean nothing to a configuration,
// and by its time of birth a file that was replaced is told from one that the
// Tentacle has written into (FileTimes).
func keepMetadata(f *os.File, old string, _ fs.FileInfo) error {
	if err := keepSecurity(f.Name(), old); err != nil {
		return err
	}
	before, err := attributesOf(old)
	if err != nil {
		return err
	}
	now, err := attributesOf(f.Name())
	if err != nil {
		return err
	}
	kept, err := keptAttributes(before, now, filepath.Dir(old))
	if err != nil {
		return err
	}
	name, err := nameOf(f.Name())
	if err != nil {
		return err
	}
	return windows.SetFileAttributes(name, kept)
}

func attributesOf(path string) (uint32, error) {
	name, err := nameOf(path)
	if err != nil {
		return 0, err
	}
	attributes, err := windows.GetFileAttributes(name)
	if err != nil {
		return 0, fmt.Errorf("cannot read its attributes: %w", err)
	}
	return attributes, nil
}

// keptAttributes are those that a new file gets. It refuses to make a plain file
// of an encrypted one, which would be so in a folder that is not.
func keptAttributes(old, new uint32, folder string) (uint32, error) {
	if old&windows.FILE_ATTRIBUTE_ENCRYPTED > new&windows.FILE_ATTRIBUTE_ENCRYPTED {
		return 0, fmt.Errorf("it is encrypted (EFS), and a new file in its folder would not be\nhave the folder encrypt its new files: cipher /e \"%s\"", folder)
	}
	const kept = windows.FILE_ATTRIBUTE_ARCHIVE | windows.FILE_ATTRIBUTE_HIDDEN | windows.FILE_ATTRIBUTE_SYSTEM | windows.FILE_ATTRIBUTE_NOT_CONTENT_INDEXED
	if old &= kept; old == 0 {
		return windows.FILE_ATTRIBUTE_NORMAL, nil
	}
	return old, nil
}

func keepSecurity(temp, old string) error {
	const both = windows.OWNER_SECURITY_INFORMATION | windows.DACL_SECURITY_INFORMATION
	before, err := windows.GetNamedSecurityInfo(longPath(old), windows.SE_FILE_OBJECT, both)
	if err != nil {
		return fmt.Errorf("cannot read its access list: %w", err)
	}
	now, err := windows.GetNamedSecurityInfo(longPath(temp), windows.SE_FILE_OBJECT, both)
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
		return fmt.Errorf("its access list and its owner (%s) cannot be kept: %w\nrun this as Administrator or as that user", owner, err)
	} else if err != nil {
		return fmt.Errorf("its access list cannot be kept: %w\nrun this as Administrator", err)
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
	name, err := nameOf(path)
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
// Administrator may do but has to ask for. Who may not at all learns it from
// what he tries then.
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

// rename replaces a file in one step of the file system. The Tentacle, which
// lets nobody delete what it reads, a virus scanner or a backup may have the old
// one open for a moment.
func rename(from, to string) error {
	source, err := nameOf(from)
	if err != nil {
		return err
	}
	target, err := nameOf(to)
	if err != nil {
		return err
	}
	return whileInUse(func() error {
		return windows.MoveFileEx(source, target, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
	}, windows.ERROR_SHARING_VIOLATION, windows.ERROR_ACCESS_DENIED)
}

// noFollow: who makes links here is an Administrator.
const noFollow = 0

func openTarget(path string) (*os.File, error) { return openShared(path) }

func checkLinks(string, string) error { return nil }

// openShared opens a file to read it, also while another octo-tentacle gives it
// its name, and waits a moment for who has it for himself, as the Tentacle while
// it writes.
func openShared(path string) (*os.File, error) {
	name, err := nameOf(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	var handle windows.Handle
	err = whileInUse(func() (err error) {
		const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
		handle, err = windows.CreateFile(name, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
		return err
	}, windows.ERROR_SHARING_VIOLATION)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// whileInUse tries for about a second, as long as the error is one of these, by
// which Windows tells that someone else has the file open.
func whileInUse(try func() error, signs ...error) error {
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		err := try()
		inUse := slices.ContainsFunc(signs, func(sign error) bool { return errors.Is(err, sign) })
		switch {
		case inUse && wait < time.Second:
			time.Sleep(wait)
		case inUse:
			return fmt.Errorf("another program has it open, or it may not be replaced: %w", err)
		default:
			return err
		}
	}
}

// nameOf is a path as Windows itself takes it.
func nameOf(path string) (*uint16, error) { return windows.UTF16PtrFromString(longPath(path)) }

// longPath writes an absolute path so that Windows reads one of more than 260
// characters, which versions before 10 and programs that did not ask for it do
// only in this form ("Maximum Path Length Limitation").
func longPath(path string) string {
	const most = 247 // of a folder: less than of a file
	if len(path) <= most || !filepath.IsAbs(path) || strings.HasPrefix(path, `\\?\`) || strings.HasPrefix(path, `\\.\`) {
		return path
	}
	path = filepath.Clean(path) // in this form Windows takes dots and slashes as they are
	if server, ok := strings.CutPrefix(path, `\\`); ok {
		return `\\?\UNC\` + server
	}
	return `\\?\` + path
}

// flushFolder: MOVEFILE_WRITE_THROUGH has done it.
func flushFolder(string) error { return nil }

// readOnly and writableAgain are how this system words a read-only file.
func readOnly(fs.FileInfo) string { return " (its attribute R is set)" }

func writableAgain(target string) string { return `attrib -R "` + target + `"` }

// replacesOpenFiles: a file that somebody is writing to cannot be replaced.
const replacesOpenFiles = false

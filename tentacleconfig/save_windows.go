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
// of the old one. ReplaceFile would do so too, but can lose both files when the
// machine fails at the wrong moment.
func keepMetadata(f *os.File, old string, _ fs.FileInfo) error {
	const who = windows.OWNER_SECURITY_INFORMATION | windows.GROUP_SECURITY_INFORMATION
	sd, err := windows.GetNamedSecurityInfo(longPath(old), windows.SE_FILE_OBJECT, who|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("cannot read its access list: %w", err)
	}
	if err := keepSecurity(f.Name(), sd); err != nil {
		return err
	}
	name, err := nameOf(old)
	if err != nil {
		return err
	}
	attributes, err := windows.GetFileAttributes(name)
	if err != nil {
		return fmt.Errorf("cannot read its attributes: %w", err)
	}
	temp, err := nameOf(f.Name())
	if err != nil {
		return err
	}
	const kept = windows.FILE_ATTRIBUTE_ARCHIVE | windows.FILE_ATTRIBUTE_HIDDEN | windows.FILE_ATTRIBUTE_SYSTEM | windows.FILE_ATTRIBUTE_NOT_CONTENT_INDEXED
	if attributes &= kept; attributes == 0 {
		attributes = windows.FILE_ATTRIBUTE_NORMAL
	}
	return windows.SetFileAttributes(temp, attributes)
}

func keepSecurity(temp string, old *windows.SECURITY_DESCRIPTOR) error {
	dacl, _, err := old.DACL()
	if err != nil {
		return fmt.Errorf("cannot read its access list: %w", err)
	}
	control, _, err := old.Control()
	if err != nil {
		return fmt.Errorf("cannot read its access list: %w", err)
	}
	what := windows.SECURITY_INFORMATION(windows.DACL_SECURITY_INFORMATION | windows.UNPROTECTED_DACL_SECURITY_INFORMATION)
	if control&windows.SE_DACL_PROTECTED != 0 {
		what = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	}
	if err := windows.SetNamedSecurityInfo(longPath(temp), windows.SE_FILE_OBJECT, what, nil, nil, dacl, nil); err != nil {
		return fmt.Errorf("its access list cannot be kept: %w\nrun this as Administrator", err)
	}
	return keepOwnerOf(temp, old)
}

func keepOwnerOf(temp string, old *windows.SECURITY_DESCRIPTOR) error {
	now, err := windows.GetNamedSecurityInfo(longPath(temp), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("cannot read the owner of %s: %w", temp, err)
	}
	mine, _, err := now.Owner()
	if err != nil {
		return err
	}
	owner, _, err := old.Owner()
	if err != nil || owner == nil || mine != nil && mine.Equals(owner) {
		return err
	}
	if err := windows.SetNamedSecurityInfo(longPath(temp), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION, owner, nil, nil, nil); err != nil {
		return fmt.Errorf("it belongs to %s, which cannot be kept: %w\nrun this as Administrator or as that user", owner, err)
	}
	return nil
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

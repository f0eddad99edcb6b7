package tentacleconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	sd, err := windows.GetNamedSecurityInfo(old, windows.SE_FILE_OBJECT, who|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("cannot read its access list: %w", err)
	}
	if err := keepSecurity(f.Name(), sd); err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(old)
	if err != nil {
		return err
	}
	attributes, err := windows.GetFileAttributes(name)
	if err != nil {
		return fmt.Errorf("cannot read its attributes: %w", err)
	}
	temp, err := windows.UTF16PtrFromString(f.Name())
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
	if err := windows.SetNamedSecurityInfo(temp, windows.SE_FILE_OBJECT, what, nil, nil, dacl, nil); err != nil {
		return fmt.Errorf("its access list cannot be kept: %w\nrun this as Administrator", err)
	}
	return keepOwnerOf(temp, old)
}

func keepOwnerOf(temp string, old *windows.SECURITY_DESCRIPTOR) error {
	now, err := windows.GetNamedSecurityInfo(temp, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
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
	if err := windows.SetNamedSecurityInfo(temp, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION, owner, nil, nil, nil); err != nil {
		return fmt.Errorf("it belongs to %s, which cannot be kept: %w\nrun this as Administrator or as that user", owner, err)
	}
	return nil
}

// rename replaces a file in one step of the file system. Tentacle, a virus
// scanner or a backup may have the old one open for a moment.
func rename(from, to string) error {
	source, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	target, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		err = windows.MoveFileEx(source, target, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
		inUse := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
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

// flushFolder: MOVEFILE_WRITE_THROUGH has done it.
func flushFolder(string) error { return nil }

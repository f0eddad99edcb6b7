package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// ownerOnly gives a new file an access list that it does not share with its folder: its owner, the
// administrators, the system.
func ownerOnly(f *os.File) error {
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;OW)(A;;FA;;;BA)(A;;FA;;;SY)")
	if err != nil {
		return err
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	const what = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	if err := windows.SetNamedSecurityInfo(longpath.Of(f.Name()), windows.SE_FILE_OBJECT, what, nil, nil, dacl, nil); err != nil {
		return fmt.Errorf("it cannot be made readable by its owner alone: %w", err)
	}
	return nil
}

// rename waits a moment for programs that have the old file open: Tentacle, which lets nobody
// delete what it reads, a virus scanner or a backup.
func rename(from, to string) error {
	return whileInUse(func() error {
		return move(from, to, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
	}, windows.ERROR_SHARING_VIOLATION, windows.ERROR_ACCESS_DENIED)
}

// renameNoReplace gives a temporary file its name, unless something has that name.
func renameNoReplace(temp, path string) error {
	return move(temp, path, windows.MOVEFILE_WRITE_THROUGH)
}

func move(from, to string, flags uint32) error {
	source, err := longpath.UTF16(from)
	if err != nil {
		return err
	}
	target, err := longpath.UTF16(to)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(source, target, flags)
}

// whileInUse tries for about a second, as long as the error is one of these, by which Windows says
// that someone else has the file open.
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

// FlushFolder does nothing: MOVEFILE_WRITE_THROUGH has flushed the rename.
func FlushFolder(string) error { return nil }

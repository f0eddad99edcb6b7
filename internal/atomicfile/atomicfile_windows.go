package atomicfile

import (
	"context"
	"fmt"
	"os"
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

// rename waits for programs that have the old file open: Tentacle, which lets nobody delete what it
// reads, a virus scanner or a backup. While one has, Windows denies the access.
func rename(ctx context.Context, from, to string) error {
	wait := WhileInUseOrDenied
	if info, err := os.Lstat(to); err == nil && info.Mode().Perm()&0o200 == 0 { // denied because of its attribute R
		wait = WhileInUse
	}
	err := wait(ctx, to, func() error {
		return move(from, to, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
	})
	if err == nil {
		setBirth(to)
	}
	return err
}

// setBirth makes a file one that was created now: for a quarter of a minute Windows gives the time
// of birth of a file that had a name before to the next one of that name ("file system tunneling"),
// so that a file which was replaced would seem to be one that was written into. Where this account
// may not, that stays so.
func setBirth(path string) {
	name, err := longpath.UTF16(path)
	if err != nil {
		return
	}
	handle, err := windows.CreateFile(name, windows.FILE_WRITE_ATTRIBUTES, shareAll, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return
	}
	defer windows.CloseHandle(handle)
	now := windows.NsecToFiletime(time.Now().UnixNano())
	_ = windows.SetFileTime(handle, &now, nil, nil)
}

// renameNoReplace gives a temporary file its name, unless something has that name.
func renameNoReplace(temp, path string) error {
	return WhileInUse(context.Background(), temp, func() error { return move(temp, path, windows.MOVEFILE_WRITE_THROUGH) })
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

// CheckReplaceable says why the file at path cannot be replaced: because of its access list, or
// because another program that has it open does not allow that. It waits for that program.
func CheckReplaceable(ctx context.Context, path string) error {
	name, err := longpath.UTF16(path)
	if err != nil {
		return err
	}
	return WhileInUse(ctx, path, func() error {
		return tellPending(func() error {
			// Read the access list, too: the new file gets it.
			handle, err := windows.CreateFile(name, windows.DELETE|windows.READ_CONTROL, shareAll, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
			if err == nil {
				_ = windows.CloseHandle(handle)
			}
			return err
		})
	})
}

// FlushFolder does nothing: MOVEFILE_WRITE_THROUGH has flushed the rename.
func FlushFolder(string) error { return nil }

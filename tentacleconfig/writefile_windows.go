package tentacleconfig

import (
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// ownerOnly gives a new file an access list that it does not share with its
// folder: its owner, the administrators, the system.
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
	if err := windows.SetNamedSecurityInfo(longPath(f.Name()), windows.SE_FILE_OBJECT, what, nil, nil, dacl, nil); err != nil {
		return fmt.Errorf("it cannot be made readable by its owner alone: %w", err)
	}
	return nil
}

// place gives a temporary file its name, unless something has that name.
func place(temp, path string) error {
	from, err := nameOf(temp)
	if err != nil {
		return err
	}
	to, err := nameOf(path)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(from, to, windows.MOVEFILE_WRITE_THROUGH)
}

package commands

import (
	"errors"

	"golang.org/x/sys/windows"
)

// checkElevated refuses a change before anything is tried which would end with
// a file that cannot be written, or a service that cannot be restarted.
func checkElevated() error {
	if windows.GetCurrentProcessToken().IsElevated() {
		return nil
	}
	return errors.New("only an Administrator may change a Tentacle: run this in a console that was started with \"Run as administrator\"\n" +
		"without it, --dry-run shows what would change, and --no-restart changes a file that your account may write to")
}

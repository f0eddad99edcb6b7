package commands

import (
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/windows"
)

// needAdministrator refuses a change early that would fail because the file cannot be written or
// the service cannot be restarted.
func needAdministrator() error {
	if windows.GetCurrentProcessToken().IsElevated() {
		return nil
	}
	return hint.New("only an Administrator may change a Tentacle", "use a console started with \"Run as administrator\"")
}

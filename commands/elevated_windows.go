package commands

import (
	"errors"

	"github.com/octo-tentacle/octo-tentacle/service"
	"golang.org/x/sys/windows"
)

// needAdministrator refuses a change before anything is tried which would end
// with a file that cannot be written, or a service that cannot be restarted.
func needAdministrator() error {
	if windows.GetCurrentProcessToken().IsElevated() {
		return nil
	}
	return errors.New("only an Administrator may change a Tentacle: run this in a console that was started with \"Run as administrator\"")
}

// needRestartRights refuses a restart before it is waited for, for minutes
// perhaps. An account may have been given these rights alone.
func needRestartRights(name string) error { return service.MayRestart(name) }

package service

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnmanaged is the error for what needs a service manager where none runs.
var ErrUnmanaged = errors.New("no supported service manager runs here (is this a container?)")

// A ManagerError is a failure of something that the service manager was asked, together with one of
// the manager's own commands (systemctl, journalctl, sc.exe) that shows more or finishes the work.
type ManagerError struct {
	Err     error
	Purpose string   // what the command is for: "see why"
	Command []string // its words, not quoted for any shell
}

func (e *ManagerError) Error() string { return e.Err.Error() }
func (e *ManagerError) Unwrap() error { return e.Err }

// A StartError is a service that does not run now, although it was to be started: each try, of
// several, failed.
type StartError struct {
	Err     error
	Status  Status // after the last try
	Crashed bool   // its process was started, and ended again too early
	Final   bool   // another try would fail for the same reason
}

func (e *StartError) Error() string { return e.Err.Error() }
func (e *StartError) Unwrap() error { return e.Err }

// A DependentsError is services that depend on another one, were stopped for its restart, and did
// not start again (Windows).
type DependentsError struct {
	Service    string
	Dependents []string
	Errs       []error // one for each of them
}

func (e *DependentsError) Error() string {
	texts := make([]string, len(e.Errs))
	for i, err := range e.Errs {
		texts[i] = err.Error()
	}
	return "what depends on service " + e.Service + " was stopped for its restart and does not run again: " + strings.Join(texts, "; ")
}

func (e *DependentsError) Unwrap() []error { return e.Errs }

// A PasswordRequiredError is an account that cannot run a service without its password (Windows).
type PasswordRequiredError struct{ Account string }

func (e *PasswordRequiredError) Error() string {
	return fmt.Sprintf("the account %s needs its password to run a service", e.Account)
}

// A DependencyError is a service that a Definition depends on, but which does not exist (Windows).
type DependencyError struct{ Service string }

func (e *DependencyError) Error() string {
	return fmt.Sprintf("there is no service %s on this machine to depend on", e.Service)
}

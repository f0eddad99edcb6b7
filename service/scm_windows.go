package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

// Query asks the service control manager for the state of the service of that name (which
// Tentacle uses as the display name, too). A service that does not exist is not an error but the
// state Absent. It does not need an Administrator.
func Query(ctx context.Context, name string) (Status, error) {
	if ctx.Value(withoutManagerKey{}) != nil {
		return Status{Name: name, State: Unmanaged}, nil
	}
	return told(ctx, "query", name)(query(name))
}

func query(name string) (Status, error) {
	s, err := open(name, "query", mayQueryStatus)
	if err != nil {
		return Status{Name: name}, err
	}
	if s == nil {
		return Status{Name: name, State: Absent}, nil
	}
	defer s.Close()
	return s.query()
}

// A handle is an open service.
type handle struct{ mgr.Service }

// open opens a service with these rights; nil when it does not exist. doing is what for, like
// "restart". Unlike mgr.Connect, it asks for no more rights than it needs. The error is a
// *RightsError where this account lacks them.
func open(name, doing string, needed rights) (*handle, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, &NameError{name, err.Error()}
	}
	opened, err := openService(text, needed)
	s := &handle{mgr.Service{Name: name, Handle: opened}}
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST), errors.Is(err, windows.ERROR_INVALID_NAME):
		return nil, nil
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return nil, refusedRights(text, name, doing, needed)
	case err != nil:
		return nil, s.failed(doing, err)
	}
	return s, nil
}

func openService(name *uint16, needed rights) (windows.Handle, error) {
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return 0, fmt.Errorf("could not reach the service control manager: %w", err)
	}
	defer windows.CloseServiceHandle(manager)
	return windows.OpenService(manager, name, uint32(needed))
}

func (s *handle) query() (Status, error) {
	status := Status{Name: s.Name}
	now, err := s.Query()
	if err != nil {
		return status, s.failed("query", err)
	}
	status.State = stateOf(now)
	status.MainPID = int(now.ProcessId)
	status.Started = startOf(now.ProcessId)
	if status.State == Failed {
		status.Reason = endOf(now)
	}
	return status, nil
}

// stateOf translates the states of SERVICE_STATUS. A paused service is still a process with the
// old settings.
func stateOf(s svc.Status) State {
	switch s.State {
	case svc.Stopped:
		if s.Win32ExitCode != 0 && syscall.Errno(s.Win32ExitCode) != windows.ERROR_SERVICE_NEVER_STARTED {
			return Failed
		}
		return Stopped
	case svc.StartPending:
		return Starting
	case svc.StopPending:
		return Stopping
	}
	return Running
}

func endOf(s svc.Status) string {
	if syscall.Errno(s.Win32ExitCode) == windows.ERROR_SERVICE_SPECIFIC_ERROR {
		return "exit code " + strconv.FormatUint(uint64(s.ServiceSpecificExitCode), 10)
	}
	return syscall.Errno(s.Win32ExitCode).Error()
}

// startOf is the time at which a process was started, or zero where this account may not see it.
func startOf(pid uint32) time.Time {
	if pid == 0 {
		return time.Time{}
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return time.Time{}
	}
	defer windows.CloseHandle(process)
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(process, &created, &exited, &kernel, &user) != nil {
		return time.Time{}
	}
	return time.Unix(0, created.Nanoseconds())
}

// failed is the error for a call to the service control manager that failed; doing is what was
// tried, like "restart".
func (s *handle) failed(doing string, err error) error {
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return refused(s.Name, doing, nil)
	case errors.Is(err, windows.ERROR_SERVICE_DISABLED):
		return &ManagerError{fmt.Errorf("could not %s the service %s: it is disabled", doing, s.Name),
			"enable it", []string{"sc.exe", "config", s.Name, "start=", "auto"}}
	}
	return fmt.Errorf("could not %s the service %s: %w", doing, s.Name, err)
}

// seeStatus is err with the command that shows the service's status.
func (s *handle) seeStatus(err error) error {
	return &ManagerError{err, "see", []string{"sc.exe", "query", s.Name}} // in PowerShell, sc is Set-Content
}

package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

// pollInterval is how often the service control manager is asked while something is waited for.
const pollInterval = 100 * time.Millisecond

// Look asks the service control manager for the state of the service of that name (Tentacle uses it as the display name too).
// A service that does not exist is no error but the state Absent. It needs no Administrator.
func Look(_ context.Context, name string) (Status, error) {
	s, err := open(name, windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return Status{Name: name}, err
	}
	if s == nil {
		return Status{Name: name, State: Absent}, nil
	}
	defer s.Close()
	return s.look()
}

// Restart restarts the service if it runs, with the services that depend on it, and returns once the new process has stayed up for
// two seconds. A service that does not run is left alone: the status says so, without an error. So after no error the service was restarted if the state is
// Running, and not otherwise. progress, which may be nil, is told what is being waited for.
func Restart(ctx context.Context, name string, progress func(string)) (Status, error) {
	if progress == nil {
		progress = func(string) {}
	}
	s, err := open(name, restartRights)
	if err != nil {
		return Status{Name: name}, err
	}
	if s == nil {
		return Status{Name: name, State: Absent}, nil
	}
	defer s.Close()
	before, err := s.look()
	if err != nil || !before.State.runs() {
		return before, err
	}

	dependents, err := s.ListDependentServices(svc.Active)
	if err != nil {
		return before, s.explain("list the services that depend on", err)
	}
	// Once something is stopped, everything stopped is started again, whatever happens in between. The list is in the order to stop.
	var stopped []string
	err = func() error {
		for _, dependent := range dependents {
			stopped = append(stopped, dependent)
			if err := stopByName(ctx, dependent, progress); err != nil {
				return err
			}
		}
		progress("waiting for " + name + " to stop")
		if err := s.stop(ctx); err != nil {
			return err
		}
		progress("starting " + name)
		if err := s.Start(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
			return s.explain("start", err)
		}
		return nil
	}()
	now := before
	if err == nil {
		progress("waiting whether " + name + " stays up")
		now, err = s.settle(ctx)
	}
	for _, dependent := range slices.Backward(stopped) {
		err = errors.Join(err, startByName(dependent))
	}
	return now, err
}

// restartRights are what a restart needs of a service; an account may be given just these without being Administrator.
const restartRights = windows.SERVICE_QUERY_STATUS | windows.SERVICE_START | windows.SERVICE_STOP | windows.SERVICE_ENUMERATE_DEPENDENTS

type handle struct{ mgr.Service }

// open returns nil when there is no such service. The rights asked for are no more than needed, unlike those of mgr.Connect.
func open(name string, rights uint32) (*handle, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, fmt.Errorf("%q cannot be the name of a service: %w", name, err)
	}
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return nil, fmt.Errorf("could not reach the service control manager: %w", err)
	}
	defer windows.CloseServiceHandle(manager)
	opened, err := windows.OpenService(manager, text, rights)
	s := &handle{mgr.Service{Name: name, Handle: opened}}
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST), errors.Is(err, windows.ERROR_INVALID_NAME):
		return nil, nil
	case err != nil && rights == restartRights:
		return nil, s.explain("restart", err)
	case err != nil:
		return nil, s.explain("look at", err)
	}
	return s, nil
}

func (s *handle) look() (Status, error) {
	status := Status{Name: s.Name}
	now, err := s.Query()
	if err != nil {
		return status, s.explain("look at", err)
	}
	status.State = stateOf(now)
	status.MainPID = int(now.ProcessId)
	status.Started = startOf(now.ProcessId)
	if status.State == Failed {
		status.Reason = endOf(now)
	}
	return status, nil
}

// stateOf translates the states of SERVICE_STATUS. A paused service is still a process with the old settings.
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

// stop asks the service to stop and waits until it has.
func (s *handle) stop(ctx context.Context) error {
	_, err := s.Control(svc.Stop)
	if err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return s.explain("stop", err)
	}
	for {
		now, err := s.look()
		if err != nil {
			return err
		}
		if now.State == Stopped || now.State == Failed {
			return nil
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("the service %s was asked to stop and is still %s: %w\nstart it when it has stopped: sc start %q", s.Name, now.State, err, s.Name)
		}
	}
}

// settle waits until the service runs, and then for the settle time whether it stays so.
func (s *handle) settle(ctx context.Context) (Status, error) {
	var first Status
	var since time.Time
	for {
		now, err := s.look()
		switch {
		case err != nil:
			return now, err
		case now.State == Starting && first.MainPID == 0:
		case now.State == Running && first.MainPID == 0:
			first, since = now, time.Now()
		case now.State != Running || now.MainPID != first.MainPID:
			return now, fmt.Errorf("%s was restarted but did not stay up: it is %s now\nsee why in the event log and in the Tentacle's log (Logs\\OctopusTentacle.txt in its home)", s.Name, now)
		case time.Since(since) >= settleTime:
			return first, nil
		}
		if err := pause(ctx); err != nil {
			return now, fmt.Errorf("the restart of %s was not waited for to the end (it is %s): %w\nsee: sc query %q", s.Name, now.State, err, s.Name)
		}
	}
}

// pause waits for one poll interval or, with its cause as the error, for the end of ctx.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pollInterval):
		return nil
	}
}

func stopByName(ctx context.Context, name string, progress func(string)) error {
	s, err := open(name, restartRights)
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	progress("waiting for " + name + " to stop, which depends on it")
	return s.stop(ctx)
}

func startByName(name string) error {
	s, err := open(name, restartRights)
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	if err := s.Start(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
		return s.explain("start again", err)
	}
	return nil
}

// explain says what a failed call means for the person who has to make it work.
func (s *handle) explain(doing string, err error) error {
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return fmt.Errorf("not allowed to %s the service %s: run as Administrator", doing, s.Name)
	case errors.Is(err, windows.ERROR_SERVICE_DISABLED):
		return fmt.Errorf("could not %s the service %s: it is disabled\nenable it: sc config %q start= auto", doing, s.Name, s.Name)
	}
	return fmt.Errorf("could not %s the service %s: %w", doing, s.Name, err)
}

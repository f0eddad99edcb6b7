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
	s, err := open(name, "look at", windows.SERVICE_QUERY_STATUS)
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
	progress = orSilent(progress)
	s, before, err := openToChange(name, "restart")
	if s == nil {
		return before, err
	}
	defer s.Close()
	if err != nil || !before.State.Runs() {
		return before, err
	}
	// Once something is stopped, everything stopped is started again, whatever happens in between.
	stopped, err := s.stopAll(ctx, progress)
	now := before
	switch {
	case err == nil:
		now, err = s.bringUp(ctx, "restarted", progress)
	case ctx.Err() != nil:
		// Not "sc", which writes a file in PowerShell (Set-Content).
		err = fmt.Errorf("%w\nstart it when it has stopped: sc.exe start %q", err, name)
	}
	for _, dependent := range slices.Backward(stopped) {
		err = errors.Join(err, startByName(dependent))
	}
	return now, err
}

// Start starts the service unless it runs, and returns once its process has stayed up for two seconds. A service that runs and one that does not exist are left
// alone: the status says so, without an error. progress, which may be nil, is told what is being waited for.
func Start(ctx context.Context, name string, progress func(string)) (Status, error) {
	s, before, err := openToChange(name, "start")
	if s == nil {
		return before, err
	}
	defer s.Close()
	if err == nil && before.State == Stopping {
		err = s.stop(ctx)
	}
	if err != nil || before.State == Running {
		return before, err
	}
	return s.bringUp(ctx, "started", orSilent(progress))
}

// Stop stops the service if it runs, after the services that depend on it, and returns once it has stopped. A service that does not run is left alone: the status says
// so, without an error. progress, which may be nil, is told what is being waited for.
func Stop(ctx context.Context, name string, progress func(string)) (Status, error) {
	s, before, err := openToChange(name, "stop")
	if s == nil {
		return before, err
	}
	defer s.Close()
	if err != nil || before.State == Stopped || before.State == Failed {
		return before, err
	}
	if _, err := s.stopAll(ctx, orSilent(progress)); err != nil {
		return before, err
	}
	return s.look()
}

// openToChange is open and a first look; nil when there is no such service.
func openToChange(name, doing string) (*handle, Status, error) {
	s, err := open(name, doing, restartRights)
	if err != nil {
		return nil, Status{Name: name}, err
	}
	if s == nil {
		return nil, Status{Name: name, State: Absent}, nil
	}
	before, err := s.look()
	return s, before, err
}

// MayRestart tells whether this account may restart the service, if there is one, without doing anything.
func MayRestart(name string) error {
	s, err := open(name, "restart", restartRights)
	if s != nil {
		s.Close()
	}
	return err
}

// stopAll stops the service, and before it those that depend on it, which it names in the order in which they were stopped.
func (s *handle) stopAll(ctx context.Context, progress func(string)) (stopped []string, err error) {
	dependents, err := s.ListDependentServices(svc.Active) // in the order to stop
	if err != nil {
		return nil, s.explain("list the services that depend on", err)
	}
	for _, dependent := range dependents {
		stopped = append(stopped, dependent)
		if err := stopByName(ctx, dependent, progress); err != nil {
			return stopped, err
		}
	}
	progress("waiting for " + s.Name + " to stop")
	return stopped, s.stop(ctx)
}

// bringUp starts the service and waits until its process has stayed up; done is the word for what was asked.
func (s *handle) bringUp(ctx context.Context, done string, progress func(string)) (Status, error) {
	progress("starting " + s.Name)
	if err := s.begin(ctx); err != nil {
		now, _ := s.look() // for the record: the failed start is what counts
		return now, s.explain("start", err)
	}
	progress("waiting whether " + s.Name + " stays up")
	return s.settle(ctx, done)
}

// begin starts the service, once Windows is not starting another one: while the machine boots, that takes a time.
func (s *handle) begin(ctx context.Context) error {
	for {
		err := s.Start()
		switch {
		case errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING):
			return nil
		case !errors.Is(err, windows.ERROR_SERVICE_DATABASE_LOCKED):
			return err
		}
		if pause(ctx) != nil {
			return err
		}
	}
}

// restartRights are what a restart needs of a service; an account may be given just these without being Administrator.
const restartRights = windows.SERVICE_QUERY_STATUS | windows.SERVICE_START | windows.SERVICE_STOP | windows.SERVICE_ENUMERATE_DEPENDENTS

type handle struct{ mgr.Service }

// open returns nil when there is no such service. The rights asked for are no more than needed, unlike those of mgr.Connect.
func open(name, doing string, rights uint32) (*handle, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, fmt.Errorf("%q cannot be the name of a service: %w", name, err)
	}
	opened, err := openService(text, rights)
	s := &handle{mgr.Service{Name: name, Handle: opened}}
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST), errors.Is(err, windows.ERROR_INVALID_NAME):
		return nil, nil
	case err != nil:
		return nil, s.explain(doing, err)
	}
	return s, nil
}

func openService(name *uint16, rights uint32) (windows.Handle, error) {
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return 0, fmt.Errorf("could not reach the service control manager: %w", err)
	}
	defer windows.CloseServiceHandle(manager)
	return windows.OpenService(manager, name, rights)
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

// stop asks the service to stop, as soon as it can be asked, and waits until it has.
func (s *handle) stop(ctx context.Context) error {
	asked := false
	for {
		now, err := s.look()
		if err != nil {
			return err
		}
		if now.State == Stopped || now.State == Failed {
			return nil
		}
		if !asked {
			_, err := s.Control(svc.Stop)
			// A service that is just starting or stopping takes no requests.
			asked = !errors.Is(err, windows.ERROR_SERVICE_CANNOT_ACCEPT_CTRL)
			if asked && err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
				return s.explain("stop", err)
			}
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("the service %s was asked to stop and is still %s: %w\nsee: sc.exe query %q", s.Name, now.State, err, s.Name)
		}
	}
}

// settle waits until the service runs, and then for the settle time whether it stays so.
func (s *handle) settle(ctx context.Context, done string) (Status, error) {
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
			return now, fmt.Errorf("%s was %s but did not stay up: it is %s now\nsee why in the event log and in the Tentacle's log (Logs\\OctopusTentacle.txt in its home)", s.Name, done, now)
		case time.Since(since) >= settleTime:
			return first, nil
		}
		if err := pause(ctx); err != nil {
			return now, fmt.Errorf("%s was %s, but not waited for to the end (it is %s): %w\nsee: sc.exe query %q", s.Name, done, now.State, err, s.Name)
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
	s, err := open(name, "stop", restartRights)
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	progress("waiting for " + name + " to stop, which depends on it")
	return s.stop(ctx)
}

func startByName(name string) error {
	s, err := open(name, "start again", restartRights)
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
		return fmt.Errorf("could not %s the service %s: it is disabled\nenable it: sc.exe config %q start= auto", doing, s.Name, s.Name)
	}
	return fmt.Errorf("could not %s the service %s: %w", doing, s.Name, err)
}

package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

// stopTime is how long a restart waits until the service has stopped. It is patient: what has been
// asked to stop is not running in the end, and would stay so.
const stopTime = 10 * time.Minute

// pollInterval is how often the service control manager is asked during a wait.
const pollInterval = 100 * time.Millisecond

// Restart restarts the service if it runs, with the services that depend on it, and returns once
// the new process has stayed up for two seconds. A process that was started after since is what the
// restart is for, and is not restarted again; since may be zero. A service that does not run is
// left alone: the status says so, without an error. So if there is no error, the service was
// restarted since then if and only if the state is Running.
//
// A start that fails is tried again for about one and a half minutes; the error is then a
// *StartError. It is a *DependentsError where all is well but for services that depend on this one.
// The service has ten minutes to stop, and five to come back. Once it was asked to stop, a ctx that
// is cancelled is heeded when the service runs again. If progress is not nil, it is called
// with what the function waits for.
func Restart(ctx context.Context, name string, since time.Time, progress func(string)) (Status, error) {
	return told(ctx, "restart", name)(restartService(ctx, name, since, progress, usualTiming))
}

func restartService(ctx context.Context, name string, since time.Time, progress func(string), t timing) (Status, error) {
	progress = orSilent(progress)
	s, before, err := openToChange(name, ActionRestart)
	if s == nil {
		return before, err
	}
	defer s.Close()
	if err != nil || !before.State.Runs() {
		return before, err
	}
	if before.State == Running && !since.IsZero() && before.Started.After(since) {
		progress("checking that " + s.Name + " stays up")
		checking, cancel := context.WithTimeout(ctx, restartTime)
		defer cancel()
		now, err := s.settle(checking, "restarted")
		if !errors.As(err, new(*StartError)) {
			return now, err
		}
	}
	// Everything that was stopped is started again, whatever happens in between.
	interrupted := context.AfterFunc(ctx, func() { progress("interrupted, but " + s.Name + " is not left stopped: starting it again") })
	defer interrupted()
	ctx, end := uninterrupted(ctx)
	defer end()
	stopping, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	stopped, err := s.stopAll(stopping, progress)
	slices.Reverse(stopped)
	if err != nil {
		if stopping.Err() != nil {
			err = &ManagerError{err, "start it when it has stopped", []string{"sc.exe", "start", name}}
		}
		now, _ := s.query() // the failed stop is the error that counts
		return now, errors.Join(err, startAgain(ctx, name, stopped, progress, &tries{}))
	}
	starting, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	now, err := s.bringUp(starting, "restarted", progress, newTries(t))
	if err != nil { // each that depends on it would only try to start it once more
		return now, errors.Join(err, startAgain(ctx, name, stopped, progress, &tries{}))
	}
	return now, startAgain(ctx, name, stopped, progress, newTries(t))
}

// uninterrupted is a context that ends with the deadline of another one, but is not cancelled with
// it: Windows, unlike systemd, does not go on with a restart without whoever asked for it.
func uninterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !limited {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

// startAgain starts the services that were stopped because they depend on the one of that name. All
// of them share the tries. The error is a *DependentsError.
func startAgain(ctx context.Context, name string, dependents []string, progress func(string), t *tries) error {
	ctx, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	left := &DependentsError{Service: name}
	for _, dependent := range dependents {
		if err := startByName(ctx, dependent, progress, t); err != nil {
			left.Dependents = append(left.Dependents, dependent)
			left.Errs = append(left.Errs, err)
		}
	}
	if len(left.Errs) > 0 {
		return left
	}
	return nil
}

// Start starts the service unless it runs, and returns once its process has stayed up for two
// seconds. A service that runs and one that does not exist are left alone: the status says so,
// without an error. If progress is not nil, it is called with what the function waits for. A start
// that fails is tried again as by Restart.
func Start(ctx context.Context, name string, progress func(string)) (Status, error) {
	return told(ctx, "start", name)(startService(ctx, name, progress, usualTiming))
}

func startService(ctx context.Context, name string, progress func(string), t timing) (Status, error) {
	s, before, err := openToChange(name, ActionStart)
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
	return s.bringUp(ctx, "started", orSilent(progress), newTries(t))
}

// Stop stops the service if it runs, after the services that depend on it, and returns once it has
// stopped. A service that does not run is left alone: the status says so, without an error. If
// progress is not nil, it is called with what the function waits for.
func Stop(ctx context.Context, name string, progress func(string)) (Status, error) {
	s, before, err := openToChange(name, ActionStop)
	if s == nil {
		return before, err
	}
	defer s.Close()
	if err != nil || before.State == Stopped || before.State == Failed {
		return before, err
	}
	tell := told(ctx, "stop", name)
	if _, err := s.stopAll(ctx, orSilent(progress)); err != nil {
		return tell(before, err)
	}
	return tell(s.query())
}

// openToChange opens a service and queries its status; nil when it does not exist.
func openToChange(name string, action Action) (*handle, Status, error) {
	s, err := open(name, string(action), rightsFor(action))
	if err != nil {
		return nil, Status{Name: name}, err
	}
	if s == nil {
		return nil, Status{Name: name, State: Absent}, nil
	}
	before, err := s.query()
	return s, before, err
}

// stopAll stops the service, and before it those that depend on it. Their names are in the order in
// which they were stopped.
func (s *handle) stopAll(ctx context.Context, progress func(string)) (stopped []string, err error) {
	dependents, err := s.ListDependentServices(svc.Active) // in the order to stop
	if err != nil {
		return nil, s.failed("list the services that depend on", err)
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

// bringUp starts the service and waits until its process has stayed up; done is what was asked
// for, like "restarted". What fails is tried again.
func (s *handle) bringUp(ctx context.Context, done string, progress func(string), t *tries) (Status, error) {
	for {
		progress("starting " + s.Name)
		now, err := s.startOnce(ctx, done, progress)
		pause, again := t.next(err)
		if !again {
			return now, err
		}
		progress(fmt.Sprintf("%s did not start: trying again in %v", s.Name, pause))
		if sleep(ctx, pause) != nil { // the failed start is what counts
			return now, err
		}
	}
}

func (s *handle) startOnce(ctx context.Context, done string, progress func(string)) (Status, error) {
	if err := s.begin(ctx); err != nil {
		now, _ := s.query() // the failed start is the error that counts
		return now, &StartError{Err: s.failed("start", err), Status: now, Final: isFinal(err)}
	}
	progress("checking that " + s.Name + " stays up")
	return s.settle(ctx, done)
}

// isFinal says whether a start fails in the same way when it is tried again.
func isFinal(err error) bool {
	return slices.ContainsFunc([]error{
		windows.ERROR_ACCESS_DENIED,
		windows.ERROR_FILE_NOT_FOUND,
		windows.ERROR_PATH_NOT_FOUND,
		windows.ERROR_BAD_EXE_FORMAT,
		windows.ERROR_SERVICE_DISABLED,
		windows.ERROR_SERVICE_DOES_NOT_EXIST,
		windows.ERROR_SERVICE_MARKED_FOR_DELETE,
		windows.ERROR_SERVICE_DEPENDENCY_DELETED,
		windows.ERROR_SERVICE_LOGON_FAILED,
		windows.ERROR_INVALID_SERVICE_ACCOUNT,
		windows.ERROR_CIRCULAR_DEPENDENCY,
	}, func(final error) bool { return errors.Is(err, final) })
}

// begin starts the service, as soon as Windows is not starting another one: at boot, that takes a
// while.
func (s *handle) begin(ctx context.Context) error {
	for {
		err := s.Start()
		switch {
		case errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING):
			return nil
		case !errors.Is(err, windows.ERROR_SERVICE_DATABASE_LOCKED):
			return err
		}
		if sleep(ctx, pollInterval) != nil {
			return err
		}
	}
}

// stop asks the service to stop, as soon as it can be asked, and waits until it has.
func (s *handle) stop(ctx context.Context) error {
	asked := false
	for {
		now, err := s.query()
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
			if asked && err != nil && !mayStopYet(err) {
				return s.failed("stop", err)
			}
		}
		if err := sleep(ctx, pollInterval); err != nil {
			return s.seeStatus(fmt.Errorf("the service %s was asked to stop and is still %s: %w", s.Name, now.State, err))
		}
	}
}

// mayStopYet says whether a service stops although the request to do so failed: it has stopped, or
// is so busy that it did not answer in the 30 seconds that Windows waits (ControlService).
func mayStopYet(err error) bool {
	return errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) || errors.Is(err, windows.ERROR_SERVICE_REQUEST_TIMEOUT)
}

// settle waits until the service runs, and then whether it stays up for the settle time.
func (s *handle) settle(ctx context.Context, done string) (Status, error) {
	var first Status
	var since time.Time
	for {
		now, err := s.query()
		switch {
		case err != nil:
			return now, err
		case now.State == Starting && first.MainPID == 0:
		case now.State == Running && first.MainPID == 0:
			first, since = now, time.Now()
		case now.State != Running || now.MainPID != first.MainPID:
			err := hint.Errorf(`see why in the event log and in the Tentacle's log (Logs\OctopusTentacle.txt in its home)`,
				"%s was %s but did not stay up: it is %s now", s.Name, done, now)
			return now, &StartError{Err: err, Status: now, Crashed: true}
		case time.Since(since) >= settleTime:
			return first, nil
		}
		if err := sleep(ctx, pollInterval); err != nil {
			return now, s.seeStatus(fmt.Errorf("%s was %s, but the wait for it ended (it is %s): %w", s.Name, done, now.State, err))
		}
	}
}

func stopByName(ctx context.Context, name string, progress func(string)) error {
	s, err := open(name, "stop", mayQueryStatus|mayStop)
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	progress("waiting for " + name + " to stop, which depends on it")
	return s.stop(ctx)
}

func startByName(ctx context.Context, name string, progress func(string), t *tries) error {
	s, err := open(name, "start", rightsFor(ActionStart))
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	for {
		progress("starting " + name)
		err := s.begin(ctx)
		if err == nil {
			return nil
		}
		pause, again := t.next(&StartError{Err: err, Final: isFinal(err)})
		if !again {
			return s.failed("start", err)
		}
		progress(fmt.Sprintf("%s did not start: trying again in %v", name, pause))
		if sleep(ctx, pause) != nil {
			return s.failed("start", err)
		}
	}
}

package service

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pollInterval is how often systemd is asked during a wait: short enough to see a service between
// two of systemd's own attempts (RestartSec is 100 ms unless the unit says otherwise).
const pollInterval = 40 * time.Millisecond

// Restart restarts the unit NAME.service if it runs, and returns once the new process has stayed up
// for two seconds. A process that was started after since is what the restart is for, and is not
// restarted again; since may be zero. A unit that does not run (and a host without systemd) is left
// alone: the status says so, without an error. So if there is no error, the unit was restarted
// since then if and only if the state is Running.
//
// A start that fails is tried again for about one and a half minutes; the error is then a
// *StartError. All of it takes five minutes at most. If progress is not nil, it is called with what
// the function waits for.
func Restart(ctx context.Context, name string, since time.Time, progress func(string)) (Status, error) {
	return told(ctx, "restart", name)(restartUnit(ctx, name, since, progress, usualTiming))
}

func restartUnit(ctx context.Context, name string, since time.Time, progress func(string), t timing) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	u, before, err := openAndQuery(ctx, name)
	if u.conn == nil {
		return before.Status, err
	}
	defer u.conn.Close()
	if err != nil || !before.State.Runs() {
		return before.Status, err
	}
	progress = orSilent(progress)
	if before.State == Running && before.Restarts == 0 && !since.IsZero() && before.Started.After(since) {
		progress("checking that " + u.name + " stays up")
		now, err := u.settle(ctx, restart)
		if err == nil || !errors.As(err, new(*StartError)) {
			return now, err
		}
	}
	return u.bringUp(ctx, restart, u.conn.RestartUnitContext, before, progress, newTries(t))
}

// Start starts the unit NAME.service unless it runs, and returns once its process has stayed up for
// two seconds. A unit that runs, one that does not exist and a host without systemd are left alone:
// the status says so, without an error. A unit that systemd gave up starting, or that keeps
// crashing, is started at once. If progress is not nil, it is called with what the function waits
// for. A start that fails is tried again as by Restart.
func Start(ctx context.Context, name string, progress func(string)) (Status, error) {
	return told(ctx, "start", name)(startUnit(ctx, name, progress, usualTiming))
}

func startUnit(ctx context.Context, name string, progress func(string), t timing) (Status, error) {
	u, before, err := openAndQuery(ctx, name)
	if u.conn == nil {
		return before.Status, err
	}
	defer u.conn.Close()
	seen := before.seen(time.Now())
	if err != nil || seen.State == Running || seen.State == Absent {
		return seen, err
	}
	request := u.conn.StartUnitContext
	if seen.State == Crashing {
		request = u.conn.RestartUnitContext // a start would wait for systemd's own next attempt
	}
	return u.bringUp(ctx, start, request, before, orSilent(progress), newTries(t))
}

// Stop stops the unit NAME.service if it runs, and returns once it has stopped. A unit that does
// not run (and a host without systemd) is left alone: the status says so, without an error. If
// progress is not nil, it is called with what the function waits for.
func Stop(ctx context.Context, name string, progress func(string)) (Status, error) {
	u, before, err := openAndQuery(ctx, name)
	if u.conn == nil {
		return before.Status, err
	}
	defer u.conn.Close()
	if err != nil || !before.State.Runs() && before.State != Stopping {
		return before.Status, err
	}
	return told(ctx, "stop", name)(u.stop(ctx, before, progress))
}

func (u unit) stop(ctx context.Context, before unitStatus, progress func(string)) (Status, error) {
	progress = orSilent(progress)
	progress("waiting for " + u.name + " to stop")
	done := make(chan string, 1)
	if _, err := u.conn.StopUnitContext(ctx, u.file, "replace", done); err != nil {
		return before.Status, u.unanswered(ctx, stop, err)
	}
	if now, err := u.waitForJob(ctx, stop, done, progress); err != nil {
		return now, err
	}
	now, err := u.query(ctx)
	return now.Status, err
}

// A jobRequest is a method of systemd's that starts a job: StartUnitContext and the like. The job's
// result is sent to done.
type jobRequest func(ctx context.Context, unit, mode string, done chan<- string) (int, error)

// bringUp asks systemd for a start or a restart and waits until the new process has stayed up. What
// fails is tried again.
func (u unit) bringUp(ctx context.Context, o operation, request jobRequest, before unitStatus, progress func(string), t *tries) (Status, error) {
	progress(o.doing + " " + u.name)
	now, err := u.request(ctx, o, request, before, progress)
	for {
		if err == nil && now.Restarts > 0 {
			// It runs in the end: what it took is no sign of a crash loop.
			now.Restarts = 0
			_ = u.conn.ResetFailedUnitContext(ctx, u.file)
		}
		pause, again := t.next(err)
		if !again {
			return now, err
		}
		progress(fmt.Sprintf("%s did not start: trying again in %v", u.name, pause))
		started, failed := u.nextStart(ctx, now, pause)
		switch {
		case failed != nil: // the failed start is what counts
			return now, err
		case started:
			now, err = u.settle(ctx, o)
		default:
			progress(start.doing + " " + u.name)
			now, err = u.request(ctx, o, u.conn.RestartUnitContext, unitStatus{Status: now}, progress)
		}
	}
}

// request has systemd do one job, and waits until the new process has stayed up.
func (u unit) request(ctx context.Context, o operation, request jobRequest, before unitStatus, progress func(string)) (Status, error) {
	// Otherwise systemd may refuse because of too many starts in the past. Whether it helped shows
	// below.
	_ = u.conn.ResetFailedUnitContext(ctx, u.file)
	done := make(chan string, 1)
	if _, err := request(ctx, u.file, "replace", done); err != nil {
		return before.Status, u.unanswered(ctx, o, err)
	}
	if now, err := u.waitForJob(ctx, o, done, progress); err != nil {
		return now, err
	}
	progress("checking that " + u.name + " stays up")
	return u.settle(ctx, o)
}

// nextStart waits for a pause, or until systemd itself has started the unit again.
func (u unit) nextStart(ctx context.Context, last Status, pause time.Duration) (started bool, err error) {
	for end := time.Now().Add(pause); time.Now().Before(end); {
		if now, err := u.query(ctx); err == nil && (now.State == Running || now.Restarts > last.Restarts) {
			return true, nil
		}
		if err := sleep(ctx, pollInterval); err != nil {
			return false, err
		}
	}
	return false, nil
}

// An operation is what systemd is asked to do, in three forms of its verb.
type operation struct{ verb, doing, done string }

var (
	restart = operation{"restart", "restarting", "restarted"}
	start   = operation{"start", "starting", "started"}
	stop    = operation{"stop", "stopping", "stopped"}
)

// waitForJob waits until systemd has finished the job: the old process has stopped, the new one has
// started, or both.
func (u unit) waitForJob(ctx context.Context, o operation, done <-chan string, progress func(string)) (Status, error) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	var now unitStatus
	for {
		select {
		case result := <-done:
			if result == "done" {
				return now.Status, nil
			}
			now, err := u.query(ctx)
			if err != nil {
				return now.Status, err
			}
			return now.Status, u.jobFailed(o, now.Status, result)
		case <-ctx.Done():
			return now.Status, u.interrupted(ctx, o, now.Status)
		case <-poll.C:
			was := now.State
			var err error
			if now, err = u.query(ctx); err != nil && ctx.Err() == nil {
				return now.Status, err
			}
			if now.State == Stopping && was != Stopping {
				progress("waiting for " + u.name + " to stop")
			}
		}
	}
}

// settle watches the new process until it has lived for the settle time.
func (u unit) settle(ctx context.Context, o operation) (Status, error) {
	first, err := u.query(ctx)
	if err != nil {
		return first.Status, err
	}
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for end := time.Now().Add(settleTime); time.Now().Before(end); {
		now, err := u.query(ctx)
		switch {
		case ctx.Err() != nil:
			return first.Status, u.interrupted(ctx, o, first.Status)
		case err != nil:
			return now.Status, err
		case !first.sameProcess(now):
			return u.died(ctx, o, now)
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		}
	}
	return first.Status, nil
}

// died is the error for a service that did not stay up. If systemd has already started it again,
// the reason is known only when it ends the next time; this waits for that for a short time.
func (u unit) died(ctx context.Context, o operation, now unitStatus) (Status, error) {
	for end := time.Now().Add(settleTime); now.Reason == "" && now.State.Runs() && time.Now().Before(end) && ctx.Err() == nil; {
		if next, err := u.query(ctx); err == nil {
			now = next
		}
		time.Sleep(pollInterval / 4)
	}
	how := ""
	if now.Reason != "" {
		how = " (" + now.Reason + ")"
	}
	after := "is " + string(now.State) + " now"
	status := now.Status
	if now.State.Runs() {
		after = "systemd keeps restarting it"
		status.State = Crashing
	}
	err := u.seeLog(fmt.Errorf("%s was %s but did not stay up%s; %s", u.name, o.done, how, after))
	return status, &StartError{Err: err, Status: status, Crashed: true}
}

// jobFailed is the error for a job whose result is not "done". The results:
// org.freedesktop.systemd1(5), JobRemoved.
func (u unit) jobFailed(o operation, now Status, result string) error {
	text := fmt.Sprintf("%s could not be %s (%s)", u.name, o.done, result)
	switch result {
	case "canceled":
		err := fmt.Errorf("%s was not %s: another program asked systemd to start or stop it at the same time; it is %s now",
			u.name, o.done, now)
		return &ManagerError{err, "try again, or run", []string{"systemctl", o.verb, u.name}}
	case "dependency":
		text = fmt.Sprintf("%s was not %s: a unit that it depends on failed", u.name, o.done)
	case "timeout":
		text = fmt.Sprintf("%s was not %s in the time that its unit file allows", u.name, o.done)
	}
	err := u.seeLog(fmt.Errorf("%s; it is %s now", text, now))
	if o == stop {
		return err
	}
	return &StartError{Err: err, Status: now, Final: result != "failed" && result != "dependency"}
}

// unanswered is the error for a job that systemd could not be asked for. If the caller ended that,
// systemd may have the job all the same.
func (u unit) unanswered(ctx context.Context, o operation, err error) error {
	if ctx.Err() != nil && !isDenied(err) {
		return u.seeStatus("systemd may continue; to see the state",
			fmt.Errorf("it is not known whether the %s of %s is still in progress: %w", o.verb, u.name, context.Cause(ctx)))
	}
	return u.failed(ctx, o.verb, err)
}

// interrupted is the error for a wait that the caller ended: systemd goes on with the job.
func (u unit) interrupted(ctx context.Context, o operation, now Status) error {
	state := ""
	if now.State != "" {
		state = " (it is " + string(now.State) + ")"
	}
	return u.seeStatus("systemd continues; to see the state",
		fmt.Errorf("the %s of %s is still in progress%s: %w", o.verb, u.name, state, context.Cause(ctx)))
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// serviceEntry is a service that was restarted, or not, as printed.
type serviceEntry struct {
	Name      string        `json:"name"`
	State     service.State `json:"state"`
	Restarted bool          `json:"restarted"`
	Confirmed bool          `json:"confirmed"` // it was restarted, and proved that it works: see --confirm
	Scheduled string        `json:"scheduled"` // what will restart it: the systemd unit, on Windows the log; "" for nothing

	proof       *confirmation // of Confirmed
	interrupted bool          // it does not run, because octo-tentacle had stopped it for a restart that came to no end
	started     bool          // it was restarted, and did not run before
	foreign     string        // what it runs, where it is not a Tentacle's
	killsScript bool          // what is scheduled will not wait for the script that this is a part of
}

// A neededRestart is a restart of a Tentacle's service, and why it is needed.
type neededRestart struct {
	service string
	config  string    // of the Tentacle; "" where it is not known
	since   time.Time // a process that was started later needs no restart; zero for any
	stopped bool      // the service does not run, and is to be started
	reason  string    // as given

	former *tentacleconfig.Document // that the service runs with; nil where it is not known
	backup string                   // the file that keeps it; "" where none does
}

// check refuses what could not be done, before anything is changed. inside says that the restart
// would kill this very process, because it is a script of the service.
func (n neededRestart) check(ctx context.Context, o restartOptions) (inside bool, err error) {
	if err := service.CheckRestartPrivileges(ctx, n.service); err != nil {
		return false, err
	}
	inside, err = service.StartedByService(ctx, n.service)
	if err == nil && inside && o.wait == 0 && !o.now {
		err = hint.Errorf("give it more time, or restart without waiting with --restart-now, which ends the script",
			"this is a script of service %s, which is busy until the script ends, and --restart-wait=0s does not wait for that", n.service)
	}
	return inside, err
}

// restart restarts a service: from here, or, where that would kill this very process, from outside.
func (e *serviceEntry) restart(ctx context.Context, c *console, n neededRestart, o restartOptions) error {
	if s := simulatedServiceOf(ctx); s != nil {
		err := s.startAgain()
		e.Restarted = err == nil
		return err
	}
	inside, err := n.check(ctx, o)
	if err != nil {
		return err
	}
	if inside {
		e.killsScript = o.now
		e.Scheduled, err = startDetachedRestart(ctx, n, o)
		return err
	}
	err = e.restartWhenIdle(ctx, c, n, o)
	e.Restarted = err == nil && e.State == service.Running
	e.Confirmed = e.Restarted && e.proof != nil
	e.started = n.stopped
	return err
}

func (e serviceEntry) scheduledLine() string {
	who, log := e.Scheduled, "journalctl -u "+e.Scheduled
	if runtime.GOOS == "windows" {
		who, log = "another process", e.Scheduled
	}
	when := "when it is idle"
	if e.killsScript {
		when = "as soon as this command ends, which ends the script"
	}
	return fmt.Sprintf("Restart scheduled: this is a script of service %s, which %s restarts %s (log: %s).", e.Name, who, when, log)
}

// confirmedLine follows the sentence that the service was restarted.
func (e serviceEntry) confirmedLine() string {
	if !e.Confirmed {
		return ""
	}
	answered := plural.Of(len(e.proof.answered), "polled port answers", "polled ports answer") + " as before"
	if len(e.proof.answered) == 0 {
		answered = "no polled port had answered before"
	}
	return fmt.Sprintf(" Confirmed: it stayed up for %v, and %s.", e.proof.time, answered)
}

func (e serviceEntry) startedLine() string {
	return fmt.Sprintf("Service %s was started: it was stopped for a restart earlier.", e.Name)
}

// busyError is a service that did not become idle in time.
type busyError struct {
	service string
	running []service.Process
	waited  time.Duration
}

func (e busyError) Error() string {
	after := ""
	if e.waited > 0 {
		after = fmt.Sprintf(" after %v", e.waited)
	}
	return fmt.Sprintf("service %s is still busy%s: %s", e.service, after, service.FormatProcesses(e.running))
}

// restartTime is how long a Tentacle may take to start or to stop: systemd itself gives a service
// 90 seconds to stop, and a start that fails is tried again for as long. A restart has its own
// limits.
const restartTime = 5 * time.Minute

// restartWhenIdle restarts a service that runs, once no deployment script runs under it, or starts
// one that was stopped for a restart.
func (e *serviceEntry) restartWhenIdle(ctx context.Context, c *console, n neededRestart, o restartOptions) error {
	if err := waitSplay(ctx, c, o.splay); err != nil {
		return err
	}
	for deadline := time.Now().Add(o.wait); ; {
		if !o.now && !n.stopped {
			if err := waitUntilIdle(ctx, c, n.service, deadline, o.wait); err != nil {
				return err
			}
		}
		if again, err := e.restartLocked(ctx, c, n, o); !again {
			return err
		}
	}
}

// restartLocked restarts the service while no other octo-tentacle does so. again says that it
// waited for another one, and that a deployment has begun meanwhile.
func (e *serviceEntry) restartLocked(ctx context.Context, c *console, n neededRestart, o restartOptions) (again bool, err error) {
	defer c.endProgress()
	waited := false
	unlock, err := service.Lock(ctx, n.service, func() {
		waited = true
		c.progress("another octo-tentacle is restarting service " + n.service)
	})
	if err != nil {
		return false, err
	}
	defer unlock()
	status, err := service.Query(ctx, n.service)
	if err != nil {
		return false, err
	}
	done := status.State == service.Running && status.Started.After(n.since) && !n.since.IsZero()
	if waited && !done && !o.now {
		if running, err := service.Processes(ctx, n.service); err == nil && len(running) > 0 {
			return true, nil
		}
	}
	if o.confirm > 0 {
		if e.proof, err = prepareConfirmation(ctx, c, n, o); err != nil {
			return false, err
		}
	}
	status, err = n.carryOut(ctx, c, status)
	switch {
	case err != nil && ctx.Err() != nil: // the service manager carries on with what it was asked for
		err = unfinishedError{done: "the restart of service " + n.service + " was requested", cause: err}
	case e.proof != nil:
		status, err = e.proof.conclude(ctx, status, err)
	}
	e.State = status.State
	return false, err
}

// carryOut restarts or starts the service. The mark stays until it runs.
func (n neededRestart) carryOut(ctx context.Context, c *console, status service.Status) (now service.Status, err error) {
	if _, marked := tentacleconfig.FindRestartMark(n.config, n.service); status.State.Runs() && !(marked && status.State == service.Crashing) {
		_ = tentacleconfig.SetRestartMark(n.config, n.service) // a restart that is not remembered is better than none
	}
	limited, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	switch {
	case status.State.Runs():
		c.progress("restarting service " + n.service)
		now, err = service.Restart(ctx, n.service, n.since, c.progress)
	case n.stopped || interruptedRestart(n.config, status) != nil: // by us, or just now by another octo-tentacle
		c.progress("starting service " + n.service)
		now, err = service.Start(limited, n.service, c.progress)
	default: // somebody has stopped it meanwhile
		return status, nil
	}
	if left, is := err.(*service.DependentsError); is { // alone: the Tentacle uses its new settings
		c.warnOf(left)
		err = nil
	}
	if n.config != "" && (err == nil || now.State == service.Running) {
		_ = tentacleconfig.ClearRestartMark(n.config) // one that stays is without effect while the service runs
	}
	return now, err
}

// waitSplay waits a random time up to limit.
func waitSplay(ctx context.Context, c *console, limit time.Duration) error {
	if limit <= 0 {
		return nil
	}
	wait := rand.N(limit)
	c.progress(fmt.Sprintf("waiting %v of --restart-splay=%v", wait.Round(time.Second), limit))
	defer c.endProgress()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// waitUntilIdle waits until the deadline. wait is all the time that there was, for the error.
func waitUntilIdle(ctx context.Context, c *console, name string, deadline time.Time, wait time.Duration) error {
	defer c.endProgress()
	last := ""
	running, err := service.WaitUntilIdle(ctx, name, min(wait, time.Until(deadline)), func(running []service.Process) {
		if text := "waiting until service " + name + " is idle: " + service.FormatProcesses(running); text != last {
			c.progress(text)
			last = text
		}
	})
	if err == nil && len(running) > 0 {
		return busyError{service: name, running: running, waited: wait}
	}
	return err
}

// startDetachedRestart starts a restart-service outside the service that runs this process (a
// systemd unit; on Windows a copy of this program), which waits until the script that we are part
// of has ended or, with --restart-now, until we have. It returns the unit or, on Windows, the log.
//
// One restart is enough for all that several commands of a script change. But one with options of
// its own does not rely on what another command has asked for.
func startDetachedRestart(ctx context.Context, n neededRestart, o restartOptions) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("cannot find the octo-tentacle program file: %w", err)
	}
	wait, name := o.wait, "restart-"+n.service
	switch {
	case o.now:
		name += "-now"
	case o.waitGiven:
		name += "-" + o.wait.String()
	default:
		wait = detachedRestartWait
	}
	command := []string{program, "restart-service", "--service=" + n.service, "--restart-wait=" + wait.String(), "--restart-splay=" + o.splay.String()}
	if n.config != "" {
		command = append(command, "--config="+n.config)
	}
	command = append(command, "--confirm="+o.confirmDetached(n.backup != "").String())
	if n.backup != "" {
		command = append(command, "--confirm-backup="+n.backup)
	}
	if n.reason != "" {
		command = append(command, "--reason="+n.reason)
	}
	command = append(command, "--"+unattended)
	if task := history.Task(); task != "" {
		command = append(command, "--"+forTask+"="+task)
	}
	if o.now {
		command = append(command, "--restart-now", fmt.Sprintf("--%s=%d", afterProcess, os.Getpid()))
	}
	return service.StartDetached(ctx, name, "Restart "+n.service+" when it is idle, for octo-tentacle", command)
}

// errNoServiceManager says that only whatever started the Tentacle can restart it.
var errNoServiceManager = errors.New("no service manager runs here: restart this Tentacle the way it was started (a container, a supervisor)")

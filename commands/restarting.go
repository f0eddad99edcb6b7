package commands

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
)

// serviceEntry is a service that was restarted, or not, as printed.
type serviceEntry struct {
	Name      string        `json:"name"`
	State     service.State `json:"state"`
	Restarted bool          `json:"restarted"`
	Scheduled string        `json:"scheduled"` // what will restart it: the systemd unit, on Windows the log; "" for nothing
}

// restart restarts a service that runs: from here, or, where that would kill this very process,
// from outside.
func (e *serviceEntry) restart(ctx context.Context, c *console, o restartOptions) error {
	if err := needRestartRights(e.Name); err != nil {
		return err
	}
	inside, err := service.StartedByService(ctx, e.Name)
	switch {
	case err != nil:
		return err
	case inside && o.wait == 0 && !o.now:
		return fmt.Errorf("this is a script of service %s, which is busy until the script ends, and --restart-wait=0s does not wait for that", e.Name)
	case inside:
		e.Scheduled, err = startDetachedRestart(ctx, e.Name, o)
		return err
	}
	e.State, err = restartWhenIdle(ctx, c, e.Name, o)
	e.Restarted = err == nil && e.State == service.Running
	return err
}

func (e serviceEntry) scheduledLine() string {
	if runtime.GOOS == "windows" {
		return fmt.Sprintf("Restart scheduled: this is a script of service %s, which another process restarts when it is idle (log: %s).", e.Name, e.Scheduled)
	}
	return fmt.Sprintf("Restart scheduled: this is a script of service %s, which %s restarts when it is idle (log: journalctl -u %[2]s).", e.Name, e.Scheduled)
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

// restartTime is how long a Tentacle may take to stop and come back: systemd itself gives a service
// 90 seconds to stop.
const restartTime = 3 * time.Minute

// restartWhenIdle restarts a service that runs, once no deployment script runs under it.
func restartWhenIdle(ctx context.Context, c *console, name string, o restartOptions) (service.State, error) {
	if err := waitSplay(ctx, c, o.splay); err != nil {
		return stateUnknown, err
	}
	if !o.now {
		if err := waitUntilIdle(ctx, c, name, o.wait); err != nil {
			return service.Running, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	c.progress("restarting service " + name)
	defer c.endProgress()
	status, err := service.Restart(limited, name, c.progress)
	if err != nil && ctx.Err() != nil { // the service manager carries on with what it was asked for
		err = unfinishedError{done: "the restart of service " + name + " was requested", cause: err}
	}
	return status.State, err
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

func waitUntilIdle(ctx context.Context, c *console, name string, wait time.Duration) error {
	defer c.endProgress()
	last := ""
	running, err := service.WaitUntilIdle(ctx, name, wait, func(running []service.Process) {
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
// of has ended. It returns the unit or, on Windows, the log.
func startDetachedRestart(ctx context.Context, name string, o restartOptions) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("cannot find the octo-tentacle program file: %w", err)
	}
	wait := o.wait
	if !o.waitGiven {
		wait = detachedRestartWait
	}
	command := []string{program, "restart-service", "--service=" + name, "--restart-wait=" + wait.String(), "--restart-splay=" + o.splay.String()}
	if o.now {
		command = append(command, "--restart-now")
	}
	return service.StartDetached(ctx, "restart-"+name, "Restart "+name+" when it is idle, for octo-tentacle", command)
}

// errNoServiceManager says that only whatever started the Tentacle can restart it.
var errNoServiceManager = errors.New("no service manager runs here: restart this Tentacle the way it was started (a container, a supervisor)")

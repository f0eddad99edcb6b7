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
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// restartOptions say how a restart spares what the service is doing.
type restartOptions struct {
	wait  time.Duration
	now   bool
	splay time.Duration
}

const (
	// defaultRestartWait is how long a restart waits for running deployments.
	defaultRestartWait = 10 * time.Minute
	// laterRestartWait is the same where nobody waits for the command.
	laterRestartWait = 24 * time.Hour
)

func (o *restartOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "restart-wait", Category: theOutcome, Destination: &o.wait, Value: defaultRestartWait,
			Usage: "`TIME` to wait until no script of a deployment runs under the service; 0s: do not wait, and restart only an idle one"},
		&cli.BoolFlag{Name: "restart-now", Category: theOutcome, Destination: &o.now, DisableDefaultText: true,
			Usage: "restart without looking whether a deployment runs, which kills its scripts"},
		&cli.DurationFlag{Name: "restart-splay", Category: theOutcome, Destination: &o.splay,
			Usage: "`TIME` of which a random part is waited before the restart, so that a fleet does not come back in the same second"},
	}
}

func (o *restartOptions) check() error {
	switch {
	case o.wait < 0:
		return fmt.Errorf("--restart-wait %v: give a time like 10m, or 0s", o.wait)
	case o.splay < 0:
		return fmt.Errorf("--restart-splay %v: give a time like 5m", o.splay)
	}
	return nil
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
	return fmt.Sprintf("service %s is still at work%s: %s", e.service, after, service.Describe(e.running))
}

// restartTime is how long a Tentacle may take to stop and come back: systemd
// itself gives a service 90 seconds to stop.
const restartTime = 3 * time.Minute

// restartSparing restarts a service that runs, once it is idle.
func restartSparing(ctx context.Context, c *console, name string, o restartOptions) (service.Status, error) {
	if err := splay(ctx, c, o.splay); err != nil {
		return service.Status{Name: name, State: stateUnknown}, err
	}
	if !o.now {
		if err := waitUntilIdle(ctx, c, name, o.wait); err != nil {
			return service.Status{Name: name, State: service.Running}, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	c.progress("restarting service " + name)
	defer c.endProgress()
	status, err := service.Restart(limited, name, c.progress)
	if err != nil && ctx.Err() != nil { // what the service manager was asked for goes on
		err = unfinishedError{done: "the restart of service " + name + " was asked for", cause: err}
	}
	return status, err
}

func splay(ctx context.Context, c *console, most time.Duration) error {
	if most <= 0 {
		return nil
	}
	wait := rand.N(most)
	c.progress(fmt.Sprintf("waiting %v of --restart-splay=%v", wait.Round(time.Second), most))
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
	said := ""
	running, err := service.WaitUntilIdle(ctx, name, wait, func(running []service.Process) {
		if text := "waiting until service " + name + " is idle: " + service.Describe(running); text != said {
			c.progress(text)
			said = text
		}
	})
	if err == nil && len(running) > 0 {
		return busyError{service: name, running: running, waited: wait}
	}
	return err
}

// restartLater leaves the restart of the service that runs this very process to
// systemd: to a restart-service of its own, which waits until the script that
// we are part of has ended. It returns the unit that does it.
func restartLater(ctx context.Context, name string, o restartOptions) (unit string, err error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("octo-tentacle cannot tell where its own program is: %w", err)
	}
	if o.wait == defaultRestartWait {
		o.wait = laterRestartWait
	}
	ctx, cancel := context.WithTimeout(ctx, serviceLookTime)
	defer cancel()
	unit, _, err = service.Later(ctx, "restart-"+name, "Restart "+name+" when it is idle, for octo-tentacle",
		[]string{program, "restart-service", "--service=" + name, "--restart-wait=" + o.wait.String(), "--restart-splay=" + o.splay.String()})
	return unit, err
}

// restartServiceOptions are what restart-service can be told.
type restartServiceOptions struct {
	tentacle tentacleOptions
	restart  restartOptions
	dryRun   bool
	format   string
}

// restartReport is the JSON of restart-service.
type restartReport struct {
	DryRun  bool         `json:"dryRun"`
	Changed bool         `json:"changed"` // restarted, or scheduled (in a dry run: would be)
	Service serviceEntry `json:"service"`
}

func restartServiceCommand(c *console) *cli.Command {
	var o restartServiceOptions
	return &cli.Command{
		Name:     "restart-service",
		Category: "Service",
		Usage:    "restart the Tentacle's service as soon as no deployment runs",
		Description: `Waits until nothing runs under the service but the Tentacle itself, restarts it,
and waits until it has come back: to finish a change that was saved, but not
used yet. (service --restart does so at once, as the real Tentacle does.) Run by a
script of that Tentacle, it leaves the restart to something outside and returns.

  octo-tentacle restart-service
  octo-tentacle restart-service --instance=web --restart-wait=1h`,
		Flags: allFlags(o.tentacle.flags(), o.restart.flags(), []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Category: theOutcome, Destination: &o.dryRun, DisableDefaultText: true,
				Usage: "show what would be done, but do nothing"},
			formatFlag(&o.format),
		}),
		Action: func(ctx *cli.Context) error { return restartService(ctx.Context, c, o) },
	}
}

func restartService(ctx context.Context, c *console, o restartServiceOptions) error {
	ctx = interruptible(ctx)
	if err := errors.Join(o.tentacle.check(), checkFormat(&o.format), o.restart.check()); err != nil {
		return err
	}

	name := o.tentacle.service
	if name == "" {
		t, err := lookAt(o.tentacle)
		if err != nil {
			return err
		}
		if !o.dryRun {
			noteUse(t.instance)
		}
		name = t.service
	}
	status, err := lookAtService(ctx, name)
	if err != nil {
		return err
	}

	switch status.State {
	case service.Unmanaged:
		return errors.New("no service manager runs here: whatever runs this Tentacle (a container, a supervisor) has to restart it")
	case service.Absent:
		return fmt.Errorf("there is no service %s here to restart\nlist-servers names the one of each Tentacle; --service=NAME is for one of another name", name)
	}

	entry := serviceEntry{Name: status.Name, State: status.State}
	r := restartReport{DryRun: o.dryRun, Changed: entry.State.Runs()}
	if r.Changed && !o.dryRun {
		if err := entry.restart(ctx, c, o.restart); err != nil {
			return err
		}
	}
	r.Service = entry
	if o.format == "json" {
		return c.printJSON(r)
	}
	switch {
	case o.dryRun && r.Changed:
		c.printf("Service %s would be restarted.\nDry run: nothing was changed.\n", name)
	case o.dryRun:
		c.printf("Service %s is %s and would be left alone.\nDry run: nothing would change.\n", name, entry.State)
	case entry.Restarted:
		c.printf("Service %s was restarted.\n", name)
	case entry.Scheduled != "":
		c.printf("%s\n", entry.scheduledLine())
	default:
		c.printf("Service %s is %s and was left alone.\n", name, entry.State)
	}
	return nil
}

// restart restarts a service that runs: from here, or, where that would kill
// this very process, by something outside.
func (e *serviceEntry) restart(ctx context.Context, c *console, o restartOptions) error {
	if err := needRestartRights(e.Name); err != nil {
		return err
	}
	looking, cancel := context.WithTimeout(ctx, serviceLookTime)
	defer cancel()
	inside, err := service.Inside(looking, e.Name)
	if err != nil {
		return err
	}
	if inside && o.wait == 0 {
		return fmt.Errorf("this is a script of service %s itself, so the service is not idle until it ends, and --restart-wait=0s does not wait", e.Name)
	}
	if inside {
		e.Scheduled, err = restartLater(ctx, e.Name, o)
		return err
	}
	status, err := restartSparing(ctx, c, e.Name, o)
	if err != nil {
		return err
	}
	e.State, e.Restarted = status.State, status.State == service.Running
	return nil
}

func (e serviceEntry) scheduledLine() string {
	if runtime.GOOS == "windows" {
		return fmt.Sprintf("Restart scheduled: this is a script of service %s, which a process of its own restarts when it is idle (see %s).", e.Name, e.Scheduled)
	}
	return fmt.Sprintf("Restart scheduled: this is a script of service %s, which %s restarts when it is idle (log: journalctl -u %[2]s).", e.Name, e.Scheduled)
}

// finishing says how to finish a restart that is outstanding.
func finishing(instance tentacleconfig.Instance, serviceName, goos string) string {
	if instance.Name != "" && serviceName == service.NameFor(instance.Name, goos) {
		return "octo-tentacle restart-service --instance=" + shellQuote(goos, instance.Name)
	}
	return restartCommand(serviceName, goos)
}

// restartCommand restarts a service by hand. It is never the service manager's
// own command: that would kill the scripts of a running deployment.
func restartCommand(name, goos string) string {
	return "octo-tentacle restart-service --service=" + shellQuote(goos, name)
}

// runningInstance is the instance whose script runs this process, by the
// variable that a Tentacle gives its scripts; "" elsewhere, and for a name that
// is no instance here.
func runningInstance() string {
	name := os.Getenv("TentacleInstanceName")
	if name == "" {
		return ""
	}
	if _, err := tentacleconfig.Find(name, ""); err != nil {
		return ""
	}
	return name
}

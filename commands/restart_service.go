package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// restartServiceOptions are those of restart-service.
type restartServiceOptions struct {
	tentacle tentacleOptions
	agents   agentOptions
	rollout  time.Duration // how long the rollout of an agent may take
	restart  restartOptions
	outcome  outcomeOptions
	backup   string

	// Only octo-tentacle itself gives these.
	after      string // the number of a process that has to end first; "" for none
	unattended bool   // nobody reads what it prints
	task       string // whose script it is for
}

// restartOutcome is the JSON of restart-service.
type restartOutcome struct {
	DryRun  bool         `json:"dryRun"`
	Changed bool         `json:"changed"` // restarted, or scheduled (in a dry run: would be)
	Result  result       `json:"outcome"`
	Service serviceEntry `json:"service"`
}

func restartServiceCommand(c *console) *cli.Command {
	var o restartServiceOptions
	return &cli.Command{
		Name:     "restart-service",
		Category: "Service",
		Usage:    "restart the service when no deployment is running",
		Description: `Waits until the service runs nothing but the Tentacle itself, restarts it, and waits
until it is running again. Use it to complete a change that was saved but is not yet
in use. (service --restart does not wait, like the Tentacle CLI.) In a script of that
Tentacle, it schedules the restart outside the script and returns.

A service that has failed, or that was stopped for a restart which was not completed,
is started. One that was stopped on purpose is left alone.

A Kubernetes agent is restarted as kubectl rollout restart does it, unless its start
would end all trust. Running deployment scripts survive that; --restart-wait waits for
them first.

  octo-tentacle restart-service
  octo-tentacle restart-service --instance=web --restart-wait=1h
  octo-tentacle restart-service --namespace=octopus-agent`,
		Flags: allFlags(o.tentacle.flags(), o.agents.flags(), []cli.Flag{
			rolloutTimeoutFlag(&o.rollout, "wait up to `TIME` until the agent runs again"),
		}, o.restart.flags(), o.outcome.flags(), []cli.Flag{
			&cli.StringFlag{Name: afterProcess, Hidden: true, Destination: &o.after},
			&cli.BoolFlag{Name: unattended, Hidden: true, Destination: &o.unattended},
			&cli.StringFlag{Name: forTask, Hidden: true, Destination: &o.task},
			&cli.StringFlag{Name: "confirm-backup", Category: theOutcome, Destination: &o.backup,
				Usage: "the backup (`TIME` or file) that --confirm may have to put back (default: the latest, if a restart is pending)"},
		}),
		Action: func(ctx *cli.Context) error { return restartService(ctx.Context, c, o) },
	}
}

// restartService changes no configuration, so it does not use changeTentacle.
func restartService(ctx context.Context, c *console, o restartServiceOptions) error {
	if err := errors.Join(o.tentacle.complete(), o.agents.complete(o.tentacle, false), o.outcome.complete(), o.restart.complete()); err != nil {
		return err
	}
	if o.agents.given() {
		return restartAgents(ctx, c, o)
	}
	if pid, err := strconv.Atoi(o.after); err == nil {
		service.WaitForExit(ctx, pid)
	}
	needed, t, err := o.needed(ctx)
	if err != nil {
		return err
	}
	name := needed.service
	status, err := lookAtService(ctx, name)
	foreign := refuseForeign(status, o.tentacle.service != "")
	switch {
	case err != nil:
		return err
	case status.State == service.Unmanaged:
		return errNoServiceManager
	case foreign != nil:
		return foreign
	case status.State == service.Absent:
		return hint.Errorf("list-servers shows the service of each Tentacle; for a service with another name, use --service=NAME",
			"there is no service %s here to restart", name)
	}

	if o.restart.confirm > 0 {
		needed.former = o.former(t.Instance, status)
	}
	needed.stopped = status.State == service.Failed && !status.Terminated || interruptedRestart(needed.config, status) != nil
	r := restartOutcome{DryRun: o.outcome.dryRun, Changed: status.State.Runs() || needed.stopped, Service: serviceEntry{Name: status.Name, State: status.State}}
	if r.Changed && !r.DryRun {
		err = needed.restartUntilCurrent(ctx, c, t, &r.Service, o.restart)
	}
	r.Result = resultOf(r.DryRun, r.Changed, err)
	r.record(c, t.Instance, o, err)
	switch {
	case o.outcome.printsDespite(err):
		_ = c.printJSON(r) // the unfinished restart is the error that counts
		return err
	case err != nil:
		return err
	case o.outcome.json():
		return c.printJSON(r)
	}
	r.print(c)
	return nil
}

// restartUntilCurrent restarts the service, and again if its configuration was changed meanwhile: a
// script that changes it relies on a restart that is scheduled already.
func (n neededRestart) restartUntilCurrent(ctx context.Context, c *console, t suggest.Tentacle, e *serviceEntry, o restartOptions) error {
	for {
		before := lookAtFile(n.config)
		c.relied = func() bool { return before.changedSince(ctx, n.service) }
		n.since = time.Now()
		err := e.restart(ctx, c, n, o)
		if errors.As(err, new(*service.StartError)) && !errors.As(err, new(undoneError)) && !errors.As(err, new(unconfirmedError)) {
			return unfinishedError{done: fmt.Sprintf("service %s does not run now", n.service), cause: explainStart(ctx, t, err)}
		}
		if err != nil || !e.Restarted || n.config == "" {
			return err
		}
		if !c.relied() {
			return nil
		}
		if n.stopped = false; e.proof != nil {
			n.former = e.proof.saved // which is what it runs with now
		}
	}
}

// needed is the restart of the service that is named or, else, of that of the chosen Tentacle.
func (o *restartServiceOptions) needed(ctx context.Context) (neededRestart, suggest.Tentacle, error) {
	t := suggest.Tentacle{Service: o.tentacle.service}
	switch {
	case o.tentacle.service == "":
		found, err := lookAt(ctx, o.tentacle)
		if err != nil {
			return neededRestart{}, t, err
		}
		if p, is := found.place.(*configMapPlace); is {
			return neededRestart{}, t, notInFileError{found.instance.Name, p}
		}
		if !o.outcome.dryRun {
			noteUse(found.instance)
		}
		t = found.suggest()
	case o.tentacle.instance == "" && o.tentacle.config == "":
		t.Instance = instanceOf(o.tentacle.service)
	default:
		t.Instance, _ = find(ctx, o.tentacle) // the service can be restarted without its configuration
	}
	return neededRestart{service: t.Service, config: t.Instance.ConfigPath, reason: o.outcome.reason}, t, nil
}

// former is the configuration to put back; nil where there is none.
func (o *restartServiceOptions) former(instance tentacleconfig.Instance, status service.Status) *tentacleconfig.Document {
	backups, _ := tentacleconfig.Backups(instance.ConfigPath) // what cannot be listed cannot be put back
	choice := restoreBackupOptions{backup: o.backup, latest: o.backup == ""}
	if o.backup == "" && !restartPending(instance, status) {
		return nil
	}
	chosen, err := choice.choose(instance.ConfigPath, backups)
	if err != nil {
		return nil
	}
	document, _, err := chosen.ReadUsable()
	if err != nil {
		return nil
	}
	return document
}

// instanceOf is the instance that a service usually runs; zero where there is none.
func instanceOf(serviceName string) tentacleconfig.Instance {
	instances, _ := tentacleconfig.Instances() // of a damaged index, those that can be read
	i := slices.IndexFunc(instances, func(i tentacleconfig.Instance) bool { return serviceOf(i, "") == serviceName })
	if i < 0 {
		return tentacleconfig.Instance{}
	}
	return instances[i]
}

func (r restartOutcome) print(c *console) {
	name, state := r.Service.Name, r.Service.State
	switch {
	case r.DryRun && r.Changed && !state.Runs():
		c.printf("Service %s is %s and would be started.\n%s\n", name, state, dryRunLine)
	case r.DryRun && r.Changed:
		c.printf("Service %s would be restarted.\n%s\n", name, dryRunLine)
	case r.DryRun:
		c.printf("Service %s is %s and would be left alone.\n%s\n", name, state, dryRunUnchangedLine)
	case r.Service.Restarted && r.Service.started:
		c.printf("Service %s was started: it was not running.\n", name)
	case r.Service.Restarted:
		c.printf("Service %s was restarted.%s\n", name, r.Service.confirmedLine())
	case r.Service.Scheduled != "":
		c.printf("%s\n", r.Service.scheduledLine())
	default:
		c.printf("Service %s is %s and was left alone.\n", name, state)
	}
}

// record records the restart, and also one that failed if nobody else would hear of it.
func (r restartOutcome) record(c *console, instance tentacleconfig.Instance, o restartServiceOptions, err error) {
	if !isRecorded(r.DryRun, r.Changed, err) && (err == nil || !o.unattended) {
		return
	}
	e := history.Entry{Task: o.task, Done: []string{r.Service.recorded()}, Restart: history.Restarted}
	switch {
	case r.Service.Scheduled != "":
		e.Done, e.Restart = nil, history.RestartLater
	case err != nil:
		e.Done, e.Restart = nil, history.RestartPending
	}
	record(c, instance, o.outcome, e, r.Result, err)
}

package commands

import (
	"context"
	"errors"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/urfave/cli/v2"
)

// restartServiceOptions are those of restart-service.
type restartServiceOptions struct {
	tentacle tentacleOptions
	restart  restartOptions
	outcome  outcomeOptions
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
		Usage:    "restart the Tentacle's service when no deployment is running",
		Description: `Waits until the service runs nothing but the Tentacle itself, restarts it, and waits
until it is running again. Use it to complete a change that was saved but is not yet
in use. (service --restart does not wait, like the Tentacle CLI.) In a script of that
Tentacle, it schedules the restart outside the script and returns.

  octo-tentacle restart-service
  octo-tentacle restart-service --instance=web --restart-wait=1h`,
		Flags:  allFlags(o.tentacle.flags(), o.restart.flags(), o.outcome.flags()),
		Action: func(ctx *cli.Context) error { return restartService(ctx.Context, c, o) },
	}
}

// restartService changes no configuration, so it does not use changeTentacle.
func restartService(ctx context.Context, c *console, o restartServiceOptions) error {
	if err := errors.Join(o.tentacle.complete(), o.outcome.complete(), o.restart.complete()); err != nil {
		return err
	}
	name, err := o.serviceName()
	if err != nil {
		return err
	}
	status, err := lookAtService(ctx, name)
	switch {
	case err != nil:
		return err
	case status.State == service.Unmanaged:
		return errNoServiceManager
	case status.State == service.Absent:
		return hint.Errorf("list-servers shows the service of each Tentacle; for a service with another name, use --service=NAME",
			"there is no service %s here to restart", name)
	}

	r := restartOutcome{DryRun: o.outcome.dryRun, Changed: status.State.Runs(), Service: serviceEntry{Name: status.Name, State: status.State}}
	if r.Changed && !r.DryRun {
		err = r.Service.restart(ctx, c, o.restart)
	}
	r.Result = resultOf(r.DryRun, r.Changed, err)
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

func (o *restartServiceOptions) serviceName() (string, error) {
	if o.tentacle.service != "" {
		return o.tentacle.service, nil
	}
	t, err := lookAt(o.tentacle)
	if err != nil {
		return "", err
	}
	if !o.outcome.dryRun {
		noteUse(t.instance)
	}
	return t.service, nil
}

func (r restartOutcome) print(c *console) {
	name, state := r.Service.Name, r.Service.State
	switch {
	case r.DryRun && r.Changed:
		c.printf("Service %s would be restarted.\n%s\n", name, dryRunLine)
	case r.DryRun:
		c.printf("Service %s is %s and would be left alone.\n%s\n", name, state, dryRunUnchangedLine)
	case r.Service.Restarted:
		c.printf("Service %s was restarted.\n", name)
	case r.Service.Scheduled != "":
		c.printf("%s\n", r.Service.scheduledLine())
	default:
		c.printf("Service %s is %s and was left alone.\n", name, state)
	}
}

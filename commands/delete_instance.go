package commands

import (
	"context"
	"errors"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// deleteInstanceOptions are what delete-instance can be told.
type deleteInstanceOptions struct {
	tentacle tentacleOptions
	dryRun   bool
	format   string
}

func deleteInstanceCommand(c *console) *cli.Command {
	var o deleteInstanceOptions
	return &cli.Command{
		Name:     "delete-instance",
		Category: "Instances and certificates",
		Usage:    "forget an instance; its configuration file stays",
		Description: `Removes an instance from this machine's index. The configuration file, and
whatever else lies in the home folder, stays.

  octo-tentacle delete-instance --instance=web`,
		Flags: allFlags(o.tentacle.flags(), []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Category: theOutcome, Destination: &o.dryRun, DisableDefaultText: true,
				Usage: "show what would change, but change nothing"},
			formatFlag(&o.format),
		}),
		Action: func(ctx *cli.Context) error {
			if err := refuseEmpty(ctx, "instance", "config"); err != nil {
				return err
			}
			return deleteInstance(ctx.Context, c, o)
		},
	}
}

func deleteInstance(ctx context.Context, c *console, o deleteInstanceOptions) error {
	if err := errors.Join(o.tentacle.check(), checkFormat(&o.format)); err != nil {
		return err
	}

	instance, err := tentacleconfig.FindRegistered(o.tentacle.orRunning(), o.tentacle.config)
	if err != nil {
		return err
	}
	r := &instanceReport{Instance: instance.Name, Configuration: instance.ConfigPath, DryRun: o.dryRun, Settings: []settingEntry{}}
	status, _ := lookAtService(ctx, serviceOf(instance, o.tentacle.service)) // only to warn
	r.Service = serviceEntry{Name: status.Name, State: status.State}
	if instance.Name != "" { // the real one does nothing either for a file that no instance names
		r.Index, r.Changed = tentacleconfig.IndexFile(instance.Name), true
		if r.Service.State.Runs() {
			c.warn("service %s still runs this Tentacle, and will not find it at its next start", r.Service.Name)
		}
	}

	if r.Changed && !o.dryRun {
		if err := tentacleconfig.Unregister(instance.Name); err != nil {
			return err
		}
	}
	return r.printDeleted(c, o.format)
}

func (r *instanceReport) printDeleted(c *console, format string) error {
	if format == "json" {
		return c.printJSON(r)
	}
	switch {
	case !r.Changed:
		c.printf("No instance has the configuration %s.\nNothing to change.\n", r.Configuration)
	case r.DryRun:
		c.printf("  %s\n", c.red("- index file "+r.Index))
		c.printf("Dry run: nothing was changed.\n")
	default:
		c.printf("  %s\n", c.red("- index file "+r.Index))
		c.printf("The instance %s is deleted; its configuration stays: %s\n", r.Instance, r.Configuration)
	}
	return nil
}

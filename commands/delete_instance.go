package commands

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// deleteInstanceOptions are those of delete-instance.
type deleteInstanceOptions struct {
	tentacle tentacleOptions
	outcome  outcomeOptions
}

func deleteInstanceCommand(c *console) *cli.Command {
	var o deleteInstanceOptions
	return &cli.Command{
		Name:     "delete-instance",
		Category: "Instances and certificates",
		Usage:    "remove an instance from the index, and keep its files",
		Description: `Removes an instance from this machine's index. The configuration file and
everything else in the home folder are kept.

  octo-tentacle delete-instance --instance=web`,
		Flags:  allFlags(o.tentacle.flags(), o.outcome.flags()),
		Action: func(ctx *cli.Context) error { return deleteInstance(ctx.Context, c, o) },
	}
}

// deleteInstance changes only the index, so it does not use changeTentacle.
func deleteInstance(ctx context.Context, c *console, o deleteInstanceOptions) error {
	if err := errors.Join(o.tentacle.complete(), o.outcome.complete()); err != nil {
		return err
	}
	instance, err := tentacleconfig.FindRegistered(o.tentacle.instanceName(), o.tentacle.config)
	if err != nil {
		return err
	}
	r := &instanceOutcome{Instance: instance.Name, Configuration: instance.ConfigPath, DryRun: o.outcome.dryRun, Settings: []settingEntry{}}
	serviceName := serviceOf(instance, o.tentacle.service)
	if p := agentPlace(); p != nil && o.tentacle.instance != "" {
		r.Configuration, serviceName = p.name(), ""
	}
	status, _ := lookAtService(ctx, serviceName) // only for the warning
	status = ownService(status, o.tentacle.service != "")
	r.Service = serviceEntry{Name: status.Name, State: status.State}
	if instance.Name != "" { // the Tentacle CLI does nothing either for a file that is no instance's
		r.Changed = true
		if r.indexFiles = tentacleconfig.IndexFiles(instance.Name); len(r.indexFiles) > 0 {
			r.Index = r.indexFiles[0]
		}
		if status.State.Runs() {
			c.warn("service %s still runs this Tentacle and will fail at its next start", status.Name)
		}
	}
	if r.Changed && !r.DryRun {
		if err := tentacleconfig.Unregister(instance.Name); err != nil {
			return err
		}
		c.step("remove instance from " + tentacleconfig.IndexFolder())
	}
	r.Result, r.indexDeleted = resultOf(r.DryRun, r.Changed, nil), r.Changed
	r.record(c, o.outcome, nil)
	if o.outcome.json() {
		return c.printJSON(r)
	}
	r.printDeleted(c)
	return nil
}

func (r *instanceOutcome) printDeleted(c *console) {
	if !r.Changed {
		c.printf("No instance has the configuration %s.\n%s\n", r.Configuration, unchangedLine)
		return
	}
	for _, file := range r.indexFiles {
		c.printf("  %s\n", c.red("- index file "+file))
	}
	if len(r.indexFiles) == 0 {
		c.printf("  %s\n", c.red("- instance "+r.Instance+", in the registry"))
	}
	if r.DryRun {
		c.printf("%s\n", dryRunLine)
		return
	}
	kept := "its configuration was kept"
	if _, err := os.Stat(r.Configuration); filepath.IsAbs(r.Configuration) && errors.Is(err, fs.ErrNotExist) {
		kept = "its configuration was gone already"
	}
	c.printf("The instance %s was deleted; %s: %s\n", r.Instance, kept, r.Configuration)
}

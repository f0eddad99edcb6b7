package commands

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// checkServicesOptions are what checkservices can be told.
type checkServicesOptions struct {
	instances cli.StringSlice
	outcome   serviceOutcome
}

func checkServicesCommand(c *console) *cli.Command {
	var o checkServicesOptions
	return &cli.Command{
		Name:     "checkservices",
		Category: "Service",
		Usage:    "start the services of Tentacles that do not run",
		Description: `Made to be run again and again by a scheduler. A service that runs is left alone,
and an instance without a service is skipped.

  octo-tentacle checkservices --instances="*"
  octo-tentacle checkservices --instances=web,database`,
		Flags: allFlags([]cli.Flag{
			&cli.StringSliceFlag{Name: "instances", Category: whichTentacle, Destination: &o.instances,
				Usage: "`NAMES` of the Tentacle instances, with commas between them; * for all"},
		}, o.outcome.flags()),
		Action: func(ctx *cli.Context) error { return checkServices(ctx.Context, c, o) },
	}
}

func checkServices(ctx context.Context, c *console, o checkServicesOptions) error {
	ctx = interruptible(ctx)
	if err := checkFormat(&o.outcome.format); err != nil {
		return err
	}
	// Semicolons too, as the real one takes them (Startup/CheckServicesCommand.cs).
	names := commaSeparated([]string{strings.ReplaceAll(strings.Join(o.instances.Value(), ","), ";", ",")})
	if len(names) == 0 {
		return errors.New(`which instances? Give --instances="*" for all, or their names like --instances=web,database`)
	}
	if !o.outcome.dryRun {
		if err := service.Ready(); err != nil {
			return err
		}
	}
	instances, err := tentacleconfig.Instances()
	if err != nil {
		return err
	}
	if !slices.Contains(names, "*") {
		instances = c.onlyNamed(instances, names)
	}
	targets, err := lookAtServices(ctx, instances)
	if err != nil {
		return err
	}
	return applyServices(ctx, c, targets, serviceWish{start: true, ifInstalled: true}, o.outcome, true)
}

// onlyNamed keeps the instances that are named, and warns of names that are no
// instance's: the others are to be checked all the same.
func (c *console) onlyNamed(instances []tentacleconfig.Instance, names []string) (named []tentacleconfig.Instance) {
	for _, name := range names {
		found := false
		for _, instance := range instances {
			if !strings.EqualFold(instance.Name, name) {
				continue
			}
			found = true
			if !slices.Contains(named, instance) {
				named = append(named, instance)
			}
		}
		if !found {
			c.warn("there is no instance %q on this machine", name)
		}
	}
	return named
}

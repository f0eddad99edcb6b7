package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// checkServicesOptions are the options of checkservices.
type checkServicesOptions struct {
	instances cli.StringSlice
	outcome   outcomeOptions
}

func checkServicesCommand(c *console) *cli.Command {
	var o checkServicesOptions
	return &cli.Command{
		Name:     "checkservices",
		Category: "Service",
		Usage:    "start the services of Tentacles that are not running",
		Description: `For a scheduler to run regularly. A running service is left alone, and an instance
without a service is skipped.

  octo-tentacle checkservices --instances="*"
  octo-tentacle checkservices --instances=web,database`,
		Flags: allFlags([]cli.Flag{
			&cli.StringSliceFlag{Name: "instances", Category: whichTentacle, Destination: &o.instances,
				Usage: "comma-separated `NAMES` of the Tentacle instances; * for all"},
		}, o.outcome.flags()),
		Action: func(ctx *cli.Context) error { return checkServices(ctx.Context, c, o) },
	}
}

// checkServices changes services and no configuration, so it does not go the way of changeTentacle.
func checkServices(ctx context.Context, c *console, o checkServicesOptions) error {
	if err := o.outcome.complete(); err != nil {
		return err
	}
	// Semicolons separate names, too, as in Tentacle (Startup/CheckServicesCommand.cs).
	names := commaSeparated([]string{strings.ReplaceAll(strings.Join(o.instances.Value(), ","), ";", ",")})
	if len(names) == 0 {
		return hint.New("--instances is required", `give --instances="*" for all instances, or their names, like --instances=web,database`)
	}
	if !o.outcome.dryRun {
		if err := service.CheckPrivileges(); err != nil {
			return err
		}
	}
	instances, damage := allInstances(c)
	if _, err := indexErrors(damage); err != nil {
		return err
	}
	if !slices.Contains(names, "*") {
		var all bool
		if instances, all = named(c, instances, names); all {
			damage = nil // it is of others
		}
	}
	targets, err := queryServices(ctx, instances)
	if err != nil {
		return err
	}
	run := serviceRun{request: service.Request{Start: true, OnlyIfInstalled: true}, outcome: o.outcome, list: true, damage: damage}
	return run.apply(ctx, c, targets)
}

// named selects the instances with these names, and warns of names that no instance has: the others
// are still checked. All says that there were none.
func named(c *console, instances []tentacleconfig.Instance, names []string) (selected []tentacleconfig.Instance, all bool) {
	all = true
	for _, name := range names {
		found := false
		for _, instance := range instances {
			if !strings.EqualFold(instance.Name, name) {
				continue
			}
			found = true
			if !slices.Contains(selected, instance) {
				selected = append(selected, instance)
			}
		}
		if !found {
			c.warn("there is no instance %q on this machine", name)
			all = false
		}
	}
	return selected, all
}

package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/urfave/cli/v2"
)

// fleetOptions are those of fleet.
type fleetOptions struct {
	api          apiOptions
	spaces       cli.StringSlice
	allSpaces    bool
	environments cli.StringSlice
	roles        cli.StringSlice
	pools        cli.StringSlice
	noScripts    bool
	healthChecks bool
	reports      cli.StringSlice
	all          bool
	strict       bool
	format       string

	inSpaces []string // names, slugs or IDs; none: all
}

// fleetTimeout is how long fleet waits by default: a Tentacle that is off may keep a task of
// Octopus busy for minutes.
const fleetTimeout = 15 * time.Minute

const (
	formatCSV  = "csv"
	formatHTML = "html"
)

// fleetFormats are those that only fleet has.
var fleetFormats = []string{formatCSV, formatHTML}

func fleetCommand(c *console) *cli.Command {
	o := fleetOptions{api: apiOptions{timeout: fleetTimeout}}
	return &cli.Command{
		Name:      "fleet",
		Category:  "Polling",
		ArgsUsage: "[FILE…]",
		Usage:     "show which nodes each Tentacle of the server polls",
		Description: `Shows which nodes of the cluster each Tentacle polls, of all deployment targets and
workers that the account may see, and what is wrong: missed nodes, duplicate
subscriptions and certificates, health that depends on the node. Nothing has to be
installed on the machines, and nothing is changed there: Octopus runs a script that
prints what the Tentacle polls, in one task for a hundred machines, three tasks at the
same time. The log of a task has the addresses and thumbprints, and a part of each
subscription. Unavailable and disabled machines are left out. What is polled is compared
with the nodes that hand out work. Exits with 1 if there is a problem, and with 4 if
something could not be looked at.

So far, this command has been tried only against the cluster that is embedded in
octo-tentacle, and not against an Octopus Server.

  octo-tentacle fleet --server=https://octopus.example.com \
    --apikey-file=key.txt
  octo-tentacle fleet --server=https://octopus.example.com \
    --apikey-file=key.txt --space=Default --environment=Production \
    --format=html > fleet.html
  octo-tentacle fleet --server=https://octopus.example.com \
    --apikey-file=key.txt --no-scripts

The same without a server, from what check printed on the machines:
  octo-tentacle fleet --reports reports/web01.json reports/web02.json`,
		Flags: allFlags(o.api.flags(), []cli.Flag{
			&cli.StringSliceFlag{Name: "space", Category: whichTentacles, Destination: &o.spaces,
				Usage: "`NAME`, slug or ID of a space; repeatable (default: $OCTOPUS_SPACE, else all)"},
			&cli.BoolFlag{Name: "all-spaces", Category: whichTentacles, Destination: &o.allSpaces, DisableDefaultText: true,
				Usage: "every space that the account may use, also if $OCTOPUS_SPACE is set"},
			&cli.StringSliceFlag{Name: "environment", Aliases: []string{"env"}, Category: whichTentacles, Destination: &o.environments,
				Usage: "only deployment targets of this `ENVIRONMENT`; repeatable"},
			&cli.StringSliceFlag{Name: "role", Aliases: []string{"r"}, Category: whichTentacles, Destination: &o.roles,
				Usage: "only deployment targets with this `ROLE`; repeatable"},
			&cli.StringSliceFlag{Name: "workerpool", Aliases: []string{"worker-pool"}, Category: whichTentacles, Destination: &o.pools,
				Usage: "only workers of this pool: its `NAME`; repeatable"},
			&cli.StringSliceFlag{Name: "reports", Category: whichTentacles, Destination: &o.reports,
				Usage: "`FILE` with what check --format=json printed, instead of a server; repeatable, and further files may follow; - for standard input"},
			&cli.BoolFlag{Name: "no-scripts", Category: theServer, Destination: &o.noScripts, DisableDefaultText: true,
				Usage: "start no tasks: show what the API alone knows"},
			&cli.BoolFlag{Name: "health-checks", Category: theServer, Destination: &o.healthChecks, DisableDefaultText: true,
				Usage: "ask for the last health checks of every deployment target, and not only of those that are unhealthy or did not answer"},
			&cli.BoolFlag{Name: "all", Category: theOutcome, Destination: &o.all, DisableDefaultText: true,
				Usage: "also list the Tentacles that are well"},
			&cli.BoolFlag{Name: "strict", Category: theOutcome, Destination: &o.strict, DisableDefaultText: true,
				Usage: "exit with 1 also for warnings"},
			&cli.StringFlag{Name: "format", Category: theOutcome, Destination: &o.format, Value: "text",
				Usage: "output `FORMAT`: text for people, json for scripts, csv for a spreadsheet or html for a browser"},
		}),
		Action: func(ctx *cli.Context) error { return showFleet(ctx.Context, c, o, ctx.Args().Slice()) },
	}
}

func showFleet(ctx context.Context, c *console, o fleetOptions, more []string) error {
	if err := o.complete(c, more); err != nil {
		return err
	}
	report, err := o.report(ctx, c, more)
	if err != nil {
		return err
	}
	if err := o.print(c, report); err != nil {
		return err
	}
	return o.verdict(report)
}

func (o *fleetOptions) report(ctx context.Context, c *console, more []string) (*fleet.Report, error) {
	if files := slices.Concat(o.reports.Value(), more); len(files) > 0 {
		return fleetOfReports(c, files)
	}
	server, err := connectFromDesk(c, o.api)
	if err != nil {
		return nil, err
	}
	a := &fleetAsker{connection: server, options: o}
	defer c.endProgress()
	return a.report(ctx)
}

// complete refuses what makes no sense.
func (o *fleetOptions) complete(c *console, more []string) error {
	if err := completeFormat(&o.format, fleetFormats...); err != nil {
		return err
	}
	o.inSpaces = nonEmpty(o.spaces.Value())
	filters := slices.Concat(o.inSpaces, o.environments.Value(), o.roles.Value(), o.pools.Value())
	switch {
	case len(o.reports.Value()) == 0 && len(more) > 0:
		return hint.Errorf("write --reports before the files", "fleet takes files only with --reports, but got %d", len(more))
	case len(o.reports.Value()) > 0 && (o.api.given() || o.api.refuseAlone() != nil || len(filters) > 0 || o.allSpaces || o.noScripts || o.healthChecks):
		return errors.New("--reports needs no server: it cannot be combined with the options about one")
	case len(o.reports.Value()) > 0:
		return o.api.checkTimeout()
	case o.allSpaces && len(o.inSpaces) > 0:
		return errors.New("--all-spaces cannot be combined with --space: it means every space")
	}
	if fromVariable := os.Getenv("OCTOPUS_SPACE"); len(o.inSpaces) == 0 && !o.allSpaces && fromVariable != "" {
		o.inSpaces = []string{fromVariable}
	}
	return o.api.complete(c)
}

func (o *fleetOptions) print(c *console, r *fleet.Report) error {
	switch o.format {
	case "json":
		return c.printJSON(r)
	case formatCSV:
		return printFleetCSV(c, r)
	case formatHTML:
		return printFleetHTML(c, r)
	}
	printFleet(c, r, o.all)
	return nil
}

// verdict is the exit code for what was found, as an error.
func (o *fleetOptions) verdict(r *fleet.Report) error {
	switch worst := r.Worst(); {
	case worst == fleet.Problem, worst == fleet.Warning && o.strict:
		return verdictError{exitFailed}
	case !r.Looked():
		return verdictError{exitNotChecked}
	}
	return nil
}

// maxReport is far above what check prints of all Tentacles of a site, in bytes.
const maxReport = 64 << 20

// fleetOfReports makes the report of what check printed.
func fleetOfReports(c *console, files []string) (*fleet.Report, error) {
	var all []fleet.Checked
	for _, file := range expanded(files) {
		content, err := c.readInputUpTo(file, maxReport)
		if err != nil {
			return nil, fmt.Errorf("--reports: %w", err)
		}
		some, err := fleet.ReadChecked(bytes.NewReader(content))
		if err != nil {
			return nil, fmt.Errorf("--reports: %s: %w", inputName(file), err)
		}
		all = append(all, some...)
	}
	return fleet.FromChecked(all, time.Now(), version())
}

// expanded are the files that patterns name, which a shell of Windows leaves as they are. There, no
// file has a * or ? in its name.
func expanded(files []string) (all []string) {
	for _, file := range files {
		found := []string{file}
		if runtime.GOOS == "windows" && strings.ContainsAny(file, "*?") {
			if matched, err := filepath.Glob(file); err == nil && len(matched) > 0 {
				found = matched
			}
		}
		all = append(all, found...)
	}
	return all
}

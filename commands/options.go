package commands

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The groups of options that several commands share. Each knows its flags and
// how to check them; a command embeds those it needs in its options struct.

const (
	whichTentacle = "Which Tentacle"
	theServer     = "The Octopus Server"
	theNodes      = "The nodes to poll"
	theOutcome    = "The outcome"
)

// tentacleOptions choose the Tentacle on this machine.
type tentacleOptions struct {
	instance string
	config   string
	service  string
}

func (o *tentacleOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "instance", Category: whichTentacle, Destination: &o.instance,
			Usage: "`NAME` of the Tentacle instance; left out: the one whose script runs octo-tentacle, else ./Tentacle.config, else the one named Tentacle, else the only one"},
		&cli.StringFlag{Name: "config", Category: whichTentacle, Destination: &o.config,
			Usage: "`FILE` to use as the configuration instead of an instance's"},
		&cli.StringFlag{Name: "service", Category: whichTentacle, Destination: &o.service,
			Usage: "`NAME` of the service that runs this Tentacle, where it is not the usual one"},
	}
}

func (o *tentacleOptions) check() error {
	if o.instance != "" && o.config != "" {
		return errors.New("--instance and --config both choose a configuration: give one of them")
	}
	return nil
}

func allInstancesFlag(destination *bool) cli.Flag {
	return &cli.BoolFlag{Name: "all-instances", Category: whichTentacle, Destination: destination, DisableDefaultText: true,
		Usage: "all Tentacles on this machine"}
}

// checkAll is check for a command that may be about all of them.
func (o *tentacleOptions) checkAll(all bool) error {
	if all && *o != (tentacleOptions{}) {
		return errors.New("--all-instances means every Tentacle here: leave out --instance, --config and --service")
	}
	return o.check()
}

// changeOptions are what every command that changes something has.
type changeOptions struct {
	dryRun    bool
	noBackup  bool
	noRestart bool
	quiet     bool // say nothing of nothing to change: sync-servers alone has the option
	restart   restartOptions
	format    string
}

func (o *changeOptions) flags() []cli.Flag {
	return allFlags([]cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Category: theOutcome, Destination: &o.dryRun, DisableDefaultText: true,
			Usage: "check everything and show what would change, but change nothing"},
		&cli.BoolFlag{Name: "no-backup", Category: theOutcome, Destination: &o.noBackup, DisableDefaultText: true,
			Usage: "do not keep the old file beside the new one (Tentacle.config.bak-TIME, at most ten; see list-backups)"},
		&cli.BoolFlag{Name: "no-restart", Category: theOutcome, Destination: &o.noRestart, DisableDefaultText: true,
			Usage: "leave the Tentacle's service alone; it reads the change at its next start"},
	}, o.restart.flags(), []cli.Flag{formatFlag(&o.format)})
}

// check refuses what makes no sense and, before anything is tried, a change that
// this account cannot carry out.
func (o *changeOptions) check() error {
	if err := o.checkUnchanging(); err != nil {
		return err
	}
	if o.dryRun || o.noRestart {
		return nil
	}
	if err := checkElevated(); err != nil {
		return fmt.Errorf("%w\nwithout it, --dry-run shows what would change, and --no-restart changes a file that your account may write to", err)
	}
	return nil
}

// checkUnchanging is check where the Tentacle itself is not changed after all.
func (o *changeOptions) checkUnchanging() error {
	if o.noRestart && (o.restart.now || o.restart.splay > 0) {
		return errors.New("--no-restart leaves the service alone: leave out the other options about its restart")
	}
	return errors.Join(checkFormat(&o.format), o.restart.check())
}

// checkElevated is a variable for tests, which cannot take an Administrator's
// rights away.
var checkElevated = needAdministrator

func formatFlag(destination *string) cli.Flag {
	return &cli.StringFlag{Name: "format", Category: theOutcome, Destination: destination, Value: "text",
		Usage: "`text` for people or json for scripts"}
}

func checkFormat(format *string) error {
	switch *format = strings.ToLower(*format); *format {
	case "":
		*format = "text"
	case "text", "json":
	default:
		return fmt.Errorf("--format %q is not known: use text or json", *format)
	}
	return nil
}

// commaSeparated splits repeated options at commas; empty ones, as scripts pass
// them, do not count.
func commaSeparated(values []string) []string {
	var all []string
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				all = append(all, item)
			}
		}
	}
	return all
}

// checkComplete refuses a list with an empty item, the variable of a script that
// is not set: whatever that was to name would be removed.
func checkComplete(option string, values []string) error {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if strings.TrimSpace(item) == "" {
				return fmt.Errorf("--%s has an empty value (an empty variable of a script?), and what is not named is removed: name all that are to stay", option)
			}
		}
	}
	return nil
}

// refuseEmpty is for options that choose what is to be replaced or removed: when
// all of them that are given are empty, as a script passes a variable that is
// not set, something else would be chosen than was meant.
func refuseEmpty(ctx *cli.Context, options ...string) error {
	empty := ""
	for _, option := range options {
		switch {
		case strings.TrimSpace(ctx.String(option)) != "":
			return nil
		case ctx.IsSet(option):
			empty = cmp.Or(empty, option)
		}
	}
	if empty == "" {
		return nil
	}
	return fmt.Errorf("--%s is empty (an empty variable of a script?): give it a value, or leave it out\nnothing was changed", empty)
}

// nonEmpty drops the empty values that scripts pass.
func nonEmpty(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return strings.TrimSpace(v) == "" })
}

func allFlags(groups ...[]cli.Flag) []cli.Flag { return slices.Concat(groups...) }

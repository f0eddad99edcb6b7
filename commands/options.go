package commands

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/visible"
	"github.com/urfave/cli/v2"
)

// Groups of options that several commands share. Each has its flags and a method complete, which
// checks what was given and fills in the rest. A command embeds the groups it needs in its options
// struct.

// The headings under which help lists options.
const (
	whichTentacle     = "Tentacle"
	whichAgent        = "Kubernetes agent"
	whichTentacles    = "Tentacles"
	theServer         = "Octopus Server"
	theNodes          = "Nodes to poll"
	theFile           = "File"
	theRegistration   = "Registration"
	listeningTentacle = "Listening Tentacle"
	theSettings       = "Settings"
	theProxy          = "Proxy"
	theCertificate    = "Certificate"
	theBackup         = "Backup"
	theInstance       = "Instance"
	theOutcome        = "Execution and output"
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
			Usage: "`NAME` of the Tentacle instance (default: the one that runs the current script, else ./Tentacle.config, else the one named Tentacle, else the only one)"},
		&cli.StringFlag{Name: "config", Category: whichTentacle, Destination: &o.config,
			Usage: "configuration `FILE` to use instead of an instance's"},
		&cli.StringFlag{Name: "service", Category: whichTentacle, Destination: &o.service,
			Usage: "`NAME` of the service that runs this Tentacle (default: the usual name for the instance)"},
	}
}

func (o *tentacleOptions) complete() error {
	if _, inside := agentContainer(); o.instance != "" && o.config != "" && !inside { // there, the file does not matter
		return errors.New("--instance and --config cannot be combined: each chooses a configuration")
	}
	return nil
}

func allInstancesFlag(destination *bool) cli.Flag {
	return &cli.BoolFlag{Name: "all-instances", Category: whichTentacle, Destination: destination, DisableDefaultText: true,
		Usage: "all Tentacles on this machine"}
}

// completeAll is complete for a command that may be about all of them.
func (o *tentacleOptions) completeAll(all bool) error {
	if all && *o != (tentacleOptions{}) {
		return errors.New("--all-instances cannot be combined with --instance, --config and --service: it means every Tentacle on this machine")
	}
	return o.complete()
}

// outcomeOptions say whether a command makes its change, and how it prints the result.
type outcomeOptions struct {
	dryRun bool
	format string
	reason string
}

func (o *outcomeOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Category: theOutcome, Destination: &o.dryRun, DisableDefaultText: true,
			Usage: "check everything and show what would change, but change nothing"},
		&cli.StringFlag{Name: "reason", Category: theOutcome, Destination: &o.reason,
			Usage: "`TEXT` to keep with the change in the history, such as a ticket; one line"},
		formatFlag(&o.format),
	}
}

func (o *outcomeOptions) complete() error {
	o.reason = strings.TrimSpace(o.reason)
	return errors.Join(checkReason(o.reason), completeFormat(&o.format))
}

// checkReason refuses what does not fit on one line.
func checkReason(reason string) error {
	const most = 500 // characters
	switch {
	case !visible.Is(reason):
		return errors.New("--reason has to be one line of text")
	case len([]rune(reason)) > most:
		return fmt.Errorf("--reason is longer than %d characters: give a short text, like --reason=\"ticket 4711\"", most)
	}
	return nil
}

func (o *outcomeOptions) json() bool { return o.format == "json" }

func formatFlag(destination *string) cli.Flag {
	return &cli.StringFlag{Name: "format", Category: theOutcome, Destination: destination, Value: "text",
		Usage: "output `FORMAT`: text for people, json for scripts"}
}

// usualFormats are those of every command that has a choice, but for show-configuration.
var usualFormats = []string{"text", "json"}

// completeFormat accepts text and json, and more where a command has them.
func completeFormat(format *string, more ...string) error {
	known := slices.Concat(usualFormats, more)
	*format = cmp.Or(strings.ToLower(*format), "text")
	if !slices.Contains(known, *format) {
		return fmt.Errorf("--format %q is not known: use %s", *format, oneOf(known))
	}
	return nil
}

// oneOf lists words of which one is to be chosen: "a, b or c".
func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// changeOptions are what every command that changes a Tentacle has.
type changeOptions struct {
	outcomeOptions
	noBackup  bool
	noRestart bool
	quiet     bool // print nothing where nothing changes: only sync-servers and apply have the option
	restart   restartOptions

	// Only of commands that change Kubernetes agents, too.
	agents         agentOptions
	prepare        bool // the ConfigMap alone
	rolloutTimeout time.Duration
}

// defaultRolloutTimeout is longer than the startup probe of an agent waits (helm-charts,
// kubernetes-agent, tentacle-deployment.yaml: 100 times 2 s).
const defaultRolloutTimeout = 5 * time.Minute

func (o *changeOptions) agentFlags() []cli.Flag {
	return append(o.agents.flags(),
		&cli.BoolFlag{Name: "prepare", Category: whichAgent, Destination: &o.prepare, DisableDefaultText: true,
			Usage: "change the ConfigMap alone, so that any roll-out is safe, and print what is left to do with Helm or in a repository (the same as --no-restart)"},
		rolloutTimeoutFlag(&o.rolloutTimeout, "put back what was if a rollout takes longer than `TIME`"),
	)
}

func rolloutTimeoutFlag(destination *time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Name: "rollout-timeout", Category: whichAgent, Destination: destination, Value: defaultRolloutTimeout, Usage: usage}
}

// completeFor is complete for a command that changes Kubernetes agents, too.
func (o *changeOptions) completeFor(t tentacleOptions) error {
	if err := o.agents.complete(t, false); err != nil {
		return err
	}
	switch {
	case !o.agents.given() && o.prepare:
		return hint.New("--prepare is about Kubernetes agents", "add --namespace=NS; on this machine, --no-restart saves a change for the next start")
	case !o.agents.given():
		return o.complete()
	case o.noBackup || o.restart.now || o.restart.splay > 0 || o.restart.confirm > 0:
		return errors.New("--no-backup, --restart-now, --restart-splay and --confirm are about a file and a service: a Kubernetes agent has neither")
	case o.rolloutTimeout <= 0:
		return fmt.Errorf("--rollout-timeout %v: give a duration like 5m", o.rolloutTimeout)
	}
	o.prepare = o.prepare || o.noRestart
	return o.complete()
}

func (o *changeOptions) flags() []cli.Flag {
	return allFlags([]cli.Flag{
		&cli.BoolFlag{Name: "no-backup", Category: theOutcome, Destination: &o.noBackup, DisableDefaultText: true,
			Usage: "do not keep the old file as a backup (Tentacle.config.bak-TIME; see list-backups)"},
		&cli.BoolFlag{Name: "no-restart", Category: theOutcome, Destination: &o.noRestart, DisableDefaultText: true,
			Usage: "do not restart the Tentacle's service; the change takes effect at its next start"},
	}, o.restart.flags(), o.outcomeOptions.flags())
}

// complete refuses invalid combinations. What this account may do is asked when it is known what is
// to be done.
func (o *changeOptions) complete() error {
	switch {
	case o.noRestart && (o.restart.now || o.restart.splay > 0 || o.restart.confirm > 0):
		return errors.New("--no-restart cannot be combined with the other options about the restart")
	case o.noBackup && o.restart.confirm > 0:
		return errors.New("--no-backup cannot be combined with --confirm, which may have to put the old configuration back")
	}
	return errors.Join(o.outcomeOptions.complete(), o.restart.complete())
}

func quietFlag(destination *bool) cli.Flag {
	return &cli.BoolFlag{Name: "quiet", Category: theOutcome, Destination: destination, DisableDefaultText: true,
		Usage: "print nothing if nothing changed (a pending restart is still reported; ignored with --format=json)"}
}

// spaceOption names a space of the server; "" is the default space.
type spaceOption struct{ space string }

func (o *spaceOption) flags(category string) []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "space", Category: category, Destination: &o.space,
		Usage: "`NAME`, slug or ID of the space (default: $OCTOPUS_SPACE, else the default space)"}}
}

func (o *spaceOption) complete() { o.space = cmp.Or(o.space, os.Getenv("OCTOPUS_SPACE")) }

// given says whether an option is on the command line with a value, or with an empty one that means
// something (see empty_values.go).
type given func(option string) bool

func allFlags(groups ...[]cli.Flag) []cli.Flag { return slices.Concat(groups...) }

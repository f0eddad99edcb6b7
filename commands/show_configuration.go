package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// showConfigurationOptions are those of show-configuration.
type showConfigurationOptions struct {
	tentacle tentacleOptions
	agents   agentOptions
	api      apiOptions
	file     userFile
	space    spaceOption
	format   string

	onlySpace string // of which the file shows the registrations; "" for all
}

// shownFormats are those of show-configuration.
var shownFormats = []string{"json", "yaml"}

func showConfigurationCommand(c *console) *cli.Command {
	var o showConfigurationOptions
	return &cli.Command{
		Name:     "show-configuration",
		Category: "Trust and settings",
		Usage:    "show this Tentacle's settings and registration",
		Description: `Prints the settings as JSON, without secrets. With --server and credentials, adds
what the Octopus Server knows about this Tentacle: its name there, environments,
roles, tenants, worker pools and policy. Of a Kubernetes agent, adds what is known of
it in its cluster.

With --format=yaml, prints a file for apply instead: the settings, the polled nodes and
the service, and with --server and credentials the registrations, in all spaces or in that
of --space. Applied here it changes nothing; on another machine it makes a Tentacle like
this one.

  octo-tentacle show-configuration
  octo-tentacle show-configuration --server=https://octopus.example.com \
    --apikey-file=key.txt
  octo-tentacle show-configuration --format=yaml --file=tentacle.yaml \
    --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle show-configuration --namespace=octopus-agent`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "format", Category: theOutcome, Destination: &o.format, Value: "json",
				Usage: "output `FORMAT`: json, or yaml for a file that can be applied"},
			&cli.StringFlag{Name: "file", Category: theOutcome, Destination: &o.file.path,
				Usage: "`FILE` to write it to, instead of standard output"},
			&cli.BoolFlag{Name: "force", Category: theOutcome, Destination: &o.file.force, DisableDefaultText: true,
				Usage: "replace the file even if it holds a key; with --format=yaml, replace one that is there"},
		}, o.space.flags(theServer), o.api.flags(), o.tentacle.flags(), o.agents.flags()),
		Action: func(ctx *cli.Context) error { return showConfiguration(ctx.Context, c, o) },
	}
}

func showConfiguration(ctx context.Context, c *console, o showConfigurationOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}

	switch {
	case o.agents.given() && o.yaml():
		return errAgentHasNoFile
	case o.agents.given():
		return showAgents(ctx, c, o)
	}
	t, err := lookAt(ctx, o.tentacle)
	if err != nil {
		return err
	}
	if o.file.path != "" {
		if err := o.file.check(t.instance.ConfigPath); err != nil {
			return err
		}
	}
	if o.yaml() {
		content, err := o.showFile(ctx, c, t)
		if err != nil {
			return err
		}
		return o.writeFile(c, content, c.printFile)
	}
	shown, err := o.shown(ctx, c, t)
	if err != nil {
		return err
	}
	return o.write(c, shown)
}

func (o *showConfigurationOptions) yaml() bool { return o.format == "yaml" }

// shown is what is known of a Tentacle.
func (o *showConfigurationOptions) shown(ctx context.Context, c *console, t *tentacle) (tree, error) {
	shown, err := shownSettings(t)
	if err == nil && o.asksServer() {
		err = o.askServer(ctx, c, t, shown)
		c.endProgress()
	}
	return shown, err
}

// write writes JSON to the file, or to standard output.
func (o *showConfigurationOptions) write(c *console, value any) error {
	if o.file.path == "" {
		return c.printJSON(value)
	}
	text, err := c.printableJSON(value, "  ")
	if err != nil {
		return err
	}
	return o.writeFile(c, []byte(text), nil)
}

// writeFile writes a content to the file; to standard output by toOutput where no file is named.
func (o *showConfigurationOptions) writeFile(c *console, content []byte, toOutput func([]byte) error) error {
	if o.file.path == "" {
		return toOutput(content)
	}
	if err := os.MkdirAll(filepath.Dir(o.file.path), 0o755); err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	c.step("write " + o.file.path)
	return o.file.write(content)
}

func (o *showConfigurationOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.agents.complete(o.tentacle, false), o.file.complete("file")); err != nil {
		return err
	}
	if o.format = strings.ToLower(o.format); !slices.Contains(shownFormats, o.format) {
		return fmt.Errorf("--format %q is not known: use %s", o.format, oneOf(shownFormats))
	}
	o.file.isNew = o.yaml() // what lies there may be the wish, which a person wrote
	o.onlySpace = o.space.space
	o.space.complete()
	if o.asksServer() {
		return o.api.complete(c)
	}
	return nil
}

// asksServer says whether to use the network. Only the command line can ask for that, because the
// environment may be set for other commands.
func (o *showConfigurationOptions) asksServer() bool {
	return o.api.given()
}

// tree is JSON made of keys that are split at their dots, with sorted members.
type tree map[string]any

func (t tree) set(key string, value any) {
	name, rest, deeper := strings.Cut(key, ".")
	if !deeper {
		t[name] = value
		return
	}
	below, _ := t[name].(tree)
	if below == nil {
		below = tree{}
		t[name] = below
	}
	below.set(rest, value)
}

// shownSettings are the settings that the Tentacle CLI shows, with the defaults of those that are
// not set, and no others: so there is no secret among them (Commands/ShowConfigurationCommand.cs,
// Configuration/TentacleConfiguration.cs).
func shownSettings(t *tentacle) (tree, error) {
	thumbprint, err := t.document.Thumbprint()
	if err != nil && !errors.Is(err, tentacleconfig.ErrNoCertificate) {
		return nil, err
	}
	v := settingValues{t: t}
	shown := tree{}
	home, goos := v.text(tentacleconfig.KeyHome), t.goos()
	if t.agent == nil {
		home = rootedHome(t.instance.ConfigPath, home)
	}
	shown.set(tentacleconfig.KeyHome, orNull(home))
	shown.set(tentacleconfig.KeyThumbprint, orNull(thumbprint))
	shown.set(tentacleconfig.KeyPollingConnectionCount, v.number(tentacleconfig.KeyPollingConnectionCount, ""))
	shown.set(tentacleconfig.KeyTrustedServers, json.RawMessage(tentacleconfig.FormatTrustedServers(t.servers)))
	shown.set(tentacleconfig.KeyApplicationDirectory, cmp.Or(v.text(tentacleconfig.KeyApplicationDirectory), defaultApplications(goos)))
	shown.set(tentacleconfig.KeyListenIP, orNull(v.text(tentacleconfig.KeyListenIP)))
	shown.set(tentacleconfig.KeyNoListen, v.isTrue(tentacleconfig.KeyNoListen))
	shown.set(tentacleconfig.KeyPort, v.number(tentacleconfig.KeyPort, defaultListeningPort))
	if goos != "windows" {
		// On Windows it is a scheduled task, which this program does not know; elsewhere there is
		// none, and the Tentacle CLI says this (Configuration/WatchdogConfiguration.cs).
		shown.set("Octopus.Watchdog", tree{"Enabled": false, "Instances": "*", "Interval": 0})
	}
	return shown, v.err
}

// settingValues reads settings; err is about the last invalid one.
type settingValues struct {
	t   *tentacle
	err error
}

func (v *settingValues) text(key string) string {
	value, _ := v.t.document.Get(key)
	return strings.TrimSpace(value)
}

// number is nil where neither the setting nor its default is set.
func (v *settingValues) number(key, defaultValue string) any {
	value := cmp.Or(v.text(key), defaultValue)
	if value == "" {
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil {
		v.err = fmt.Errorf("%s: the setting %s is not a number", v.t.instance.ConfigPath, key)
	}
	return n
}

func (v *settingValues) isTrue(key string) bool {
	value, err := strconv.ParseBool(cmp.Or(strings.ToLower(v.text(key)), "false"))
	if err != nil {
		v.err = fmt.Errorf("%s: the setting %s is neither true nor false", v.t.instance.ConfigPath, key)
	}
	return value
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// goos is the system that the Tentacle runs on.
func (t *tentacle) goos() string {
	if t.agent != nil {
		return "linux"
	}
	return runtime.GOOS
}

// defaultApplications is the folder for applications when none is set.
func defaultApplications(goos string) string {
	if goos == "windows" {
		return filepath.VolumeName(cmp.Or(os.Getenv("ProgramFiles"), `C:\`)) + `\Octopus\Applications`
	}
	return "/home/Octopus/Applications"
}

// askServer adds the registration with this Tentacle's thumbprint. Like the Tentacle CLI, it only
// warns when there is none, and fails when there are several.
func (o *showConfigurationOptions) askServer(ctx context.Context, c *console, t *tentacle, shown tree) error {
	thumbprint, err := t.document.Thumbprint()
	if err != nil {
		return err
	}
	server, err := t.connect(c, o.api)
	if err != nil {
		return err
	}
	c.progress(askingText(server.URL(), 0))
	return server.within(ctx, func(ctx context.Context) error {
		space, err := server.Space(ctx, o.space.space)
		if err != nil {
			return err
		}
		return showRegistration(ctx, c, space, thumbprint, shown)
	})
}

func showRegistration(ctx context.Context, c *console, space *octoapi.Space, thumbprint string, shown tree) error {
	machines, err := space.Machines(octoapi.Target).ByThumbprint(ctx, thumbprint)
	if err != nil {
		return err
	}
	workers, err := space.Machines(octoapi.Worker).ByThumbprint(ctx, thumbprint)
	if err != nil {
		return err
	}
	switch {
	case len(machines)+len(workers) == 0:
		c.warn("there is no deployment target or worker with the thumbprint %s in space %s: only the settings are shown", thumbprint, cmp.Or(space.Name, "Default"))
		return nil
	case len(machines)+len(workers) > 1:
		return hint.Errorf("without --server and credentials, only the settings are shown",
			"this Tentacle is registered %d times in space %s, so it is not known which registration to show", len(machines)+len(workers), space.Name)
	case len(machines) == 1:
		return showTarget(ctx, space, machines[0], shown)
	}
	pools, err := space.WorkerPoolsByID(ctx, workers[0].WorkerPoolIDs)
	if err != nil {
		return err
	}
	shown.set("Tentacle.WorkerPools", references(pools))
	return showEither(ctx, space, workers[0], shown)
}

// reference is something on the server as the Tentacle CLI shows it.
type reference struct {
	ID   string `json:"Id"`
	Name string
}

func references(named []octoapi.Named) []reference {
	list := make([]reference, 0, len(named)) // an empty list is [], not null
	for _, n := range named {
		list = append(list, reference{n.ID, n.Name})
	}
	return list
}

// showTarget shows a deployment target.
func showTarget(ctx context.Context, space *octoapi.Space, m octoapi.Machine, shown tree) error {
	environments, err := space.EnvironmentsByID(ctx, m.EnvironmentIDs)
	if err != nil {
		return err
	}
	shown.set("Tentacle.Environments", references(environments))
	shown.set("Tentacle.Roles", append([]string{}, m.Roles...))
	hasTenants, err := space.HasTenants(ctx)
	if err != nil {
		return err
	}
	if hasTenants {
		tenants, err := space.TenantsByID(ctx, m.TenantIDs)
		if err != nil {
			return err
		}
		shown.set("Tentacle.Tenants", references(tenants))
		shown.set("Tentacle.TenantTags", append([]string{}, m.TenantTags...))
	}
	return showEither(ctx, space, m, shown)
}

// showEither shows what deployment targets and workers have in common.
func showEither(ctx context.Context, space *octoapi.Space, m octoapi.Machine, shown tree) error {
	if m.PolicyID != "" {
		policies, err := space.PoliciesByID(ctx, []string{m.PolicyID})
		if err != nil {
			return err
		}
		for _, policy := range references(policies) {
			shown.set("Tentacle.MachinePolicy", policy)
		}
	}
	shown.set("Tentacle.DisplayName", m.Name)
	if m.Endpoint.CommunicationStyle == octoapi.Listening {
		shown.set("Tentacle.Communication.PublicHostName", m.Endpoint.URI)
	}
	return nil
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// configureOptions are those of configure.
type configureOptions struct {
	tentacle tentacleOptions
	change   changeOptions

	home        string
	app         string
	port        string
	noListen    string
	listenIP    string
	connections string
	trust       cli.StringSlice
	removeTrust cli.StringSlice
	resetTrust  bool

	settings []tentacleconfig.Setting
}

func configureCommand(c *console) *cli.Command {
	var o configureOptions
	return &cli.Command{
		Name:     "configure",
		Category: "Trust and settings",
		Usage:    "set folders, ports and trusted servers",
		Description: `Sets the given values. If one of them is invalid, sets none.

  octo-tentacle configure --app=/home/Octopus/Applications --port=10933 \
    --trust=0123456789ABCDEF0123456789ABCDEF01234567
  octo-tentacle configure --noListen=true`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "home", Aliases: []string{"homedir"}, Category: theSettings, Destination: &o.home,
				Usage: "home `FOLDER` of the Tentacle; created if it does not exist"},
			&cli.StringFlag{Name: "app", Aliases: []string{"appdir"}, Category: theSettings, Destination: &o.app,
				Usage: "`FOLDER` to deploy applications to; created if it does not exist"},
			&cli.StringFlag{Name: "port", Category: theSettings, Destination: &o.port,
				Usage: "`PORT` to listen on, like 10933"},
			&cli.StringFlag{Name: "noListen", Category: theSettings, Destination: &o.noListen,
				Usage: "`true` to only poll, false to listen"},
			&cli.StringFlag{Name: "listenIpAddress", Category: theSettings, Destination: &o.listenIP,
				Usage: "IP `ADDRESS` to listen on, or any"},
			connectionsFlag(&o.connections),
			&cli.StringSliceFlag{Name: "trust", Category: theSettings, Destination: &o.trust,
				Usage: "`THUMBPRINT` of an Octopus Server that may connect to this Tentacle; repeatable, or with commas"},
			&cli.StringSliceFlag{Name: "remove-trust", Category: theSettings, Destination: &o.removeTrust,
				Usage: "`THUMBPRINT` of an Octopus Server to stop trusting; repeatable, or with commas"},
			&cli.BoolFlag{Name: "reset-trust", Category: theSettings, Destination: &o.resetTrust, DisableDefaultText: true,
				Usage: "stop trusting all Octopus Servers, except those of --trust"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return configure(ctx.Context, c, o) },
	}
}

func configure(ctx context.Context, c *console, o configureOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, _ *outcome) (change, error) {
		o.warnOfUntrusted(c, t.servers)
		ports := &answering{console: c}
		return change{
			servers:       o.decide,
			settings:      setAll(o.settings),
			settingsAbout: o.keys(),
			verify:        ports.looking(ctx),
			before:        func(decision) error { return makeFolders(o.settings) },
			applied:       func() { ports.warn(o.change.dryRun) },
		}, nil
	})
}

// complete checks every value before any is set. (The Tentacle CLI sets the values before the first
// invalid one.)
func (o *configureOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete()); err != nil {
		return err
	}
	for _, one := range commaSeparated(o.trust.Value()) {
		warnOfThumbprint(c, "--trust", one)
	}
	for _, option := range []struct {
		name, value, key string
		parse            func(string) (string, error)
	}{
		{"home", o.home, tentacleconfig.KeyHome, fullPath},
		{"app", o.app, tentacleconfig.KeyApplicationDirectory, fullPath},
		{"port", o.port, tentacleconfig.KeyPort, formatPort},
		{"noListen", o.noListen, tentacleconfig.KeyNoListen, formatBool},
		{"listenIpAddress", o.listenIP, tentacleconfig.KeyListenIP, formatListenIP},
		{"pollingConnectionCount", o.connections, tentacleconfig.KeyPollingConnectionCount, formatConnections},
	} {
		if option.value == "" {
			continue
		}
		value, err := option.parse(strings.TrimSpace(option.value))
		if err != nil {
			return fmt.Errorf("--%s %q: %w", option.name, option.value, err)
		}
		o.settings = append(o.settings, tentacleconfig.Setting{Key: option.key, Value: value})
	}
	return nil
}

// makeFolders creates the folders that the settings name. It runs after the change is decided and
// locked, so that a refused change leaves no folder behind.
func makeFolders(settings []tentacleconfig.Setting) error {
	for _, setting := range settings {
		if !isFolder(setting.Key) {
			continue
		}
		if err := os.MkdirAll(setting.Value, 0o755); err != nil {
			return fmt.Errorf("cannot create the folder: %w; nothing was changed", err)
		}
	}
	return nil
}

// isFolder says whether a setting names a folder that is made for it.
func isFolder(key string) bool {
	return key == tentacleconfig.KeyHome || key == tentacleconfig.KeyApplicationDirectory
}

// decide resets, removes and adds trust, in that order.
func (o *configureOptions) decide(now []tentacleconfig.TrustedServer) (decision, error) {
	remove := o.removed(now)
	after := tentacleconfig.Without(now, func(s tentacleconfig.TrustedServer) bool {
		return o.resetTrust || thumbprint.Contains(remove, s.Thumbprint)
	})
	for _, trusted := range parseThumbprints(o.trust.Value()) {
		after = tentacleconfig.Upsert(after, tentacleconfig.TrustedServer{
			Thumbprint: trusted, Style: tentacleconfig.StyleListening})
	}
	return decision{servers: after}, nil
}

// removed are the thumbprints to stop trusting. The Tentacle CLI takes A,B for one thumbprint, and
// trusts that; where it is trusted, it is meant.
func (o *configureOptions) removed(servers []tentacleconfig.TrustedServer) (remove []string) {
	trusted := tentacleconfig.Thumbprints(servers)
	for _, value := range nonEmpty(o.removeTrust.Value()) {
		if thumbprint.Contains(trusted, value) {
			remove = append(remove, value)
			continue
		}
		remove = append(remove, parseThumbprints([]string{value})...)
	}
	return remove
}

// warnOfUntrusted warns of each server to remove that is not trusted: it may be a typing error, and
// another one stays trusted.
func (o *configureOptions) warnOfUntrusted(c *console, servers []tentacleconfig.TrustedServer) {
	trusted := tentacleconfig.Thumbprints(servers)
	for _, one := range o.removed(servers) {
		if !thumbprint.Contains(trusted, one) {
			c.warnOf(hint.Errorf(trustedHint(servers), "--remove-trust: no trusted server has the thumbprint %s", one))
		}
	}
}

// keys are those of what is set, with the trusted servers where an option names one.
func (o *configureOptions) keys() []string {
	keys := keysOf(o.settings)
	if o.resetTrust || len(nonEmpty(o.trust.Value()))+len(nonEmpty(o.removeTrust.Value())) > 0 {
		keys = append(keys, tentacleconfig.KeyTrustedServers)
	}
	return keys
}

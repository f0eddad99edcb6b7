package commands

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// configureOptions are what configure can be told. An empty text means that the
// option was not given, as scripts pass it.
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
}

const theSettings = "The settings"

func configureCommand(c *console) *cli.Command {
	var o configureOptions
	return &cli.Command{
		Name:     "configure",
		Category: "Trust and settings",
		Usage:    "set folders and ports, and the servers that are trusted",
		Description: `Sets what is given, all of it or, if one value is no good, nothing.

  octo-tentacle configure --app=/home/Octopus/Applications --port=10933 \
    --trust=0123456789ABCDEF0123456789ABCDEF01234567
  octo-tentacle configure --noListen=true`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "home", Aliases: []string{"homedir"}, Category: theSettings, Destination: &o.home,
				Usage: "`FOLDER` of the Tentacle; made if it is missing"},
			&cli.StringFlag{Name: "app", Aliases: []string{"appdir"}, Category: theSettings, Destination: &o.app,
				Usage: "`FOLDER` to deploy applications to; made if it is missing"},
			&cli.StringFlag{Name: "port", Category: theSettings, Destination: &o.port,
				Usage: "`PORT` to listen at, like 10933"},
			&cli.StringFlag{Name: "noListen", Category: theSettings, Destination: &o.noListen,
				Usage: "`true` for a Tentacle that only polls, false for one that listens"},
			&cli.StringFlag{Name: "listenIpAddress", Category: theSettings, Destination: &o.listenIP,
				Usage: "IP `ADDRESS` to listen at, or any"},
			connectionsFlag(&o.connections),
			&cli.StringSliceFlag{Name: "trust", Category: theSettings, Destination: &o.trust,
				Usage: "`THUMBPRINT` of an Octopus Server to trust, as one that calls this Tentacle; several times for several"},
			&cli.StringSliceFlag{Name: "remove-trust", Category: theSettings, Destination: &o.removeTrust,
				Usage: "`THUMBPRINT` of an Octopus Server to trust no longer; several times for several"},
			&cli.BoolFlag{Name: "reset-trust", Category: theSettings, Destination: &o.resetTrust, DisableDefaultText: true,
				Usage: "trust no Octopus Server any more, but those of --trust"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return configure(ctx.Context, c, o) },
	}
}

func configure(ctx context.Context, c *console, o configureOptions) error {
	ctx = interruptible(ctx)
	settings, err := o.read(c)
	if err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}
	if !o.change.dryRun {
		if err := makeFolders(settings); err != nil {
			return err
		}
	}

	r := newReport(t)
	if err := apply(ctx, c, t, o.change, change{servers: o.trustedServers, settings: setAll(settings)}, r); err != nil {
		return err
	}
	return r.print(c, o.change)
}

// read checks every value before any is set. (The real one sets those in front
// of the first that is no good.)
func (o *configureOptions) read(c *console) ([]tentacleconfig.Setting, error) {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return nil, err
	}
	if o.resetTrust && len(o.trust.Value()) > 0 && len(nonEmpty(o.trust.Value())) == 0 {
		return nil, errors.New("--reset-trust with an empty --trust (an empty variable of a script?) would end all trust: give the thumbprint, or leave --trust out if that is meant")
	}
	for _, thumbprint := range o.trust.Value() {
		if strings.TrimSpace(thumbprint) == "" {
			c.warn("--trust is empty (an empty variable of a script?): nothing is trusted by it")
			continue
		}
		warnOfThumbprint(c, "--trust", thumbprint)
	}
	var settings []tentacleconfig.Setting
	for _, option := range []struct {
		name, value, key string
		parse            func(string) (string, error)
	}{
		{"home", o.home, tentacleconfig.KeyHome, fullPath},
		{"app", o.app, tentacleconfig.KeyApplicationDirectory, fullPath},
		{"port", o.port, tentacleconfig.KeyPort, canonicalPort},
		{"noListen", o.noListen, tentacleconfig.KeyNoListen, canonicalBool},
		{"listenIpAddress", o.listenIP, tentacleconfig.KeyListenIP, canonicalListenIP},
		{"pollingConnectionCount", o.connections, tentacleconfig.KeyPollingConnectionCount, canonicalConnections},
	} {
		if strings.TrimSpace(option.value) == "" {
			continue
		}
		value, err := option.parse(strings.TrimSpace(option.value))
		if err != nil {
			return nil, fmt.Errorf("--%s %q: %w", option.name, option.value, err)
		}
		settings = append(settings, tentacleconfig.Setting{Key: option.key, Value: value})
	}
	return settings, nil
}

func canonicalPort(text string) (string, error) {
	port, err := parsePort(text)
	return strconv.Itoa(port), err
}

func canonicalBool(text string) (string, error) {
	switch strings.ToLower(text) {
	case "true", "false":
		return strings.ToLower(text), nil
	}
	return "", errors.New("it is true or false")
}

// canonicalListenIP: the setting is empty for any address.
func canonicalListenIP(text string) (string, error) {
	if strings.EqualFold(text, "any") {
		return "", nil
	}
	if _, err := netip.ParseAddr(text); err != nil {
		return "", errors.New("it is an IP address of this machine, like 10.0.0.5, or any")
	}
	return text, nil
}

// fullPath is filepath.Abs, but as .NET's GetFullPath, from which the real one
// has its settings, keeps a separator at the end.
func fullPath(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err == nil && os.IsPathSeparator(path[len(path)-1]) && !os.IsPathSeparator(full[len(full)-1]) {
		full += string(filepath.Separator)
	}
	return full, err
}

// makeFolders makes those of the settings that are folders.
func makeFolders(settings []tentacleconfig.Setting) error {
	for _, setting := range settings {
		if setting.Key != tentacleconfig.KeyHome && setting.Key != tentacleconfig.KeyApplicationDirectory {
			continue
		}
		if err := os.MkdirAll(setting.Value, 0o755); err != nil {
			return fmt.Errorf("the folder cannot be made: %w\nnothing was changed", err)
		}
	}
	return nil
}

// trustedServers is the decision of configure: reset, remove, add.
func (o *configureOptions) trustedServers(now []tentacleconfig.TrustedServer) ([]tentacleconfig.TrustedServer, error) {
	remove := nonEmpty(o.removeTrust.Value())
	after := tentacleconfig.Without(now, func(s tentacleconfig.TrustedServer) bool {
		return o.resetTrust || containsThumbprint(remove, s.Thumbprint)
	})
	for _, thumbprint := range nonEmpty(o.trust.Value()) {
		after = tentacleconfig.Upsert(after, tentacleconfig.TrustedServer{
			Thumbprint: strings.TrimSpace(thumbprint), Style: tentacleconfig.StyleListening})
	}
	return after, nil
}

func containsThumbprint(list []string, thumbprint string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return sameThumbprint(strings.TrimSpace(one), thumbprint) })
}

// setAll makes a list of settings the change of a document.
func setAll(settings []tentacleconfig.Setting) func(*tentacleconfig.Document) error {
	return func(document *tentacleconfig.Document) error {
		for _, setting := range settings {
			document.Set(setting.Key, setting.Value)
		}
		return nil
	}
}

// warnOfThumbprint: the real Tentacle takes any text, so scripts get away with
// it; but nothing will ever be trusted by it.
func warnOfThumbprint(c *console, option, thumbprint string) {
	if !isThumbprint(strings.TrimSpace(thumbprint)) {
		c.warn("%s %s is not a thumbprint, which has 40 hexadecimal digits: no Octopus Server will match it", option, thumbprint)
	}
}

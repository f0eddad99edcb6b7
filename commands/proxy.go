package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// proxyKind distinguishes the two commands. They have the same options for other settings
// (Configuration/PollingProxyConfiguration.cs and ProxyConfiguration.cs).
type proxyKind struct{ command, prefix, usage, description string }

var (
	pollingProxyKind = proxyKind{"polling-proxy", "Octopus.Server.Proxy.", "set the proxy through which this Tentacle polls",
		"Sets the HTTP proxy between a polling Tentacle and the Octopus Server. Refuses one\nthrough which an address that is polled and answers now does not answer."}
	webProxyKind = proxyKind{"proxy", "Octopus.Proxy.", "set the proxy for this Tentacle's own downloads",
		"Sets the HTTP proxy for the web requests of a Tentacle and its scripts, for\nexample to download packages. Polling has its own proxy: see polling-proxy."}
)

// proxyOptions are those of polling-proxy and proxy. As in the Tentacle CLI, an option that is not
// given changes nothing, and an empty value clears the setting.
type proxyOptions struct {
	kind     proxyKind
	tentacle tentacleOptions
	change   changeOptions
	password secretOption
	force    bool // only polling-proxy has the option

	enable, host, port, username string
	given                        given

	settings []tentacleconfig.Setting
}

// givesPassword says whether there is a password to set, perhaps an empty one.
func (o *proxyOptions) givesPassword() bool { return o.given(o.password.name) || o.password.file != "" }

// onlyCredentials says whether nothing but user name and password are to be set. The Tentacle CLI
// then switches the proxy off, as it does without any option; here the proxy stays.
func (o *proxyOptions) onlyCredentials() bool {
	return (o.givesPassword() || o.given("proxyUsername")) && !o.given("proxyEnable") && !o.given("proxyPort") && o.host == ""
}

func pollingProxyCommand(c *console) *cli.Command { return proxyCommandOf(c, pollingProxyKind) }

func proxyCommand(c *console) *cli.Command { return proxyCommandOf(c, webProxyKind) }

func proxyCommandOf(c *console, kind proxyKind) *cli.Command {
	o := proxyOptions{kind: kind, password: newSecretOption("proxyPassword")}
	return &cli.Command{
		Name:     kind.command,
		Category: "Trust and settings",
		Usage:    kind.usage,
		Description: kind.description + `
Without --proxyEnable=true no proxy is used. A user name or password alone changes
only that.

  octo-tentacle ` + kind.command + ` --proxyEnable=true \
    --proxyHost=proxy.example.com --proxyPort=3128
  octo-tentacle ` + kind.command + ` --proxyEnable=false`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "proxyEnable", Category: theProxy, Destination: &o.enable,
				Usage: "`true` to use a proxy, false for none"},
			&cli.StringFlag{Name: "proxyHost", Category: theProxy, Destination: &o.host,
				Usage: "`HOST` of the proxy (default: the system's proxy, on Windows only)"},
			&cli.StringFlag{Name: "proxyPort", Category: theProxy, Destination: &o.port,
				Usage: "`PORT` of the proxy (default: the current setting, else 80)"},
			&cli.StringFlag{Name: "proxyUsername", Category: theProxy, Destination: &o.username,
				Usage: "user `NAME` for the proxy (default: the current setting); empty for none"},
		}, o.password.passwordFlags(theProxy, "of that user"), o.forceFlags(), o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error {
			o.given = ctx.IsSet
			return setProxy(ctx.Context, c, o)
		},
	}
}

func setProxy(ctx context.Context, c *console, o proxyOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (change, error) {
		return change{
			settings: func(document *tentacleconfig.Document) error {
				if o.givesPassword() {
					if err := document.SetSecret(o.kind.prefix+"ProxyPassword", o.password.value); err != nil {
						return err
					}
				}
				return setAll(o.settings)(document)
			},
			settingsAbout: o.keys(),
			verify:        o.verify(ctx, c),
			applied:       func() { o.warnOfRemoval(c, t, out) },
		}, nil
	})
}

// verify refuses a polling proxy that does not lead to what is polled and answers now; nil where
// nothing is to be verified.
func (o *proxyOptions) verify(ctx context.Context, c *console) func(before, after *tentacleconfig.Document) error {
	if o.kind != pollingProxyKind || o.force {
		return nil
	}
	ports := &answering{console: c}
	if o.givesPassword() {
		ports.proxyPassword = &o.password.value
	}
	return ports.refusing(ctx)
}

// keys are those of what is set.
func (o *proxyOptions) keys() []string {
	keys := keysOf(o.settings)
	if o.givesPassword() {
		keys = append(keys, o.kind.prefix+"ProxyPassword")
	}
	return keys
}

// warnOfRemoval warns where a proxy is removed although nobody said so.
func (o *proxyOptions) warnOfRemoval(c *console, t *tentacle, out *outcome) {
	host, _ := t.document.Get(o.kind.prefix + "ProxyHost")
	if host == "" || !out.saved || o.given("proxyEnable") || o.onlyCredentials() {
		return
	}
	unused := "is no longer used"
	if out.DryRun {
		unused = "would no longer be used"
	}
	c.warn("without --proxyEnable=true, the proxy %s %s", host, unused)
}

func (o *proxyOptions) forceFlags() []cli.Flag {
	if o.kind != pollingProxyKind {
		return nil
	}
	return []cli.Flag{&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theProxy, Destination: &o.force, DisableDefaultText: true,
		Usage: "set it even if an address that answers now does not answer through it"}}
}

// complete decides on the settings, as ProxyConfigurationCommand.cs in Tentacle's Startup does: a
// custom proxy with a host, the default one without, and none unless it is enabled. Unlike the
// Tentacle CLI, which ignores a port in --proxyHost, it uses that.
func (o *proxyOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete(), o.password.complete(c)); err != nil {
		return err
	}
	var username *string
	if o.given("proxyUsername") {
		username = &o.username
	}
	if o.onlyCredentials() {
		if username != nil {
			o.settings = []tentacleconfig.Setting{{Key: o.kind.prefix + "ProxyUsername", Value: *username}}
		}
		return nil
	}
	enabled := "false"
	if o.given("proxyEnable") {
		var err error
		if enabled, err = formatBool(strings.TrimSpace(o.enable)); err != nil {
			return fmt.Errorf("--proxyEnable %q: %w, like --proxyEnable=true", o.enable, err)
		}
	}
	host, port, err := o.hostAndPort(c)
	if err != nil {
		return err
	}

	useDefault := "false"
	switch {
	case enabled == "false" && host != "":
		c.warn("--proxyHost has no effect without --proxyEnable=true")
		host = ""
	case enabled == "true" && host == "":
		useDefault = "true"
		if runtime.GOOS != "windows" {
			c.warn("without --proxyHost, the system's proxy is used, but only Windows has one: no proxy will be used")
		}
	}
	o.settings = o.kind.settings(host, port, username, useDefault)
	return nil
}

// settings are those of a proxy: one with a host, or the system's, or none. An empty port and a
// user name that is nil stay as they are.
func (k proxyKind) settings(host, port string, username *string, useDefault string) []tentacleconfig.Setting {
	list := []tentacleconfig.Setting{{Key: k.prefix + "ProxyHost", Value: host}}
	if port != "" {
		list = append(list, tentacleconfig.Setting{Key: k.prefix + "ProxyPort", Value: port})
	}
	if username != nil {
		list = append(list, tentacleconfig.Setting{Key: k.prefix + "ProxyUsername", Value: *username})
	}
	return append(list, tentacleconfig.Setting{Key: k.prefix + "UseDefaultProxy", Value: useDefault})
}

// hostAndPort reads a host, host:port or http://host:port, whose port counts unless --proxyPort
// names one. The port is "" when it stays as it was.
func (o *proxyOptions) hostAndPort(c *console) (host, port string, err error) {
	if o.given("proxyPort") {
		if port, err = formatPort(cmp.Or(strings.TrimSpace(o.port), "80")); err != nil {
			return "", "", fmt.Errorf("--proxyPort %q: %w, like --proxyPort=3128", o.port, err)
		}
	}
	text := strings.TrimSpace(o.host)
	if text == "" {
		return "", port, nil
	}
	const example = "give a host, like --proxyHost=proxy.example.com"
	if net.ParseIP(text) != nil && strings.Contains(text, ":") {
		text = "[" + text + "]"
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "":
		return "", "", errors.New("--proxyHost: " + example) // not repeated: it may hold a password
	case u.User != nil:
		return "", "", errors.New("--proxyHost must not contain a user name or password: give them with --proxyUsername and --proxyPassword-file")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", "", fmt.Errorf("--proxyHost begins with %s://, but a Tentacle uses only HTTP proxies; %s", u.Scheme, example)
	}
	if u.Port() != "" {
		own, err := formatPort(u.Port())
		if err != nil {
			return "", "", fmt.Errorf("--proxyHost has the port %s: %w", u.Port(), err)
		}
		if port != "" && port != own {
			c.warn("--proxyHost has the port %s, but --proxyPort=%s is used", own, port)
		}
		port = cmp.Or(port, own)
	}
	return strings.ToLower(bracketed(u.Hostname())), port, nil
}

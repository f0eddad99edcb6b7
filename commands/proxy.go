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

// proxyKind tells the two commands apart: the same options, other settings
// (Configuration/PollingProxyConfiguration.cs and ProxyConfiguration.cs).
type proxyKind struct{ command, prefix, usage, description string }

var (
	pollingProxyKind = proxyKind{"polling-proxy", "Octopus.Server.Proxy.", "set the proxy through which this Tentacle polls",
		"Sets the HTTP proxy on the way from a polling Tentacle to the Octopus Server."}
	webProxyKind = proxyKind{"proxy", "Octopus.Proxy.", "set the proxy for this Tentacle's own downloads",
		"Sets the HTTP proxy for the web requests of a Tentacle and its scripts, packages\nfor example. Polling has a proxy of its own: polling-proxy."}
)

// proxyOptions are what polling-proxy and proxy can be told. What was not given
// is not set, and what was given empty is cleared, as by the real ones.
type proxyOptions struct {
	kind     proxyKind
	tentacle tentacleOptions
	change   changeOptions
	password passwordOption

	enable, host, port, username string
	given                        func(option string) bool
}

const theProxy = "The proxy"

func pollingProxyCommand(c *console) *cli.Command { return proxyCommandOf(c, pollingProxyKind) }

func proxyCommand(c *console) *cli.Command { return proxyCommandOf(c, webProxyKind) }

func proxyCommandOf(c *console, kind proxyKind) *cli.Command {
	o := proxyOptions{kind: kind, password: passwordOption{name: "proxyPassword"}}
	return &cli.Command{
		Name:     kind.command,
		Category: "Trust and settings",
		Usage:    kind.usage,
		Description: kind.description + `
Without --proxyEnable=true no proxy is used.

  octo-tentacle ` + kind.command + ` --proxyEnable=true --proxyHost=proxy.example.com --proxyPort=3128
  octo-tentacle ` + kind.command + ` --proxyEnable=false`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "proxyEnable", Category: theProxy, Destination: &o.enable,
				Usage: "`true` to use a proxy, false for none"},
			&cli.StringFlag{Name: "proxyHost", Category: theProxy, Destination: &o.host,
				Usage: "`HOST` of the proxy; left out: the system's proxy, which only Windows has"},
			&cli.StringFlag{Name: "proxyPort", Category: theProxy, Destination: &o.port,
				Usage: "`PORT` of the proxy; left out: the one set before, else 80"},
			&cli.StringFlag{Name: "proxyUsername", Category: theProxy, Destination: &o.username,
				Usage: "user `NAME` at the proxy; left out: the one set before; empty: none"},
		}, o.password.flags(theProxy, "of that user"), o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error {
			o.given = ctx.IsSet
			return setProxy(ctx.Context, c, o)
		},
	}
}

func setProxy(ctx context.Context, c *console, o proxyOptions) error {
	ctx = interruptible(ctx)
	settings, err := o.read(c)
	if err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}
	r := newReport(t)
	err = apply(ctx, c, t, o.change, change{settings: func(document *tentacleconfig.Document) error {
		if o.given(o.password.name) || o.password.file != "" {
			if err := document.SetSecret(o.kind.prefix+"ProxyPassword", o.password.value, o.change.protect()); err != nil {
				return err
			}
		}
		return setAll(settings)(document)
	}}, r)
	if err != nil {
		return err
	}
	return r.print(c, o.change)
}

// read decides on the settings, as ProxyConfigurationCommand.cs in Tentacle's
// Startup does: a custom proxy with a host, the default one without, and none
// unless it is enabled. Ours uses a port in --proxyHost, which the real one drops.
func (o *proxyOptions) read(c *console) ([]tentacleconfig.Setting, error) {
	if err := errors.Join(o.tentacle.check(), o.change.check(), o.password.read(c)); err != nil {
		return nil, err
	}
	enabled := "false"
	if o.given("proxyEnable") {
		var err error
		if enabled, err = canonicalBool(strings.TrimSpace(o.enable)); err != nil {
			return nil, fmt.Errorf("--proxyEnable %q: %w, like --proxyEnable=true", o.enable, err)
		}
	}
	host, port, err := o.hostAndPort(c)
	if err != nil {
		return nil, err
	}

	var settings []tentacleconfig.Setting
	set := func(name, value string) {
		settings = append(settings, tentacleconfig.Setting{Key: o.kind.prefix + name, Value: value})
	}
	useDefault := "false"
	switch {
	case enabled == "false" && host != "":
		c.warn("--proxyHost is not used: no proxy is, without --proxyEnable=true")
		host = ""
	case enabled == "true" && host == "":
		useDefault = "true"
		if runtime.GOOS != "windows" {
			c.warn("without --proxyHost it is the system's proxy that is used, and only Windows has one: there will be none")
		}
	}
	set("ProxyHost", host)
	if port != "" {
		set("ProxyPort", port)
	}
	if o.given("proxyUsername") {
		set("ProxyUsername", o.username)
	}
	set("UseDefaultProxy", useDefault)
	return settings, nil
}

// hostAndPort understands a host alone, host:port and http://host:port, whose
// port counts where --proxyPort says none. The port is "" when it is to stay as
// it was.
func (o *proxyOptions) hostAndPort(c *console) (host, port string, err error) {
	if o.given("proxyPort") {
		if port, err = canonicalPort(cmp.Or(strings.TrimSpace(o.port), "80")); err != nil {
			return "", "", fmt.Errorf("--proxyPort %q: %w, like --proxyPort=3128", o.port, err)
		}
	}
	text := strings.TrimSpace(o.host)
	if text == "" {
		return "", port, nil
	}
	const example = "it has to be a host, like --proxyHost=proxy.example.com"
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
		return "", "", errors.New("--proxyHost must not hold a user name or password: give them with --proxyUsername and --proxyPassword-file")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", "", fmt.Errorf("--proxyHost begins with %s://, and a Tentacle uses HTTP proxies only; %s", u.Scheme, example)
	}
	if u.Port() != "" {
		own, err := canonicalPort(u.Port())
		if err != nil {
			return "", "", fmt.Errorf("--proxyHost has the port %s: %w", u.Port(), err)
		}
		if port != "" && port != own {
			c.warn("--proxyHost has the port %s, but that of --proxyPort is used: %s", own, port)
		}
		port = cmp.Or(port, own)
	}
	return strings.ToLower(bracketed(u.Hostname())), port, nil
}

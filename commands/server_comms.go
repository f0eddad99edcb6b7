package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// serverCommsOptions are what server-comms can be told.
type serverCommsOptions struct {
	tentacle tentacleOptions
	change   changeOptions

	thumbprint string
	style      string
	host       string
	port       string
	webSocket  string
}

func serverCommsCommand(c *console) *cli.Command {
	var o serverCommsOptions
	return &cli.Command{
		Name:     "server-comms",
		Category: "Trust and settings",
		Usage:    "choose how this Tentacle and a trusted server find each other, without asking the server",
		Description: `Makes this Tentacle poll a trusted server at an address (TentacleActive), or
listen to it (TentaclePassive). Neither the port nor the server is asked: for the
nodes of a cluster, poll-server is the safer way.

  octo-tentacle server-comms --style=TentacleActive --host=octopus.example.com
  octo-tentacle server-comms --style=TentaclePassive`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "thumbprint", Category: theSettings, Destination: &o.thumbprint,
				Usage: "`THUMBPRINT` of the trusted server; may be left out when only one is trusted"},
			&cli.StringFlag{Name: "style", Category: theSettings, Destination: &o.style,
				Usage: "`STYLE`: TentacleActive polls, TentaclePassive listens"},
			&cli.StringFlag{Name: "host", Category: theSettings, Destination: &o.host,
				Usage: "`HOST` to poll"},
			&cli.StringFlag{Name: "port", Category: theSettings, Destination: &o.port, Value: "10943",
				Usage: "polling `PORT` of that host"},
			&cli.StringFlag{Name: "web-socket", Category: theSettings, Destination: &o.webSocket,
				Usage: "web socket `ADDRESS` to poll instead, like wss://octopus.example.com:443/OctopusComms"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return serverComms(ctx.Context, c, o) },
	}
}

func serverComms(ctx context.Context, c *console, o serverCommsOptions) error {
	ctx = interruptible(ctx)
	style, address, err := o.read()
	if err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}

	r := newReport(t)
	fresh := tentacleconfig.NewSubscriptionID()
	decide := func(now []tentacleconfig.TrustedServer) ([]tentacleconfig.TrustedServer, error) {
		thumbprint, err := trustedThumbprint(now, o.thumbprint)
		if err != nil {
			return nil, err
		}
		r.Thumbprint = thumbprint
		if style == tentacleconfig.StylePolling {
			return pollAt(now, thumbprint, address, fresh), nil
		}
		return tentacleconfig.Upsert(now, tentacleconfig.TrustedServer{Thumbprint: thumbprint, Style: style}), nil
	}
	if err := apply(ctx, c, t, o.change, change{servers: decide}, r); err != nil {
		return err
	}
	return r.print(c, o.change)
}

func (o *serverCommsOptions) read() (style tentacleconfig.Style, address string, err error) {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return 0, "", err
	}
	style, err = parseStyle("--style", o.style)
	if style == tentacleconfig.StylePolling {
		address, err = o.address()
	}
	return style, address, err
}

// parseStyle knows the two styles that a Tentacle can be given.
func parseStyle(option, text string) (tentacleconfig.Style, error) {
	style, err := tentacleconfig.ParseStyle(text)
	if err != nil || style != tentacleconfig.StylePolling && style != tentacleconfig.StyleListening {
		return 0, fmt.Errorf("%s %q: use TentacleActive (polling) or TentaclePassive (listening)", option, text)
	}
	return style, nil
}

func (o *serverCommsOptions) address() (string, error) {
	switch {
	case o.host == "" && o.webSocket == "":
		return "", errors.New("which server to poll? Give its host, like --host=octopus.example.com")
	case o.host != "" && o.webSocket != "":
		return "", errors.New("--host and --web-socket exclude each other: give one of them")
	case o.webSocket != "":
		return webSocketAddress("--web-socket", o.webSocket)
	}
	port, err := parsePort(o.port)
	if err != nil {
		return "", fmt.Errorf("--port %q: %w, like 10943", o.port, err)
	}
	address, err := tentacleconfig.AddressOf(fmt.Sprintf("https://%s:%d", bracketed(strings.Trim(o.host, "[]")), port))
	if err != nil {
		return "", fmt.Errorf("--host %q: it is a host name or an IP address alone, like octopus.example.com", o.host)
	}
	return address, nil
}

// trustedThumbprint is that of a trusted server: the one given, else the only
// one.
func trustedThumbprint(servers []tentacleconfig.TrustedServer, given string) (string, error) {
	trusted := distinctThumbprints(servers)
	given = strings.TrimSpace(given)
	switch {
	case len(trusted) == 0:
		return "", errors.New("this Tentacle trusts no server yet: trust it first, with configure --trust=THUMBPRINT")
	case given == "" && len(trusted) > 1:
		return "", fmt.Errorf("several servers are trusted: say which one with --thumbprint\ntrusted: %s", strings.Join(trusted, ", "))
	case given == "":
		return trusted[0], nil
	case !containsThumbprint(trusted, given):
		return "", fmt.Errorf("no server with thumbprint %s is trusted: trust it first, with configure --trust=%[1]s\ntrusted: %s", given, strings.Join(trusted, ", "))
	}
	for _, thumbprint := range trusted {
		if sameThumbprint(thumbprint, given) {
			given = thumbprint // as the file spells it
		}
	}
	return given, nil
}

func distinctThumbprints(servers []tentacleconfig.TrustedServer) []string {
	var distinct []string
	for _, server := range servers {
		if !containsThumbprint(distinct, server.Thumbprint) {
			distinct = append(distinct, server.Thumbprint)
		}
	}
	return distinct
}

// pollAt is the decision of server-comms for a polling Tentacle: the entry with
// that address polls, else one whose style was left open, else a new one. Its
// subscription is its own, else that of another polled node, else fresh.
func pollAt(now []tentacleconfig.TrustedServer, thumbprint, address, fresh string) []tentacleconfig.TrustedServer {
	entry := tentacleconfig.TrustedServer{Thumbprint: thumbprint}
	open, subscription := false, ""
	for _, server := range now {
		switch {
		case !sameThumbprint(server.Thumbprint, thumbprint):
			continue
		case tentacleconfig.SameAddress(server.Address, address):
			entry, open = server, false
		case entry.Address == "" && !open && server.Style == tentacleconfig.StyleNone:
			entry, open = server, true
		}
		if subscription == "" && server.Polls() {
			subscription = server.SubscriptionID
		}
	}
	after := now
	if open {
		after = tentacleconfig.Without(now, func(s tentacleconfig.TrustedServer) bool { return s.Equal(entry) })
	}
	entry.Style, entry.Address = tentacleconfig.StylePolling, address
	entry.SubscriptionID = cmp.Or(entry.SubscriptionID, subscription, fresh)
	return tentacleconfig.Upsert(after, entry)
}

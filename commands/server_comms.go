package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// serverCommsOptions are those of server-comms.
type serverCommsOptions struct {
	tentacle tentacleOptions
	change   changeOptions

	thumbprint string
	styleName  string
	host       string
	port       string
	webSocket  string

	style   tentacleconfig.Style
	address string // to poll; "" for a listening Tentacle
}

func serverCommsCommand(c *console) *cli.Command {
	var o serverCommsOptions
	return &cli.Command{
		Name:     "server-comms",
		Category: "Trust and settings",
		Usage:    "set how this Tentacle and a trusted server connect, without contacting it",
		Description: `Makes this Tentacle poll a trusted server at an address (TentacleActive), or
listen for it (TentaclePassive). Neither the port nor the server is contacted: for
the nodes of a cluster, poll-server is safer.

  octo-tentacle server-comms --style=TentacleActive --host=octopus.example.com
  octo-tentacle server-comms --style=TentaclePassive`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "thumbprint", Category: theSettings, Destination: &o.thumbprint,
				Usage: "`THUMBPRINT` of the trusted server (default: the only one)"},
			&cli.StringFlag{Name: "style", Category: theSettings, Destination: &o.styleName,
				Usage: "`STYLE`: TentacleActive polls, TentaclePassive listens"},
			&cli.StringFlag{Name: "host", Category: theSettings, Destination: &o.host,
				Usage: "`HOST` to poll"},
			&cli.StringFlag{Name: "port", Category: theSettings, Destination: &o.port, Value: strconv.Itoa(octoapi.DefaultPollingPort),
				Usage: "polling `PORT` of that host"},
			&cli.StringFlag{Name: "web-socket", Category: theSettings, Destination: &o.webSocket,
				Usage: "web socket `ADDRESS` to poll instead, like wss://octopus.example.com:443/OctopusComms"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return serverComms(ctx.Context, c, o) },
	}
}

func serverComms(ctx context.Context, c *console, o serverCommsOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	newSubscription := tentacleconfig.NewSubscriptionID()
	return changeTentacle(ctx, c, o.tentacle, o.change, func(*tentacle, *outcome) (change, error) {
		return change{servers: func(now []tentacleconfig.TrustedServer) (decision, error) {
			return o.decide(now, newSubscription)
		}}, nil
	})
}

func (o *serverCommsOptions) complete(c *console) (err error) {
	if err := errors.Join(o.tentacle.complete(), o.change.complete(c)); err != nil {
		return err
	}
	if o.style, err = parseStyle("--style", o.styleName); err == nil && o.style == tentacleconfig.StylePolling {
		o.address, err = o.pollingAddress()
	}
	return err
}

func (o *serverCommsOptions) pollingAddress() (string, error) {
	switch {
	case o.host == "" && o.webSocket == "":
		return "", hint.New("--host is required", "give the host of the server to poll, like --host=octopus.example.com")
	case o.host != "" && o.webSocket != "":
		return "", errors.New("--host and --web-socket cannot be combined: give one of them")
	case o.webSocket != "":
		return parseWebSocket("--web-socket", o.webSocket)
	}
	port, err := parsePort(o.port)
	if err != nil {
		return "", fmt.Errorf("--port %q: %w, like 10943", o.port, err)
	}
	address, err := tentacleconfig.AddressOf(fmt.Sprintf("https://%s:%d", bracketed(strings.Trim(o.host, "[]")), port))
	if err != nil {
		return "", fmt.Errorf("--host %q: give only a host name or an IP address, like octopus.example.com", o.host)
	}
	return address, nil
}

func (o *serverCommsOptions) decide(now []tentacleconfig.TrustedServer, newSubscription string) (decision, error) {
	trusted, err := trustedThumbprint(now, o.thumbprint)
	if err != nil {
		return decision{}, err
	}
	now = tentacleconfig.Repair(now)
	d := decision{thumbprint: trusted}
	if o.style == tentacleconfig.StylePolling {
		d.servers = pollAt(now, trusted, o.address, newSubscription)
	} else {
		d.servers = tentacleconfig.Upsert(now, tentacleconfig.TrustedServer{Thumbprint: trusted, Style: o.style})
	}
	return d, nil
}

// trustedThumbprint is that of a trusted server: the one given, else the only one.
func trustedThumbprint(servers []tentacleconfig.TrustedServer, given string) (string, error) {
	trusted := tentacleconfig.Thumbprints(servers)
	given = thumbprint.Clean(given)
	switch {
	case len(trusted) == 0:
		return "", hint.New("this Tentacle trusts no server yet", "trust it first: octo-tentacle configure --trust=THUMBPRINT")
	case given == "" && len(trusted) > 1:
		return "", hint.New("several servers are trusted: choose one with --thumbprint", trustedHint(servers))
	case given == "":
		return thumbprint.Clean(trusted[0]), nil
	case thumbprint.Contains(trusted, given):
		return given, nil
	}
	return "", hint.With(fmt.Errorf("no server with thumbprint %s is trusted", given),
		"trust it first: octo-tentacle configure --trust="+given, trustedHint(servers))
}

// pollAt makes the entry with that address poll, else one whose style is not set yet or that would
// poll if it had an address, else a new one. Its subscription is its own, else that of another
// polled node, else the new one.
func pollAt(now []tentacleconfig.TrustedServer, cluster, address, newSubscription string) []tentacleconfig.TrustedServer {
	entry := tentacleconfig.TrustedServer{Thumbprint: cluster}
	unset, subscription := false, ""
	for _, server := range now {
		switch {
		case !thumbprint.Same(server.Thumbprint, cluster):
			continue
		case tentacleconfig.SameAddress(server.Address, address):
			entry, unset = server, false
		case entry.Address == "" && !unset && (server.Style == tentacleconfig.StyleNone || server.Style == tentacleconfig.StylePolling && server.Address == ""):
			entry, unset = server, true
		}
		if subscription == "" && server.Subscribes() {
			subscription = server.SubscriptionID
		}
	}
	after := now
	if unset {
		after = tentacleconfig.Without(now, func(s tentacleconfig.TrustedServer) bool { return s.Equal(entry) })
	}
	entry.Thumbprint, entry.Style, entry.Address = cluster, tentacleconfig.StylePolling, address
	if !entry.Subscribes() {
		entry.SubscriptionID = cmp.Or(subscription, newSubscription)
	}
	return tentacleconfig.Upsert(after, entry)
}

package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
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

	subscriptionID string

	style   tentacleconfig.Style
	address string // to poll; "" for a listening Tentacle
}

func serverCommsCommand(c *console) *cli.Command {
	var o serverCommsOptions
	return &cli.Command{
		Name:     "server-comms",
		Category: "Trust and settings",
		Usage:    "set how this Tentacle and a trusted server connect",
		Description: `Makes this Tentacle poll a trusted server at an address (TentacleActive), or
listen for it (TentaclePassive). Merges entries that have the same address.
Neither the port nor the server is contacted: for the nodes of a cluster,
poll-server is safer.

  octo-tentacle server-comms --style=TentacleActive \
    --host=octopus.example.com
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
			&cli.StringFlag{Name: "server-subscription-id", Category: theSettings, Destination: &o.subscriptionID,
				Usage: "`ID` to poll that server with, at all its addresses, like poll://abcdefghij0123456789/ (default: the one in use, else a new one)"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return serverComms(ctx.Context, c, o) },
	}
}

func serverComms(ctx context.Context, c *console, o serverCommsOptions) error {
	if err := o.complete(); err != nil {
		return err
	}
	if isWebSocket(o.address) && runtime.GOOS != "windows" { // the Tentacle CLI takes it, too
		c.warn("a Tentacle polls web sockets on Windows only: on this system it will not poll %s", o.address)
	}
	newSubscription := tentacleconfig.NewSubscriptionID()
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, _ *outcome) (change, error) {
		return change{servers: func(now []tentacleconfig.TrustedServer) (decision, error) {
			return o.decide(now, newSubscription, t.suggest())
		}}, nil
	})
}

func (o *serverCommsOptions) complete() (err error) {
	if err := errors.Join(o.tentacle.complete(), o.change.complete()); err != nil {
		return err
	}
	if o.style, err = parseStyle("--style", o.styleName); err != nil {
		return err
	}
	if o.style != tentacleconfig.StylePolling {
		if o.subscriptionID != "" {
			return errors.New("--server-subscription-id is for --style=TentacleActive: a Tentacle that listens has no subscription")
		}
		return nil
	}
	if o.subscriptionID, err = parseSubscription(o.subscriptionID); err == nil {
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

func (o *serverCommsOptions) decide(now []tentacleconfig.TrustedServer, newSubscription string, tentacle suggest.Tentacle) (decision, error) {
	trusted, err := trustedThumbprint(now, o.thumbprint, tentacle)
	if err != nil {
		return decision{}, err
	}
	now = tentacleconfig.Repair(now)
	d := decision{thumbprint: trusted}
	if o.style == tentacleconfig.StylePolling {
		d.servers = pollAt(now, trusted, o.address, o.subscriptionID, newSubscription)
	} else {
		d.servers = listenFor(now, trusted)
	}
	return d, nil
}

// trustedThumbprint is that of a trusted server: the one given, else the only one.
func trustedThumbprint(servers []tentacleconfig.TrustedServer, given string, tentacle suggest.Tentacle) (string, error) {
	trusted := tentacleconfig.Thumbprints(servers)
	given = thumbprint.Clean(given)
	const trustFirst = "trust it first: "
	switch {
	case len(trusted) == 0:
		return "", hint.New("this Tentacle trusts no server yet", trustFirst+tentacle.Command("configure", "--trust=THUMBPRINT"))
	case given == "" && len(trusted) > 1:
		return "", hint.New("several servers are trusted: choose one with --thumbprint", trustedHint(servers))
	case given == "":
		return thumbprint.Clean(trusted[0]), nil
	case thumbprint.Contains(trusted, given):
		return given, nil
	}
	return "", hint.With(fmt.Errorf("no server with thumbprint %s is trusted", given),
		trustFirst+tentacle.Command("configure", "--trust="+given), trustedHint(servers))
}

// listenFor makes one entry without an address of those that the server has.
func listenFor(now []tentacleconfig.TrustedServer, cluster string) []tentacleconfig.TrustedServer {
	kept := false
	others := tentacleconfig.Without(now, func(s tentacleconfig.TrustedServer) bool {
		its := s.Address == "" && thumbprint.Same(s.Thumbprint, cluster)
		drop := its && kept
		kept = kept || its
		return drop
	})
	return tentacleconfig.Upsert(others, tentacleconfig.TrustedServer{Thumbprint: cluster, Style: tentacleconfig.StyleListening})
}

// pollAt makes one entry that polls of those with that address, however they are spelled, else of
// one whose style is not set yet or that would poll if it had an address, else a new one. Its
// subscription is the given one, which the server's other entries get as well, else its own, else
// that of another polled node, else the new one.
func pollAt(now []tentacleconfig.TrustedServer, cluster, address, given, newSubscription string) []tentacleconfig.TrustedServer {
	var there, unset []tentacleconfig.TrustedServer
	subscription := ""
	for _, server := range now {
		if !thumbprint.Same(server.Thumbprint, cluster) {
			continue
		}
		switch {
		case server.LeadsTo(address):
			there = append(there, server)
		case server.Style == tentacleconfig.StyleNone, server.Style == tentacleconfig.StylePolling && server.Address == "":
			unset = append(unset, server)
		}
		if subscription == "" && server.Subscribes() {
			subscription = server.SubscriptionID
		}
	}
	entry, replaced := tentacleconfig.TrustedServer{}, there
	switch {
	case len(there) > 0:
		entry = there[max(0, slices.IndexFunc(there, tentacleconfig.TrustedServer.Subscribes))]
	case len(unset) > 0:
		entry, replaced = unset[0], unset[:1]
	}
	entry.Thumbprint, entry.Address = cluster, address
	if !entry.Polls() { // an agent's entry stays one
		entry.Style = tentacleconfig.StylePolling
	}
	if !entry.Subscribes() {
		entry.SubscriptionID = cmp.Or(subscription, newSubscription)
	}
	after := replaceEntries(now, replaced, entry)
	if given == "" {
		return after
	}
	for i := range after {
		if after[i].Polls() && thumbprint.Same(after[i].Thumbprint, cluster) && !octoapi.SameSubscription(after[i].SubscriptionID, given) {
			after[i].SubscriptionID = given
		}
	}
	return tentacleconfig.Repair(after)
}

// replaceEntries is list with an entry in the place of those that it replaces; at the end, unless
// one of them is at the same address.
func replaceEntries(list, replaced []tentacleconfig.TrustedServer, entry tentacleconfig.TrustedServer) []tentacleconfig.TrustedServer {
	kept := false
	after := tentacleconfig.Without(list, func(s tentacleconfig.TrustedServer) bool {
		if !slices.ContainsFunc(replaced, s.Equal) {
			return false
		}
		if !kept && tentacleconfig.SameAddress(s.Address, entry.Address) {
			kept = true
			return false
		}
		return true
	})
	return tentacleconfig.Upsert(after, entry)
}

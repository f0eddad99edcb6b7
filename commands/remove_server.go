package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// removeServerOptions are those of remove-server.
type removeServerOptions struct {
	tentacle tentacleOptions
	api      apiOptions
	change   changeOptions

	arguments  []string // addresses without an option name
	address    cli.StringSlice
	thumbprint string
	ifPolled   bool // an address that is not polled is none to remove
	force      bool

	addresses []string    // to remove; none for all of the thumbprint's
	asksAPI   bool        // which nodes hand out work
	compared  *comparison // with those; nil: not compared
}

func removeServerCommand(c *console) *cli.Command {
	var o removeServerOptions
	return &cli.Command{
		Name:      "remove-server",
		Category:  "Polling",
		Usage:     "stop polling the given addresses",
		ArgsUsage: "[ADDRESS …]",
		Description: `Removes the given addresses, all of them or none, and restarts the service.
Drain a node in Octopus before it is taken away: work that is queued on it would wait.

With --server and credentials, the addresses are compared with the nodes of the cluster:
a change that would poll fewer of those that hand out work is refused. Without them, or
with --force, neither the server nor the ports are contacted.

  octo-tentacle remove-server https://octo3:10943
  octo-tentacle remove-server https://octo3:10943 \
    --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle remove-server \
    --thumbprint=0123456789ABCDEF0123456789ABCDEF01234567
  octo-tentacle remove-server https://octo3:10943 \
    --namespace=octopus-agent`,
		Flags: allFlags([]cli.Flag{
			&cli.StringSliceFlag{Name: "server-comms-address", Category: theNodes, Destination: &o.address,
				Usage: "`ADDRESS` to remove, as list-servers shows it; repeatable, or with commas"},
			&cli.StringFlag{Name: "thumbprint", Category: theNodes, Destination: &o.thumbprint,
				Usage: "`THUMBPRINT` of a cluster: remove all its addresses or, with addresses, only those"},
			&cli.BoolFlag{Name: "if-polled", Category: theNodes, Destination: &o.ifPolled, DisableDefaultText: true,
				Usage: "leave out what is not polled: if nothing is left to remove, there is nothing to do"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theNodes, Destination: &o.force, DisableDefaultText: true,
				Usage: "remove even the last polled address, or that of a node that hands out work"},
		}, o.api.flags(), o.tentacle.flags(), o.change.agentFlags(), o.change.flags()),
		Action: func(ctx *cli.Context) error {
			o.arguments = ctx.Args().Slice()
			return removeServer(ctx.Context, c, o)
		},
	}
}

func removeServer(ctx context.Context, c *console, o removeServerOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (change, error) {
		o := o // each agent has its own
		if o.nothingToRemove(t.servers) {
			return nothing(""), nil
		}
		if o.asksAPI {
			if err := o.compare(ctx, c, t, out); err != nil {
				return change{}, err
			}
		}
		return change{servers: o.decide, settingsAbout: []string{tentacleconfig.KeyTrustedServers}}, nil
	})
}

// compare compares what would still be polled with the nodes of the cluster.
func (o *removeServerOptions) compare(ctx context.Context, c *console, t *tentacle, out *outcome) error {
	d, err := o.decide(t.servers)
	if err != nil {
		return err
	}
	server, err := t.connect(c, o.api)
	if err != nil {
		return err
	}
	err = server.within(ctx, func(ctx context.Context) error {
		var nodes nodesAnswer
		c.progress(askingText(server.URL(), 0))
		defer c.endProgress()
		cluster, err := server.askAPI(ctx, func(ctx context.Context) error {
			nodes = server.askNodes(ctx)
			return nil
		})
		if err != nil {
			return hint.With(err, "with --force, the server is not asked")
		}
		d.cluster = tentacleconfig.ClusterOf(t.servers, cluster)
		if of := func(s tentacleconfig.TrustedServer) bool { return thumbprint.Contains(d.cluster, s.Thumbprint) }; !slices.ContainsFunc(tentacleconfig.Diff(t.servers, d.servers).Removed, of) {
			c.warn("the cluster of %s has the thumbprint %s: what is removed is not of it, and was not compared with its nodes", server.URL(), cluster)
			return nil
		}
		o.compared, err = server.compare(ctx, nodes, t.servers, d, false)
		return err
	})
	out.Server = server.URL()
	return err
}

// complete keeps the addresses as typed: an entry that was written by hand can be removed even if
// it is not a valid address.
func (o *removeServerOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.completeFor(o.tentacle)); err != nil {
		return err
	}
	if !o.force {
		var err error
		if o.asksAPI, err = o.api.completeIfGiven(c); err == nil && !o.asksAPI {
			err = o.api.refuseAlone()
		}
		if err != nil {
			return err
		}
	}
	o.thumbprint = thumbprint.Clean(o.thumbprint)
	given := append(o.arguments, o.address.Value()...)
	o.addresses = commaSeparated(given)
	for _, text := range o.addresses {
		if strings.Contains(text, "@") { // refused without repeating it: it may hold a password
			_, err := tentacleconfig.AddressOf(text)
			return err
		}
	}
	if len(o.addresses) == 0 && (o.thumbprint == "" || len(given) > 0) { // given, but empty
		return hint.New("no address to remove is given", "give one as list-servers shows it, like https://octo3:10943")
	}
	return nil
}

// decide removes the addresses. Each has to be polled, and something has to be polled afterwards,
// unless --force is given.
func (o *removeServerOptions) decide(now []tentacleconfig.TrustedServer) (decision, error) {
	d := decision{thumbprint: o.thumbprint}
	typed := typedAddresses(o.addresses)
	var polled []string
	isPolled := tentacleconfig.AddressSet{}
	for _, server := range now {
		if !o.concerns(server) {
			continue
		}
		if !isPolled.HasServer(server) { // under two thumbprints, while the certificate is renewed
			polled = append(polled, server.Address)
		}
		isPolled.Add(server.Address)
		if d.thumbprint == "" && typed.HasServer(server) {
			d.thumbprint = server.Thumbprint
		}
	}
	if o.nothingToRemove(now) {
		return decision{servers: now}, nil
	}
	if len(o.addresses) == 0 && len(polled) == 0 {
		return decision{}, hint.Errorf(trustedHint(now), "no server with thumbprint %s is polled", o.thumbprint)
	}
	for _, address := range o.addresses {
		if !o.ifPolled && !slices.ContainsFunc(spellings(address), isPolled.Has) {
			return decision{}, o.notPolled(now, address, polled)
		}
	}
	d.cluster = tentacleconfig.ClusterOf(now, d.thumbprint)
	d.servers = tentacleconfig.Without(now, o.removes())
	if o.force {
		return d, nil
	}
	if !tentacleconfig.Polling(d.servers) && !o.change.agents.given() { // of an agent, --force does not help
		return decision{}, hint.New("this would remove the last polled address, and the Tentacle would get no more work", "if that is intended, add --force")
	}
	return d, o.compared.refuseChange(now, d.servers)
}

// removes says of which entries the command is: those of the addresses, or all of the thumbprint.
func (o *removeServerOptions) removes() func(tentacleconfig.TrustedServer) bool {
	typed := typedAddresses(o.addresses)
	return func(s tentacleconfig.TrustedServer) bool {
		return o.concerns(s) && (len(o.addresses) == 0 || typed.HasServer(s))
	}
}

// nothingToRemove says that nothing of what is to be removed is polled, which is no error.
func (o *removeServerOptions) nothingToRemove(now []tentacleconfig.TrustedServer) bool {
	return o.ifPolled && !slices.ContainsFunc(now, o.removes())
}

// concerns says whether the thumbprint option allows removing the entry.
func (o *removeServerOptions) concerns(s tentacleconfig.TrustedServer) bool {
	return s.Polls() && (o.thumbprint == "" || thumbprint.Same(s.Thumbprint, o.thumbprint))
}

// addressBegins may be left out of an address that is removed.
const addressBegins = "https://"

// spellings are the addresses that a typed one may mean.
func spellings(typed string) []string {
	if strings.Contains(typed, "://") {
		return []string{typed}
	}
	return []string{typed, addressBegins + typed}
}

// typedAddresses are all addresses that typed ones may mean.
func typedAddresses(typed []string) tentacleconfig.AddressSet {
	set := tentacleconfig.AddressSet{}
	for _, one := range typed {
		for _, address := range spellings(one) {
			set.Add(address)
		}
	}
	return set
}

// notPolled says what is polled instead of an address.
func (o *removeServerOptions) notPolled(now []tentacleconfig.TrustedServer, address string, polled []string) error {
	switch {
	case len(polled) > 0 && o.thumbprint != "":
		return hint.Errorf(polledHint(polled), "%s is not polled with the thumbprint %s", address, o.thumbprint)
	case len(polled) > 0:
		return hint.Errorf(polledHint(polled), "%s is not polled", address)
	case tentacleconfig.Polling(now):
		return hint.Errorf(trustedHint(now), "%s is not polled, and neither is any other address with thumbprint %s", address, o.thumbprint)
	}
	return fmt.Errorf("%s is not polled: this Tentacle polls no server", address)
}

func polledHint(polled []string) string { return "polled addresses: " + shortList(polled) }

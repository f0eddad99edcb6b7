package commands

import (
	"context"
	"errors"
	"runtime"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// pollServerOptions are those of poll-server.
type pollServerOptions struct {
	tentacle        tentacleOptions
	api             apiOptions
	nodes           nodeOptions
	reuseThumbprint bool
	replace         bool
	force           bool
	health          healthOptions
	change          changeOptions

	poll pollOptions // of the above
}

func pollServerCommand(c *console) *cli.Command {
	var o pollServerOptions
	return &cli.Command{
		Name:     "poll-server",
		Category: "Polling",
		Usage:    "poll more nodes of a cluster that is already polled",
		Description: `Adds addresses of a cluster to those that this Tentacle polls, all of them or none,
and restarts the Tentacle's service. Tries the polling port of each new address first:
it must present the cluster's own certificate. Nodes that are already polled are left
alone, and need not respond; running the command again changes nothing. After a change
it asks every polled port whether it accepts this Tentacle, and warns of those that do
not.

With --server and credentials the Octopus Server says which cluster it is, and the
polled addresses are compared with its nodes. Without them the cluster is the one that
is polled already, and each new port must present its trusted certificate.

Every node at its own address:
  octo-tentacle poll-server --server=https://octopus.example.com \
    --apikey-file=key.txt \
    --server-comms-address=https://octo1:10943,https://octo2:10943

Every node at its own port of one address:
  octo-tentacle poll-server --server=https://octopus.example.com \
    --apikey-file=key.txt --server-comms-port=10943-10945

Without a key:
  octo-tentacle poll-server --server-comms-address=https://octo2:10943

A Kubernetes agent, by a new revision of its Helm release and a rollout:
  octo-tentacle poll-server --namespace=octopus-agent \
    --server-comms-address=https://octo2:10943,https://octo3:10943`,
		Flags: allFlags(o.nodes.flags(), []cli.Flag{
			&cli.BoolFlag{Name: "reuse-server-thumbprint", Category: theNodes, Destination: &o.reuseThumbprint, DisableDefaultText: true,
				Usage: "reuse the thumbprint and subscription of a polled node; contact neither the API nor the ports"},
			&cli.BoolFlag{Name: "replace", Category: theNodes, Destination: &o.replace, DisableDefaultText: true,
				Usage: "replace the cluster's present addresses with the given ones"},
			pollFewerFlag(&o.force, "with --replace, poll fewer of the nodes that hand out work than before"),
		}, o.api.flags(), o.tentacle.flags(), o.change.agentFlags(), o.change.flags(), o.health.flags()),
		Action: func(ctx *cli.Context) error { return pollServer(ctx.Context, c, o) },
	}
}

func pollServer(ctx context.Context, c *console, o pollServerOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (change, error) {
		o := o // each agent has its own
		out.triesPorts()
		o.poll.polling.tentacle = t.suggest()
		if o.reuseThumbprint {
			t.warnOfCertificate(c)
			cluster, err := polledThumbprint(tentacleconfig.Repair(t.servers), t.suggest())
			return change{servers: o.poll.polling.of(cluster, nil).decide}, err
		}
		ch, err := o.poll.change(ctx, c, t, out)
		return ch, addressesFrom(o.nodes.defaultSource(), err)
	})
}

// pollFewerFlag overrides the comparison with the nodes of the cluster.
func pollFewerFlag(destination *bool, usage string) cli.Flag {
	return &cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theNodes, Destination: destination, DisableDefaultText: true, Usage: usage}
}

func (o *pollServerOptions) complete(c *console) (err error) {
	if err := errors.Join(o.tentacle.complete(), o.change.completeFor(o.tentacle)); err != nil {
		return err
	}
	if o.reuseThumbprint && o.health.waitHealthy {
		return errors.New("--wait-healthy and --reuse-server-thumbprint cannot be combined: only the first contacts the Octopus Server")
	}
	if o.reuseThumbprint && o.nodes.allowUnreachable {
		return errors.New("--allow-unreachable and --reuse-server-thumbprint cannot be combined: the second tries no port")
	}
	o.poll = pollOptions{api: o.api, nodes: &o.nodes, health: o.health, force: o.force}
	server := ""
	if !o.reuseThumbprint { // scripts pass the API options anyway; they are not needed with it
		if err := o.poll.completeServer(c); err != nil {
			return err
		}
		server = o.poll.api.server
	}
	if o.replace && !o.nodes.given() {
		server = "" // all nodes are not replaced by one that nobody named
	}
	o.poll.polling.replace = o.replace
	o.poll.polling.addresses, err = o.nodes.addresses(server, runtime.GOOS)
	return err
}

// polledThumbprint is that of the first entry that polls and has a subscription. The Tentacle CLI
// takes the first entry of all, which is often one without an address from configure --trust, and
// then writes an entry that never polls.
func polledThumbprint(servers []tentacleconfig.TrustedServer, tentacle suggest.Tentacle) (string, error) {
	for _, server := range servers {
		if server.Subscribes() {
			return thumbprint.Clean(server.Thumbprint), nil
		}
	}
	if tentacleconfig.Polling(servers) {
		return "", withoutSubscription(servers, tentacle)
	}
	return "", hint.New("--reuse-server-thumbprint: this Tentacle polls no server yet, so there is nothing to reuse", registerHint(tentacle))
}

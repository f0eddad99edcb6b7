package commands

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// pollServerOptions are what poll-server can be told.
type pollServerOptions struct {
	tentacle        tentacleOptions
	api             apiOptions
	nodes           nodeOptions
	reuseThumbprint bool
	replace         bool
	health          healthOptions
	change          changeOptions
}

func pollServerCommand(c *console) *cli.Command {
	var o pollServerOptions
	return &cli.Command{
		Name:     "poll-server",
		Category: "Polling",
		Usage:    "poll further nodes of a cluster this Tentacle polls already",
		Description: `Adds addresses of a cluster to those that this Tentacle polls, all of them or
none, and restarts the Tentacle's service. Each polling port is tried first and
has to present the cluster's own certificate. Nodes that are polled already are
left as they are; a second run changes nothing.

Every node at its own address:
  octo-tentacle poll-server --server=https://octopus.example.com --apikey-file=key.txt \
    --server-comms-address=https://octo1:10943,https://octo2:10943

One address, a port for each node:
  octo-tentacle poll-server --server=https://octopus.example.com --apikey-file=key.txt \
    --server-comms-port=10943-10945`,
		Flags: allFlags(o.nodes.flags(), []cli.Flag{
			&cli.BoolFlag{Name: "reuse-server-thumbprint", Category: theNodes, Destination: &o.reuseThumbprint, DisableDefaultText: true,
				Usage: "take thumbprint and subscription from a node polled already; asks neither the API nor the ports"},
			&cli.BoolFlag{Name: "replace", Category: theNodes, Destination: &o.replace, DisableDefaultText: true,
				Usage: "poll these addresses of the cluster in place of the others: to move from one layout to another"},
		}, o.api.flags(), o.tentacle.flags(), o.change.flags(), o.health.flags()),
		Action: func(ctx *cli.Context) error { return pollServer(ctx.Context, c, o) },
	}
}

func pollServer(ctx context.Context, c *console, o pollServerOptions) error {
	ctx = interruptible(ctx)
	addresses, err := o.read(c)
	if err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}
	return pollNodes(ctx, c, t, o, addresses)
}

// pollNodes asks, decides and applies, for poll-server and sync-servers.
func pollNodes(ctx context.Context, c *console, t *tentacle, o pollServerOptions, addresses []string) error {
	r := newReport(t)
	var client *octoapi.Client
	var err error

	asking, cancel := context.WithTimeout(ctx, o.api.timeout)
	defer cancel()
	if o.reuseThumbprint {
		r.Thumbprint, err = polledThumbprint(t.servers)
	} else {
		client, r.Thumbprint, err = o.ask(asking, c, t, addresses)
	}
	if err != nil {
		return timedOut(err, o.api)
	}

	decide := func(now []tentacleconfig.TrustedServer) ([]tentacleconfig.TrustedServer, error) {
		if o.replace {
			return syncAddresses(now, r.Thumbprint, addresses)
		}
		return pollAddresses(now, r.Thumbprint, addresses)
	}
	err = apply(ctx, c, t, o.change, change{servers: decide}, r)
	if untrusted, is := errors.AsType[untrustedError](err); is {
		return fmt.Errorf("%w\n%s", err, untrusted.hint(t))
	}
	if err != nil {
		return err
	}
	if client != nil {
		r.Server = client.URL()
	}
	if client != nil && !o.change.dryRun && (r.Changed || o.health.waitHealthy) {
		if err := r.lookAtRegistrations(ctx, c, t, client, o.health, o.api.timeout); err != nil {
			return r.afterwards(err)
		}
	}
	return r.print(c, o.change)
}

// read checks the arguments and tells the addresses they mean.
func (o *pollServerOptions) read(c *console) ([]string, error) {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return nil, err
	}
	if o.reuseThumbprint && o.health.waitHealthy {
		return nil, errors.New("--wait-healthy asks the Octopus Server, and --reuse-server-thumbprint does not: leave one of them out")
	}
	server := ""
	if !o.reuseThumbprint { // scripts pass the API options along; with the thumbprint at hand they are not used
		if err := o.api.check(c); err != nil {
			return nil, err
		}
		server = o.api.server
	}
	if o.replace && !o.nodes.given() {
		server = "" // an empty variable in a script must not put the API's host in the place of all nodes
	} else if o.replace {
		if err := o.nodes.checkComplete(); err != nil {
			return nil, err
		}
	}
	return o.nodes.addresses(server, runtime.GOOS)
}

// ask learns the cluster's thumbprint, and first whether it makes sense to:
// a Tentacle that polls nothing has to be registered, whatever the cluster says.
func (o *pollServerOptions) ask(ctx context.Context, c *console, t *tentacle, addresses []string) (client *octoapi.Client, thumbprint string, err error) {
	proxy, err := t.document.PollingProxy()
	if err != nil {
		return nil, "", err
	}
	if client, err = connect(c, o.api, proxy); err != nil {
		return nil, "", err
	}
	thumbprint, err = askCluster(ctx, c, client, addresses, proxy, nil)
	if err == nil && o.replace {
		warnOfBalancing(ctx, c, client, addresses)
	}
	return client, thumbprint, err
}

// polledThumbprint is that of the first entry that polls and has a
// subscription. The real Tentacle takes the first entry of all, which is often
// the one without address that configure --trust left, and then writes an
// entry that never polls.
func polledThumbprint(servers []tentacleconfig.TrustedServer) (string, error) {
	for _, server := range servers {
		if server.Polls() && server.SubscriptionID != "" {
			return server.Thumbprint, nil
		}
	}
	return "", errors.New("--reuse-server-thumbprint: this Tentacle polls no server yet, so there is nothing to reuse\n" + registerHint)
}

const registerHint = "register it first: octo-tentacle register-with --comms-style=TentacleActive --server=… --environment=… --role=…"

// pollAddresses is the decision of poll-server: the trusted servers with an
// entry for each address, made like the first one that polls the cluster with
// this thumbprint. An entry that polls already stays as it is.
func pollAddresses(now []tentacleconfig.TrustedServer, thumbprint string, addresses []string) ([]tentacleconfig.TrustedServer, error) {
	model, err := pollingModel(now, thumbprint)
	if err != nil {
		return nil, err
	}
	var missing []tentacleconfig.TrustedServer
	for _, address := range addresses {
		if !polledAt(now, thumbprint, address) {
			missing = append(missing, model.With(address))
		}
	}
	return tentacleconfig.Upsert(now, missing...), nil
}

// pollingModel is the entry whose subscription and style further nodes of a
// cluster get.
func pollingModel(servers []tentacleconfig.TrustedServer, thumbprint string) (tentacleconfig.TrustedServer, error) {
	trusted := false
	for _, server := range servers {
		if !sameThumbprint(server.Thumbprint, thumbprint) {
			continue
		}
		if server.Polls() && server.SubscriptionID != "" {
			return server, nil
		}
		trusted = true
	}
	if trusted {
		return tentacleconfig.TrustedServer{}, fmt.Errorf("this Tentacle trusts the cluster (thumbprint %s) but does not poll it: it listens, and needs nothing for high availability\n"+
			"to make it poll, "+registerHint, thumbprint)
	}
	return tentacleconfig.TrustedServer{}, untrustedError{servers, thumbprint}
}

// untrustedError is a cluster that the Tentacle does not trust.
type untrustedError struct {
	servers    []tentacleconfig.TrustedServer // that it does
	thumbprint string
}

func (e untrustedError) Error() string {
	return fmt.Sprintf("this Tentacle does not trust the cluster with thumbprint %s%s", e.thumbprint, trustedInstead(e.servers))
}

// hint says how to trust it.
func (e untrustedError) hint(t *tentacle) string {
	others := distinctThumbprints(e.servers)
	if len(others) == 0 {
		return registerHint
	}
	old := "…"
	if len(others) == 1 {
		old = others[0]
	}
	return "if it is the same cluster with a new certificate: " +
		commandFor(t.instance, t.service, runtime.GOOS, "update-trust", "--oldThumbprint="+old, "--newThumbprint="+e.thumbprint) +
		"\nif it is another, " + registerHint
}

// trustedInstead names the clusters that are trusted: the API of another
// cluster is a common slip.
func trustedInstead(servers []tentacleconfig.TrustedServer) string {
	others := distinctThumbprints(servers)
	if len(others) == 0 {
		return ": it trusts none yet"
	}
	return ", only " + strings.Join(others, ", ")
}

// polledAt says whether the address is polled already, with a subscription.
func polledAt(servers []tentacleconfig.TrustedServer, thumbprint, address string) bool {
	return slices.ContainsFunc(servers, func(s tentacleconfig.TrustedServer) bool {
		return s.Polls() && s.SubscriptionID != "" && sameThumbprint(s.Thumbprint, thumbprint) && tentacleconfig.SameAddress(s.Address, address)
	})
}

// sameThumbprint ignores case: people type and paste thumbprints in both.
func sameThumbprint(a, b string) bool { return strings.EqualFold(a, b) }

package commands

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// syncServersOptions are those of sync-servers.
type syncServersOptions struct {
	tentacle tentacleOptions
	api      apiOptions
	nodes    nodeOptions
	change   changeOptions
	health   healthOptions
	file     string
	force    bool

	ofPod bool        // the addresses are those of the agent in whose pod this process runs
	poll  pollOptions // of the above
}

func syncServersCommand(c *console) *cli.Command {
	var o syncServersOptions
	return &cli.Command{
		Name:     "sync-servers",
		Category: "Polling",
		Usage:    "make the polled nodes match a list",
		Description: `Takes the list of a cluster's nodes from options or a file. After the same checks as
poll-server, adds the missing addresses and removes those of the same cluster that
are not listed, in one change. Leaves other clusters, and servers that connect to a
listening Tentacle, alone. After a change it warns of the polled ports that do not
accept this Tentacle. If exactly these addresses are already polled, or if the Tentacle
only listens, there is nothing to do, and nobody is asked.

Without --server and credentials, the cluster is the one that is polled, and each new
port must present its trusted certificate. With them, a change that polls fewer of the
nodes that hand out work than before is refused.

A Kubernetes agent gets the list by a new revision of its Helm release and a rollout,
which keep its identity at every moment. --prepare leaves both to Helm or a repository.

In the pod of a Kubernetes agent, the list is by default the one that the start of the
agent takes from the chart's values. Then only what is missing is added: the start
itself removes the rest.

  octo-tentacle sync-servers --file=nodes.yaml
  octo-tentacle sync-servers --server=https://octopus.example.com \
    --apikey-file=key.txt \
    --server-comms-address=https://octo1:10943,https://octo2:10943
  octo-tentacle sync-servers --server=https://octopus.example.com \
    --apikey-file=key.txt --file=nodes.yaml --quiet
  octo-tentacle sync-servers --all-agents --file=nodes.yaml`,
		Flags: allFlags(o.nodes.flags(), []cli.Flag{
			&cli.StringFlag{Name: "file", Category: theNodes, Destination: &o.file,
				Usage: "`FILE` (YAML or JSON) with the addresses: a list, or a list under nodes:, and perhaps thumbprints:; - for standard input"},
			pollFewerFlag(&o.force, "poll fewer of the nodes that hand out work than before"),
		}, o.api.flags(), o.tentacle.flags(), o.change.agentFlags(), o.change.flags(), o.health.flags(), []cli.Flag{
			quietFlag(&o.change.quiet),
		}),
		Action: func(ctx *cli.Context) error { return syncServers(ctx.Context, c, o) },
	}
}

func syncServers(ctx context.Context, c *console, o syncServersOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (change, error) {
		o := o // each agent has its own
		out.triesPorts()
		o.poll.polling.tentacle = t.suggest()
		if err := t.lostTrust(); err != nil {
			return change{}, err
		}
		if t.notYetRegistered() {
			out.notes = append(out.notes, "the agent is not registered yet: the start of its container does that, and polls the nodes")
			return nothing(""), nil
		}
		if o.ofPod {
			addresses, err := ownStart(ctx)
			if err != nil {
				return change{}, err
			}
			// What is not listed stays until the start removes it: a pod of before, whose container
			// starts once more, must still find its first address.
			o.poll.polling.addresses, o.poll.polling.replace = addresses, false
		}
		if cluster, synced := o.poll.synced(t.servers); synced && !o.health.waitHealthy {
			return nothing(cluster), nil
		}
		ch, err := o.poll.change(ctx, c, t, out)
		if o.file != "" {
			err = addressesFrom(inputName(o.file), err)
		}
		return ch, err
	})
}

// synced says whether exactly these addresses of a cluster are polled, and the cluster's
// thumbprint. That needs no network request: a command that runs every half hour must not fail or
// be slow because a node is down. Only if some of the addresses are also polled with another
// thumbprint, as during a renewal of the cluster's certificate, the server, if there is one, must
// say which one is its own.
func (o *pollOptions) synced(servers []tentacleconfig.TrustedServer) (cluster string, synced bool) {
	clusters := tentacleconfig.PolledClusters(servers)
	if len(o.listed) > 0 {
		clusters = [][]string{o.listed}
	}
	for _, thumbprints := range clusters {
		for _, p := range o.possible(servers, thumbprints) {
			wanted, err := p.decide(servers)
			if err != nil || !tentacleconfig.Diff(servers, wanted.servers).Empty() {
				return "", false
			}
			cluster = p.known[0]
		}
	}
	return cluster, cluster != ""
}

// possible is what may be meant with the cluster that has these thumbprints: nothing if none of the
// addresses is polled.
func (o *pollOptions) possible(servers []tentacleconfig.TrustedServer, thumbprints []string) (all []polling) {
	p := o.polling
	polled := func(cluster ...string) bool {
		return len(notPolled(p.addresses, polledAddresses(servers, cluster...))) < len(p.addresses)
	}
	switch {
	case !polled(thumbprints...):
		return nil
	case len(o.listed) > 0:
		return []polling{p.of(thumbprints[0], thumbprints)}
	case !o.asksAPI:
		p.known = thumbprints
		return []polling{p}
	}
	for _, one := range thumbprints { // which of them is that of the API is not known
		if polled(one) {
			all = append(all, p.of(one, nil))
		}
	}
	return all
}

func (o *syncServersOptions) complete(c *console) (err error) {
	if err := errors.Join(o.tentacle.complete(), o.change.completeFor(o.tentacle)); err != nil {
		return err
	}
	if option := o.api.readsStdin(); isStandardInput(o.file) && option != "" {
		return fmt.Errorf("--file and %s cannot both be standard input", option)
	}
	o.poll = pollOptions{api: o.api, nodes: &o.nodes, health: o.health, force: o.force, polling: polling{replace: true, mayListen: true}}
	if err := o.poll.completeServer(c); err != nil {
		return err
	}
	if o.file != "" {
		return o.completeFromFile(c)
	}
	if _, inside := agentContainer(); inside && !o.nodes.given() && !o.change.agents.given() {
		o.ofPod = true
		return nil
	}
	if !o.nodes.given() { // an empty variable of a script must not remove all nodes but the API's host
		return hint.New("no nodes are given", "give the address of each, like --server-comms-address=https://octo1.example.com:10943, or --file=nodes.yaml")
	}
	o.poll.polling.addresses, err = o.nodes.addresses(o.poll.api.server, runtime.GOOS)
	return err
}

func (o *syncServersOptions) completeFromFile(c *console) error {
	if o.nodes.named() {
		return errors.New("--file and --server-comms-address cannot be combined: give one of them")
	}
	listed, err := o.readFile(c)
	if err != nil {
		return err
	}
	ports, err := parsePorts(commaSeparated(o.nodes.port.Value()))
	if err != nil {
		return err
	}
	if o.poll.polling.addresses, err = eachAddress(listed.Addresses, ports); err != nil {
		return fmt.Errorf("--file: %s: %w", inputName(o.file), err)
	}
	o.poll.listed = listed.Thumbprints
	return nil
}

// readFile reads the list of nodes.
func (o *syncServersOptions) readFile(c *console) (tentaclefile.NodeList, error) {
	content, err := c.readInput(o.file)
	if err == nil {
		err = checkEncoding(inputName(o.file), content, encodingRemedy(o.file))
	}
	if err != nil {
		return tentaclefile.NodeList{}, fmt.Errorf("--file: %w", err)
	}
	list, err := tentaclefile.ReadNodes(content)
	if err != nil {
		return tentaclefile.NodeList{}, hint.With(fmt.Errorf("--file: %s is not a list of addresses: %s", inputName(o.file), strings.TrimPrefix(err.Error(), "yaml: ")),
			hint.Lines("it must look like", "  nodes:", "    - https://octo1:10943", "    - https://octo2:10943"))
	}
	if len(list.Addresses) == 0 {
		return tentaclefile.NodeList{}, fmt.Errorf("--file: %s lists no address; use remove-server to poll nothing", inputName(o.file))
	}
	return list, nil
}

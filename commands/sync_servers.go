package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"
)

// syncServersOptions are what sync-servers can be told.
type syncServersOptions struct {
	tentacle tentacleOptions
	api      apiOptions
	nodes    nodeOptions
	change   changeOptions
	health   healthOptions
	file     string
}

func syncServersCommand(c *console) *cli.Command {
	var o syncServersOptions
	return &cli.Command{
		Name:     "sync-servers",
		Category: "Polling",
		Usage:    "poll exactly these nodes of a cluster: add what is missing, remove what is too much",
		Description: `Declares the nodes of a cluster, by options or in a file; without any it refuses.
Addresses that are missing are added, addresses of the same cluster that are not
declared are removed, in one change, after the same checks as poll-server; other
clusters, and servers that are listened to, stay. Where nothing is to do, nothing
is asked, changed or restarted.

  octo-tentacle sync-servers --server=https://octopus.example.com --apikey-file=key.txt \
    --server-comms-address=https://octo1:10943,https://octo2:10943
  octo-tentacle sync-servers --server=https://octopus.example.com --apikey-file=key.txt \
    --file=nodes.yaml --quiet`,
		Flags: allFlags(o.nodes.flags(), []cli.Flag{
			&cli.StringFlag{Name: "file", Category: theNodes, Destination: &o.file,
				Usage: "`FILE` (YAML or JSON) with the addresses: a list, or a list under nodes:; - is standard input"},
		}, o.api.flags(), o.tentacle.flags(), o.change.flags(), o.health.flags(), []cli.Flag{
			&cli.BoolFlag{Name: "quiet", Category: theOutcome, Destination: &o.change.quiet, DisableDefaultText: true,
				Usage: "say nothing where nothing is to do; of a restart that is outstanding, warn all the same; with --format=json, answer"},
		}),
		Action: func(ctx *cli.Context) error {
			if !o.nodes.named() { // ports alone would put the API's host in the place of the nodes of the file
				if err := refuseEmpty(ctx, "file"); err != nil {
					return err
				}
			}
			return syncServers(ctx.Context, c, o)
		},
	}
}

func syncServers(ctx context.Context, c *console, o syncServersOptions) error {
	ctx = interruptible(ctx)
	addresses, err := o.read(c)
	if err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}
	if thumbprint, inSync := syncedWith(t.servers, addresses); inSync && !o.health.waitHealthy {
		r := newReport(t)
		r.Thumbprint = thumbprint
		return r.printUnchanged(ctx, c, t, o.change)
	}

	poll := pollServerOptions{tentacle: o.tentacle, api: o.api, change: o.change, health: o.health, replace: true}
	return pollNodes(ctx, c, t, poll, addresses)
}

// syncedWith says whether exactly these addresses of a cluster are polled, and
// the cluster's thumbprint. That needs no question to anybody: what calls this
// every half hour must not fail, nor be slow, because a node is down. Only where
// some of the addresses are polled under another thumbprint too, as while the
// cluster's certificate is renewed, the server has to say which is its own.
func syncedWith(servers []tentacleconfig.TrustedServer, addresses []string) (thumbprint string, inSync bool) {
	for _, candidate := range distinctThumbprints(servers) {
		if !slices.ContainsFunc(servers, func(s tentacleconfig.TrustedServer) bool {
			return s.Polls() && sameThumbprint(s.Thumbprint, candidate) && isAt(s, addresses)
		}) {
			continue
		}
		synced, err := syncAddresses(servers, candidate, addresses)
		if err != nil || !tentacleconfig.Diff(servers, synced).Empty() {
			return "", false
		}
		thumbprint = candidate
	}
	return thumbprint, thumbprint != ""
}

func (o *syncServersOptions) read(c *console) ([]string, error) {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return nil, err
	}
	if option := o.api.readsStdin(); o.file == "-" && option != "" {
		return nil, fmt.Errorf("--file and %s cannot both be standard input", option)
	}
	if err := o.api.check(c); err != nil {
		return nil, err
	}
	if o.file == "" {
		if !o.nodes.given() { // an empty variable in a script must not drop all nodes but the API's host
			return nil, errors.New("which nodes? Give --server-comms-address=https://octo1.example.com:10943, once for each, or --file=nodes.yaml")
		}
		if err := o.nodes.checkComplete(); err != nil {
			return nil, err
		}
		return o.nodes.addresses(o.api.server, runtime.GOOS)
	}
	if o.nodes.named() {
		return nil, errors.New("--file and --server-comms-address both give the nodes: give one of them")
	}
	if err := o.nodes.checkPorts(); err != nil {
		return nil, err
	}
	listed, err := o.readFile(c.in)
	if err != nil {
		return nil, err
	}
	o.nodes.address = *cli.NewStringSlice(listed...)
	addresses, err := o.nodes.addresses("", runtime.GOOS)
	if err != nil {
		return nil, fmt.Errorf("--file: %s: %s", inputName(o.file), strings.TrimPrefix(err.Error(), "--server-comms-address: "))
	}
	return addresses, nil
}

// readFile reads the addresses of a YAML file (JSON is YAML, too).
func (o *syncServersOptions) readFile(stdin io.Reader) ([]string, error) {
	content, err := readSmall(stdin, o.file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	list, err := listedAddresses(content)
	if err != nil {
		return nil, fmt.Errorf("--file: %s is no list of addresses: %s\nit has to look like\n  nodes:\n    - https://octo1:10943\n    - https://octo2:10943",
			inputName(o.file), strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("--file: %s lists no address; to poll nothing, use remove-server", inputName(o.file))
	}
	return list, nil
}

// listedAddresses understands a list, or a list under the name nodes. What it
// does not understand it refuses: an address that is overlooked is one that is
// removed. A value is not repeated, for the file may be the wrong one, with a key.
func listedAddresses(content []byte) ([]string, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("a second document begins in it (after ---)")
	}

	list := document.Content[0]
	if list.Kind == yaml.MappingNode {
		if len(list.Content) != 2 || list.Content[0].Value != "nodes" {
			return nil, fmt.Errorf("line %d: there has to be one name here, nodes, and only once", list.Line)
		}
		list = list.Content[1]
	}
	switch list = aliased(list); {
	case isNull(list):
		return nil, nil
	case list.Kind != yaml.SequenceNode:
		return nil, fmt.Errorf("line %d: there has to be a list here", list.Line)
	}
	var addresses []string
	for _, item := range list.Content {
		if item = aliased(item); item.Kind != yaml.ScalarNode || strings.TrimSpace(item.Value) == "" || isNull(item) {
			return nil, fmt.Errorf("line %d: there has to be an address here", item.Line)
		}
		addresses = append(addresses, item.Value)
	}
	return addresses, nil
}

// aliased is what an alias (*name) stands for.
func aliased(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// syncAddresses is the decision of sync-servers and of poll-server --replace:
// what poll-server decides, without the other addresses of the same cluster.
func syncAddresses(now []tentacleconfig.TrustedServer, thumbprint string, addresses []string) ([]tentacleconfig.TrustedServer, error) {
	after, err := pollAddresses(now, thumbprint, addresses)
	if err != nil {
		return nil, err
	}
	return tentacleconfig.Without(after, func(s tentacleconfig.TrustedServer) bool {
		return s.Polls() && sameThumbprint(s.Thumbprint, thumbprint) && !isAt(s, addresses)
	}), nil
}

// warnOfBalancing: one address for several nodes is right only where they share
// their queues. That it cannot be told (a permission is missing) is no reason
// to stop.
func warnOfBalancing(ctx context.Context, c *console, client *octoapi.Client, addresses []string) {
	if len(addresses) != 1 {
		return
	}
	nodes, err := client.Nodes(ctx)
	nodes = slices.DeleteFunc(nodes, func(n octoapi.Node) bool { return !n.TakesTasks() })
	if err != nil || len(nodes) < 2 {
		return
	}
	if shared, err := client.SharedQueues(ctx); err == nil && !shared {
		c.warn("the cluster has %d nodes, which do not share their queues, but only %s is polled: work queued on the others will wait\n"+
			"poll every node, or share the queues (Octopus Server 2026.4 and later, Redis)", len(nodes), addresses[0])
	}
}

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

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"
)

// syncServersOptions are those of sync-servers.
type syncServersOptions struct {
	tentacle tentacleOptions
	api      apiOptions
	nodes    nodeOptions
	change   changeOptions
	health   healthOptions
	file     string

	addresses []string // to poll
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
listening Tentacle, alone. If exactly these addresses are already polled, makes no
network requests, changes nothing and restarts nothing.

  octo-tentacle sync-servers --server=https://octopus.example.com --apikey-file=key.txt \
    --server-comms-address=https://octo1:10943,https://octo2:10943
  octo-tentacle sync-servers --server=https://octopus.example.com --apikey-file=key.txt \
    --file=nodes.yaml --quiet`,
		Flags: allFlags(o.nodes.flags(), []cli.Flag{
			&cli.StringFlag{Name: "file", Category: theNodes, Destination: &o.file,
				Usage: "`FILE` (YAML or JSON) with the addresses: a list, or a list under nodes:; - for standard input"},
		}, o.api.flags(), o.tentacle.flags(), o.change.flags(), o.health.flags(), []cli.Flag{
			&cli.BoolFlag{Name: "quiet", Category: theOutcome, Destination: &o.change.quiet, DisableDefaultText: true,
				Usage: "print nothing if nothing changed (a pending restart is still reported; ignored with --format=json)"},
		}),
		Action: func(ctx *cli.Context) error { return syncServers(ctx.Context, c, o) },
	}
}

func syncServers(ctx context.Context, c *console, o syncServersOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (change, error) {
		if cluster, synced := syncedWith(t.servers, o.addresses); synced && !o.health.waitHealthy {
			return nothing(cluster), nil
		}
		return pollOptions{o.api, o.health, o.nodes.webSocketTrust, true}.change(ctx, c, t, o.addresses, out)
	})
}

// syncedWith says whether exactly these addresses of a cluster are polled, and the cluster's
// thumbprint. That needs no network request: a command that runs every half hour must not fail or
// be slow because a node is down. Only if some of the addresses are also polled with another
// thumbprint, as during a renewal of the cluster's certificate, the server must say which one is
// its own.
func syncedWith(servers []tentacleconfig.TrustedServer, addresses []string) (cluster string, synced bool) {
	for _, candidate := range tentacleconfig.Thumbprints(servers) {
		polled := func(s tentacleconfig.TrustedServer) bool {
			return s.Polls() && thumbprint.Same(s.Thumbprint, candidate) && s.IsAt(addresses)
		}
		if !slices.ContainsFunc(servers, polled) {
			continue
		}
		wanted, err := polling{thumbprint: candidate, addresses: addresses, replace: true}.decide(servers)
		if err != nil || !tentacleconfig.Diff(servers, wanted.servers).Empty() {
			return "", false
		}
		cluster = candidate
	}
	return cluster, cluster != ""
}

func (o *syncServersOptions) complete(c *console) (err error) {
	if err := errors.Join(o.tentacle.complete(), o.change.complete(c)); err != nil {
		return err
	}
	if option := o.api.readsStdin(); o.file == "-" && option != "" {
		return fmt.Errorf("--file and %s cannot both be standard input", option)
	}
	if err := o.api.complete(c); err != nil {
		return err
	}
	if o.file != "" {
		return o.completeFromFile(c)
	}
	if !o.nodes.given() { // an empty variable of a script must not remove all nodes but the API's host
		return hint.New("no nodes are given", "give the address of each, like --server-comms-address=https://octo1.example.com:10943, or --file=nodes.yaml")
	}
	o.addresses, err = o.nodes.addresses(o.api.server, runtime.GOOS)
	return err
}

func (o *syncServersOptions) completeFromFile(c *console) error {
	if o.nodes.named() {
		return errors.New("--file and --server-comms-address cannot be combined: give one of them")
	}
	listed, err := o.readFile(c.in)
	if err != nil {
		return err
	}
	ports, err := parsePorts(commaSeparated(o.nodes.port.Value()))
	if err != nil {
		return err
	}
	if o.addresses, err = eachAddress(listed, ports); err != nil {
		return fmt.Errorf("--file: %s: %w", inputName(o.file), err)
	}
	return nil
}

// readFile reads the addresses of a YAML file (JSON is YAML, too).
func (o *syncServersOptions) readFile(stdin io.Reader) ([]string, error) {
	content, err := readSmall(stdin, o.file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	list, err := listedAddresses(content)
	if err != nil {
		return nil, hint.With(fmt.Errorf("--file: %s is not a list of addresses: %s", inputName(o.file), strings.TrimPrefix(err.Error(), "yaml: ")),
			"it must look like\n  nodes:\n    - https://octo1:10943\n    - https://octo2:10943")
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("--file: %s lists no address; use remove-server to poll nothing", inputName(o.file))
	}
	return list, nil
}

// listedAddresses reads a list, or a list under the name nodes. It refuses everything else, because
// an overlooked address would be removed. It repeats no value, because the file may be the wrong
// one and contain a key.
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
		return nil, errors.New("it contains a second document (after ---)")
	}

	list := document.Content[0]
	if list.Kind == yaml.MappingNode {
		if len(list.Content) != 2 || list.Content[0].Value != "nodes" {
			return nil, fmt.Errorf("line %d: expected one name, nodes, once", list.Line)
		}
		list = list.Content[1]
	}
	switch list = aliased(list); {
	case isNull(list):
		return nil, nil
	case list.Kind != yaml.SequenceNode:
		return nil, fmt.Errorf("line %d: expected a list", list.Line)
	}
	var addresses []string
	for _, item := range list.Content {
		if item = aliased(item); item.Kind != yaml.ScalarNode || strings.TrimSpace(item.Value) == "" || isNull(item) {
			return nil, fmt.Errorf("line %d: expected an address", item.Line)
		}
		addresses = append(addresses, item.Value)
	}
	return addresses, nil
}

// aliased resolves an alias (*name).
func aliased(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/urfave/cli/v2"
)

// listNodesOptions are those of list-nodes.
type listNodesOptions struct {
	tentacle tentacleOptions
	api      apiOptions
	format   string

	asksAPI bool
}

func listNodesCommand(c *console) *cli.Command {
	o := listNodesOptions{api: apiOptions{timeout: checkTimeout}}
	return &cli.Command{
		Name:     "list-nodes",
		Category: "Polling",
		Usage:    "list the nodes of the cluster, and where this Tentacle polls them",
		Description: `Shows each node with its state, the addresses at which it is polled, what proves
that, and whether it accepts this Tentacle. An address of which it is not known where
it leads is listed, too. Without --server and credentials, the polled hosts are asked
which nodes they are. Changes nothing.

  octo-tentacle list-nodes --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle list-nodes --format=json`,
		Flags:  allFlags(o.api.flags(), o.tentacle.flags(), []cli.Flag{formatFlag(&o.format)}),
		Action: func(ctx *cli.Context) error { return listNodes(ctx.Context, c, o) },
	}
}

func listNodes(ctx context.Context, c *console, o listNodesOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	instance, err := find(o.tentacle)
	if err != nil {
		return err
	}
	noteUse(instance)
	s := takeSnapshot(instance, o.tentacle.service, time.Now())
	if err := errors.Join(s.ConfigurationErr, s.ServersErr, s.ProxyErr); err != nil {
		return err
	}
	if err := o.ask(ctx, c, s); err != nil {
		return err
	}
	list := clusterListOf(s)
	list.warn(c, s)
	if o.format == "json" {
		return c.printJSON(list)
	}
	list.print(c)
	return nil
}

func (o *listNodesOptions) complete(c *console) error {
	err := errors.Join(o.tentacle.complete(), completeFormat(&o.format))
	if err != nil {
		return err
	}
	o.asksAPI, err = o.api.completeIfGiven(c)
	return err
}

// ask asks everything that check asks: the answers are the same.
func (o *listNodesOptions) ask(ctx context.Context, c *console, s *snapshot) (err error) {
	url := ""
	if o.asksAPI {
		if s.server, err = connect(c, o.api, s.proxy); err != nil {
			return err
		}
		s.ServerOptions = o.api.suggestedOptions()
		url = s.server.URL()
	}
	ctx, cancel := context.WithTimeout(ctx, o.api.timeout)
	defer cancel()
	defer c.endProgress()
	askAll(ctx, []*snapshot{s}, portProgress(c, url, len(s.Ports)))
	if s.API.Err != nil {
		return s.API.Err
	}
	if err := s.API.NodesErr; err != nil && !errors.Is(err, octoapi.ErrForbidden) {
		return err
	}
	return nil
}

// clusterList is the JSON of list-nodes, from which its table is made.
type clusterList struct {
	Instance      string       `json:"instance"`
	Configuration string       `json:"configuration"`
	Server        string       `json:"server"` // the address of the API; "" when it was not asked
	Queues        string       `json:"queues"` // shared, own, or unknown
	Nodes         []listedNode `json:"nodes"`

	known    bool // the nodes of the cluster are
	unproved []string
	check    string // the command that says more
}

// listedNode is a node, or an address of which it is not known which node is there.
type listedNode struct {
	Node      string           `json:"node"`
	ID        string           `json:"id"`
	State     nodeState        `json:"state"`
	LastSeen  string           `json:"lastSeen"` // RFC 3339, in UTC; "" when it is not known
	Polled    *bool            `json:"polled"`   // whether it is; null when neither is proved
	PolledAt  []string         `json:"polledAt"`
	PerhapsAt []string         `json:"perhapsAt"` // by a name that proves nothing
	Proof     []coverage.Proof `json:"proof"`
	Accepted  *bool            `json:"accepted"` // null when it is not known
}

// nodeState is what a node does, as far as the server or the node itself says.
type nodeState string

const (
	nodeWorks     nodeState = "works"
	nodeDrained   nodeState = "drained"
	nodeOffline   nodeState = "offline"
	nodeUIOnly    nodeState = "ui-only"
	nodeNotListed nodeState = "not-listed" // it is none of the cluster
	nodeNoAnswer  nodeState = "no-answer"  // nothing is known of an address, which does not answer
	nodeUnknown   nodeState = "unknown"
)

func clusterListOf(s *snapshot) clusterList {
	l := clusterList{
		Instance: s.Tentacle.Instance.Name, Configuration: s.Tentacle.Instance.ConfigPath, Server: s.Server,
		Queues: "unknown", Nodes: []listedNode{}, known: s.Server != "" && s.API.NodesErr == nil,
		check: s.Tentacle.Command("check", s.ServerOptions...),
	}
	clusters := s.CoverageUnasked()
	if s.Server != "" {
		clusters = []coverage.Result{s.Coverage()}
	}
	for _, cover := range clusters {
		l.add(cover)
	}
	return l
}

// add adds the nodes of a cluster, and then its addresses that lead to none of them.
func (l *clusterList) add(cover coverage.Result) {
	switch cover.Queues.State {
	case coverage.Shared:
		l.Queues = "shared"
	case coverage.NotShared, coverage.PartlyShared:
		l.Queues = "own"
	}
	for _, n := range cover.Nodes {
		row := rowOf(n.Node)
		row.PolledAt, row.PerhapsAt, row.Proof = append(row.PolledAt, n.PolledAt...), append(row.PerhapsAt, n.Perhaps...), append(row.Proof, n.Proof...)
		row.Accepted = trustOf(n.Accepted)
		if len(n.Proof) > 0 || n.Unpolled {
			polled := !n.Unpolled
			row.Polled = &polled
		} else if n.TakesTasks() && !cover.Enough() {
			l.unproved = append(l.unproved, n.Name)
		}
		l.Nodes = append(l.Nodes, row)
	}
	for _, p := range cover.Places {
		if cover.NodeCalled(p.Node) == nil && cover.NodeCalled(p.Perhaps) == nil {
			l.addPlace(p)
		}
	}
}

// addPlace adds an address that leads to no node of the cluster, as far as is known.
func (l *clusterList) addPlace(p coverage.Place) {
	row := rowOf(octoapi.Node{Name: p.Node})
	row.Accepted = trustOf(p.Trust)
	switch {
	case p.Node != "" && !l.known && p.Host.Node.ID != "": // it described itself
		row = rowOf(p.Host.Node)
		row.Accepted = trustOf(p.Trust)
	case p.Node != "" && l.known:
		row.State = nodeNotListed
	case p.Node == "" && !p.Answers:
		row.State = nodeNoAnswer
	default:
		row.State = nodeUnknown
	}
	row.PolledAt = append(row.PolledAt, p.URL)
	if p.Node != "" {
		row.Proof = append(row.Proof, coverage.WebPort)
	} else if p.Perhaps != "" {
		row.Node, row.PolledAt, row.PerhapsAt = p.Perhaps, row.PerhapsAt, row.PolledAt
	}
	l.Nodes = append(l.Nodes, row)
}

func rowOf(n octoapi.Node) listedNode {
	row := listedNode{Node: n.Name, ID: n.ID, State: nodeWorks, PolledAt: []string{}, PerhapsAt: []string{}, Proof: []coverage.Proof{}}
	switch {
	case n.Offline:
		row.State = nodeOffline
	case n.WebOnly:
		row.State = nodeUIOnly
	case n.InMaintenanceMode:
		row.State = nodeDrained
	}
	if !n.LastSeen.IsZero() {
		row.LastSeen = n.LastSeen.UTC().Format(time.RFC3339)
	}
	return row
}

func trustOf(t octoapi.Trust) *bool {
	if t == octoapi.NoAnswer {
		return nil
	}
	accepted := t == octoapi.Trusted
	return &accepted
}

// warn warns of what makes the list less than it seems.
func (l *clusterList) warn(c *console, s *snapshot) {
	switch {
	case s.server == nil:
		c.warnOf(hint.New("the nodes of the cluster are not known, only those at the polled addresses", "give --server and credentials"))
	case !l.known:
		c.warnOf(fmt.Errorf("the nodes of the cluster are not known, only those at the polled addresses: %w", s.API.NodesErr))
	}
	if restartPending(s.Tentacle.Instance, s.Service) {
		c.warnOf(hint.Errorf("to finish: "+s.Tentacle.Restart(),
			"service %s started before the last change of %s and still uses the old list: a restart is pending", s.Service.Name, s.Tentacle.Instance.ConfigPath))
	}
}

var nodeColumns = []column[listedNode]{
	{"NODE", func(n listedNode) string { return n.Node }},
	{"STATE", listedNode.state},
	{"LAST SEEN", func(n listedNode) string { return n.LastSeen }},
	{"POLLED AT", listedNode.polledAt},
	{"PROOF", listedNode.proof},
	{"ACCEPTS THIS TENTACLE", listedNode.accepts},
}

func (n listedNode) state() string {
	switch n.State {
	case nodeUIOnly:
		return "UI only"
	case nodeNotListed:
		return "not in the cluster"
	case nodeNoAnswer:
		return "no answer"
	case nodeUnknown:
		return ""
	}
	return string(n.State)
}

func (n listedNode) polledAt() string {
	var text []string
	text = append(text, n.PolledAt...)
	for _, address := range n.PerhapsAt {
		text = append(text, "perhaps "+address)
	}
	if len(text) == 0 && n.Polled != nil && !*n.Polled {
		return "not polled"
	}
	return strings.Join(text, ", ")
}

func (n listedNode) proof() string {
	var text []string
	for _, proof := range n.Proof {
		text = append(text, strings.ReplaceAll(string(proof), "-", " "))
	}
	return strings.Join(text, ", ")
}

func (n listedNode) accepts() string {
	switch {
	case n.Accepted == nil:
		return ""
	case *n.Accepted:
		return "yes"
	}
	return "no"
}

func (l clusterList) print(c *console) {
	if len(l.Nodes) == 0 {
		c.printf("This Tentacle polls no Octopus Server.\n")
		return
	}
	printTable(c, nodeColumns, l.Nodes)
	if l.Queues == "shared" {
		c.printf("\nThe nodes share their queues: to poll one address is enough.\n")
	}
	if len(l.unproved) > 0 {
		c.printf("\nNot proved to be polled: %s. To see why: %s\n", strings.Join(l.unproved, ", "), l.check)
	}
}

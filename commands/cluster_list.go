package commands

import (
	"cmp"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// clusterList is the JSON of list-nodes, from which its table is made.
type clusterList struct {
	Context       string       `json:"context,omitempty"`   // of an agent: that of the kubeconfig
	Namespace     string       `json:"namespace,omitempty"` // of an agent
	Instance      string       `json:"instance"`
	Configuration string       `json:"configuration"`
	Server        string       `json:"server"` // the address of the API; "" when it was not asked
	Queues        string       `json:"queues"` // shared, own, or unknown
	Nodes         []listedNode `json:"nodes"`
	Error         string       `json:"error,omitempty"` // why there is nothing else about an agent

	chosenContext string
	known         bool // the nodes of the cluster are
	unproved      []string
	unasked       []string // nodes that may not share their queues, where the others do
	check         string   // the command that says more
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
	if a := s.Kubernetes; a != nil {
		l.Context, l.Namespace, l.chosenContext = a.Context, a.Namespace, s.Tentacle.Agent.Context
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
	switch q := cover.Queues; {
	case q.State == coverage.Shared && len(q.Unasked) > 0:
		l.unasked = q.Unasked
	case q.State == coverage.Shared:
		l.Queues = "shared"
	case q.State == coverage.NotShared, q.State == coverage.PartlyShared:
		l.Queues = "own"
	}
	trust := map[string]octoapi.Trust{} // by address
	for _, p := range cover.Places {
		trust[p.URL] = p.Trust
	}
	for _, n := range cover.Nodes {
		row := rowOf(n.Node)
		row.PolledAt, row.PerhapsAt, row.Proof = append(row.PolledAt, n.PolledAt...), append(row.PerhapsAt, n.Perhaps...), append(row.Proof, n.Proof...)
		row.Accepted = trustOf(n.Accepted)
		if len(n.PolledAt) == 0 && len(n.Perhaps) == 1 {
			row.Accepted = trustOf(trust[n.Perhaps[0]])
		}
		switch {
		case len(n.Proof) > 0 || n.Unpolled:
			row.setPolled(!n.Unpolled)
		case n.TakesTasks() && l.Queues != "shared":
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
	row := rowOf(octoapi.Node{Name: cmp.Or(p.Node, p.Perhaps)})
	switch {
	case p.Node != "" && l.known:
		row.State = nodeNotListed
	case p.Node != "" && p.Host.Node.ID != "": // it described itself
		row = rowOf(p.Host.Node)
	case p.Node == "" && !p.Answers && p.Trust == octoapi.NoAnswer:
		row.State = nodeNoAnswer
	default:
		row.State = nodeUnknown
	}
	row.Accepted = trustOf(p.Trust)
	if p.Perhaps == "" {
		row.PolledAt = append(row.PolledAt, p.URL)
	} else {
		row.PerhapsAt = append(row.PerhapsAt, p.URL)
	}
	if p.Node != "" && p.Trust != octoapi.NotTrusted {
		row.setPolled(true)
		row.Proof = append(row.Proof, coverage.WebPort)
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

func (n *listedNode) setPolled(is bool) { n.Polled = &is }

func trustOf(t octoapi.Trust) *bool {
	if t == octoapi.NoAnswer {
		return nil
	}
	accepted := t == octoapi.Trusted
	return &accepted
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
	if len(l.unasked) > 0 {
		c.printf("\nThe nodes share their queues, but that is not known of %s.\n", strings.Join(l.unasked, ", "))
	}
	if len(l.unproved) > 0 {
		c.printf("\nNot proved to be polled: %s. To see why: %s\n", strings.Join(l.unproved, ", "), l.check)
	}
}

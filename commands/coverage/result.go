package coverage

import (
	"slices"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// Result is what the evidence proves.
type Result struct {
	Queues Queues     // as they were given
	Nodes  []Node     // in the order of the API
	Places []Place    // in the order of the addresses
	Same   []SameNode // addresses that lead to one node

	// Unpolled is how many of the nodes that hand out work are certainly not polled. Either all of
	// these are marked, or it is not known which of them they are: then none is. It is 0 where the
	// nodes share their queues.
	Unpolled int
	// Drained are nodes in maintenance, one of which at least is not polled. They are marked
	// instead where that is known of each.
	Drained []Node
	// Balanced says that more nodes are proved to be polled than places are reached: something
	// spreads the connections over the nodes.
	Balanced bool

	spare int            // how many more places there may be than nodes that hand out work
	idle  []octoapi.Node // see Idle
}

// Node is a node of the cluster, and how it is polled.
type Node struct {
	octoapi.Node

	PolledAt []string      // the addresses that lead to it, as far as that is proved
	Perhaps  []string      // addresses that may lead to it, by a name
	Proof    []Proof       // that it is polled; none where that is not proved
	Checked  octoapi.Task  // the health check that is a proof
	Accepted octoapi.Trust // trusted if every address that leads to it accepts this Tentacle
	Unpolled bool          // certainly not polled
	Mute     bool          // an address that leads to it is mute

	isBroken bool // an address that does not answer seems to be its own
}

// Place is where an address leads.
type Place struct {
	Address

	Node    string // the name of the node that is proved to be there; "" where it is not known
	Perhaps string // the name of a node that may be there
	Doubt   Doubt  // why its host's web port does not prove which node is there
	Lost    Lost   // what is wrong with the node there
}

// Doubt is why a web port does not prove which node is at an address of its host.
type Doubt int

// The reasons, the simplest first.
const (
	NoDoubt     Doubt = iota // it does, or the address does not answer
	SharedHost               // another port of the same host is polled, as behind NAT
	NoName                   // it names no node
	NotVerified              // its certificate is not trusted
	FrontDoor                // hosts of several addresses have one web port, or may have
	OtherHost                // it is at another IP address than the polling port
	OneForAll                // there is no other address for several nodes: a load balancer may be there
)

// Lost is why an address leads to no node of the cluster.
type Lost int

// The reasons.
const (
	NotLost   Lost = iota
	NotListed      // the API does not list the node, as after it was replaced
	CutOff         // the API lists it as offline, although it answers: it does not reach the database
)

// SameNode are several addresses that lead to one node.
type SameNode struct {
	Addresses []string
	Remote    string // where all of them end; "" where only the node is known
	Node      string // its name; "" where it is not known
}

// NodeCalled is the listed node with this name or ID; nil for none.
func (r *Result) NodeCalled(name string) *Node {
	i := slices.IndexFunc(r.Nodes, func(n Node) bool { return n.Is(name) })
	if i < 0 {
		return nil
	}
	return &r.Nodes[i]
}

// Working are the nodes that hand out work.
func (r *Result) Working() (working []Node) {
	for _, n := range r.Nodes {
		if n.TakesTasks() {
			working = append(working, n)
		}
	}
	return working
}

// Answering is how many addresses answer.
func (r *Result) Answering() (n int) {
	for _, p := range r.Places {
		if p.Answers {
			n++
		}
	}
	return n
}

// Enough says whether nothing waits anywhere, although not every node may be polled: the nodes
// share their queues, and work may come from an address.
func (r *Result) Enough() bool {
	return r.Queues.State == Shared && slices.ContainsFunc(r.Places, Place.Serves)
}

// Serves says whether work may come from there: it answers, and does not refuse this Tentacle.
func (p Place) Serves() bool { return p.Answers && !p.Mute && p.Trust != octoapi.NotTrusted }

// Proved says whether each node that hands out work is proved to be polled, and there is one.
func (r *Result) Proved() bool {
	working := r.Working()
	return len(working) > 0 && !slices.ContainsFunc(working, func(n Node) bool { return len(n.Proof) == 0 })
}

// Named says whether it is known which nodes are not polled.
func (r *Result) Named() bool {
	return slices.ContainsFunc(r.Nodes, func(n Node) bool { return n.Unpolled })
}

// Idle are the nodes one of which is at a place where nothing responds, if none of them hands out
// work: then nothing is missed, as during its maintenance. There are none where work may be missed,
// or where that is not known.
func (r *Result) Idle(p Place) []octoapi.Node {
	switch seems := r.NodeCalled(p.Perhaps); {
	case !p.Silent:
		return nil
	case seems != nil && seems.TakesTasks():
		return nil
	case seems != nil:
		return []octoapi.Node{seems.Node}
	case p.Perhaps != "":
		return nil // that of a node that is gone
	}
	return r.idle
}

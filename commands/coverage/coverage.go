// Package coverage tells which nodes of a cluster a Tentacle polls, and what proves it. It asks
// nothing and prints nothing: what is known is in the Evidence. No node counts as polled because
// there are as many addresses as nodes.
package coverage

import "github.com/octo-tentacle/octo-tentacle/octoapi"

// Evidence is what is known about a cluster and about the addresses at which a Tentacle polls it.
type Evidence struct {
	Nodes     []octoapi.Node // as the API lists them; nil where they are not known
	Addresses []Address      // of this cluster, each once
	Queues    Queues
	// HealthChecks are those of this Tentacle that succeeded since it polls these addresses.
	HealthChecks []octoapi.Task
	// Cloned says that another Tentacle may have done the work in place of this one: then a health
	// check proves nothing.
	Cloned bool
}

// Address is what is known about one polled address.
type Address struct {
	URL     string             // as it is shown
	Answers bool               // with a certificate that is trusted there
	Silent  bool               // nothing responds, as when a node is down
	Remote  string             // the IP address and port at the other end; "" where that is not known
	Trust   octoapi.Trust      // what it says about this Tentacle's certificate
	Host    octoapi.NodeAtHost // what the web port of its host says; zero for nothing
}

// Queues says whether the nodes share their queues, so that to poll one of them is enough.
type Queues struct {
	State   Sharing
	Why     string   // it is not so, or not known
	Unasked []string // hosts of nodes that could not be asked, if all that could be say yes
}

// Sharing is whether nodes share their queues.
type Sharing int

// What is known about it. One node that says no is enough: each answers for itself. Nodes of which
// only some share do not share: but then one of them may hand over the work of another.
const (
	Unknown Sharing = iota
	Shared
	NotShared
	PartlyShared
)

// Proof is a kind of evidence that a node is polled.
type Proof string

// The kinds of proof, the cheapest first.
const (
	OnlyNode    Proof = "only-node"    // the cluster has one node, and its certificate is at the address
	WebPort     Proof = "web-port"     // the web port of the address's host says that it is this node
	HealthCheck Proof = "health-check" // the node checked the Tentacle's health
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

	free    int      // places of which it is not known which node is there
	unknown []string // nodes that hand out work, one of which may be at such a place
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
	NoName                   // it names no node
	NotVerified              // its certificate is not trusted
	SharedHost               // another address has the same host, as behind NAT
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

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
	// HealthChecks are those of this Tentacle that succeeded since it polls these addresses. After
	// one, an address may have ceased to answer. Fresh ones were started after these were tried.
	HealthChecks, Fresh []octoapi.Task
	// Cloned says that another Tentacle may have done the work in place of this one: then a health
	// check proves nothing.
	Cloned bool
	// Several says that the cluster has other addresses, which other Tentacles poll: then the only
	// one of this Tentacle is not taken for one that leads to all nodes.
	Several bool
}

// Address is what is known about one polled address.
type Address struct {
	URL     string             // as it is shown
	Answers bool               // with a certificate that is trusted there
	Silent  bool               // nothing responds, as when a node is down
	Remote  string             // the IP address and port at the other end; "" where that is not known
	Trust   octoapi.Trust      // what it says about this Tentacle's certificate
	Mute    bool               // it was asked, and does not say: no Tentacle gets work there now
	Host    octoapi.NodeAtHost // what the web port of its host says; zero for nothing
}

// Queues says whether the nodes share their queues, so that to poll one of them is enough.
type Queues struct {
	State   Sharing
	Why     string   // it is not so, or not known
	Unasked []string // nodes that could not be asked, or their hosts, if all that could be say yes
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

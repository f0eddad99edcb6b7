package coverage

import (
	"slices"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// Judge says what the evidence proves.
func Judge(e Evidence) Result {
	r := Result{Queues: e.Queues}
	r.Places, r.Same = placesOf(e)
	for _, listed := range e.Nodes {
		r.Nodes = append(r.Nodes, r.node(listed, e))
	}
	r.markLost()
	r.count()
	return r
}

// node is a listed node, with what proves that it is polled.
func (r *Result) node(listed octoapi.Node, e Evidence) Node {
	n := Node{Node: listed}
	refused, accepted := false, false
	for _, p := range r.Places {
		switch {
		case listed.Is(p.Node):
			n.PolledAt = append(n.PolledAt, p.URL)
			refused = refused || p.Trust == octoapi.NotTrusted
			accepted = (accepted || len(n.PolledAt) == 1) && p.Trust == octoapi.Trusted
		case listed.Is(p.Perhaps):
			n.Perhaps = append(n.Perhaps, p.URL)
		}
	}
	switch {
	case refused:
		n.Accepted = octoapi.NotTrusted
	case accepted:
		n.Accepted = octoapi.Trusted
	}
	switch { // a node that refuses the Tentacle hands it nothing, whoever is known to be there
	case len(n.PolledAt) == 0 || refused:
	case len(e.Nodes) == 1:
		n.Proof = append(n.Proof, OnlyNode)
	default:
		n.Proof = append(n.Proof, WebPort)
	}
	if e.Queues.State == NotShared && !e.Cloned && !refused && !r.hasBrokenAddress(listed) {
		by := func(t octoapi.Task) bool { return listed.Is(t.ServerNode) }
		if i := slices.IndexFunc(e.HealthChecks, by); i >= 0 {
			n.Proof, n.Checked = append(n.Proof, HealthCheck), e.HealthChecks[i]
		}
	}
	return n
}

// markLost marks the places that lead to no node of the cluster.
func (r *Result) markLost() {
	if r.Nodes == nil {
		return
	}
	for i, p := range r.Places {
		if p.Node == "" {
			continue
		}
		switch node := r.NodeCalled(p.Node); {
		case node == nil:
			r.Places[i].Lost = NotListed
		case node.Offline:
			r.Places[i].Lost = CutOff
		}
	}
}

// count finds the nodes for which no address is left: each place has one node, unless something
// spreads connections.
func (r *Result) count() {
	var working, drained []int
	checked := 0
	for i, n := range r.Nodes {
		switch {
		case len(n.PolledAt) > 0:
		case len(n.Proof) > 0:
			checked++
		case r.hasBrokenAddress(n.Node): // its finding is about the node as well
		case n.TakesTasks():
			working = append(working, i)
		case n.isDrained():
			drained = append(drained, i)
		}
	}
	unnamed := r.unnamedPlaces()
	r.Balanced = checked > unnamed+len(r.Places)-r.answering()
	r.free = max(0, unnamed-checked)
	for _, i := range working {
		r.unknown = append(r.unknown, r.Nodes[i].Name)
	}
	if r.Queues.State == Shared {
		return
	}
	left := r.free + r.brokenPlaces()
	r.Unpolled = max(0, len(working)-left)
	switch {
	case left == 0 && !r.Balanced:
		for _, i := range append(working, drained...) {
			r.Nodes[i].Unpolled = true
		}
	case r.Unpolled == 0 && len(working)+len(drained) > left:
		for _, i := range drained {
			r.Drained = append(r.Drained, r.Nodes[i])
		}
	}
}

// answering is how many addresses answer.
func (r *Result) answering() (n int) {
	for _, p := range r.Places {
		if p.Answers {
			n++
		}
	}
	return n
}

// unnamedPlaces is how many different places answer of which it is not known which node is there.
func (r *Result) unnamedPlaces() (n int) {
	var places []string
	for _, p := range r.Places {
		switch {
		case !p.Answers || p.Node != "":
		case p.Remote == "" || !slices.Contains(places, p.Remote):
			places = append(places, p.Remote)
			n++
		}
	}
	return n
}

// brokenPlaces is how many of the addresses that do not answer may lead to any of the nodes.
func (r *Result) brokenPlaces() (n int) {
	for _, p := range r.Places {
		if !p.Answers && p.Perhaps == "" && (hostOf(p.URL) == "" || !r.namesTell()) {
			n++
		}
	}
	return n
}

// namesTell says whether the hosts are called like their nodes, as far as these are known: then the
// host of a node that is gone does not lead to a new one.
func (r *Result) namesTell() bool {
	known := false
	for _, p := range r.Places {
		if p.Node == "" {
			continue
		}
		if known = Alike(p.URL, p.Node); !known {
			return false
		}
	}
	return known
}

// hasBrokenAddress says whether an address that does not answer seems to be the node's.
func (r *Result) hasBrokenAddress(n octoapi.Node) bool {
	return slices.ContainsFunc(r.Places, func(p Place) bool { return !p.Answers && n.Is(p.Perhaps) })
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

// Enough says whether nothing waits anywhere, although not every node may be polled: the nodes
// share their queues, and an address answers, and does not refuse this Tentacle.
func (r *Result) Enough() bool {
	return r.Queues.State == Shared && slices.ContainsFunc(r.Places, func(p Place) bool { return p.Answers && p.Trust != octoapi.NotTrusted })
}

// Proved says whether each node that hands out work is proved to be polled, and there is one.
func (r *Result) Proved() bool {
	working := r.Working()
	return len(working) > 0 && !slices.ContainsFunc(working, func(n Node) bool { return len(n.Proof) == 0 })
}

// Named says whether it is known which nodes are not polled.
func (r *Result) Named() bool {
	return slices.ContainsFunc(r.Nodes, func(n Node) bool { return n.Unpolled })
}

// Idle are the nodes one of which is at an address where nothing responds, if none of them hands
// out work: then nothing is missed, as during its maintenance. There are none where work may be
// missed, or where that is not known.
//
// Which node is there is known if they are called alike. Else it is enough that all nodes that hand
// out work may be at the addresses that answer, and that the others are no more than the rest.
func (r *Result) Idle(address string) (idle []octoapi.Node) {
	i := slices.IndexFunc(r.Places, func(p Place) bool { return p.URL == address })
	if i < 0 || !r.Places[i].Silent {
		return nil
	}
	if seems := r.NodeCalled(r.Places[i].Perhaps); seems != nil {
		if seems.TakesTasks() {
			return nil
		}
		return []octoapi.Node{seems.Node}
	} else if r.Places[i].Perhaps != "" {
		return nil // that of no node
	}
	for _, n := range r.Nodes {
		if !n.TakesTasks() && len(n.PolledAt) == 0 && !r.hasBrokenAddress(n.Node) {
			idle = append(idle, n.Node)
		}
	}
	silent := 0
	for _, p := range r.Places {
		if p.Silent && p.Perhaps == "" {
			silent++
		}
	}
	if len(r.unknown) > r.free || silent > len(idle) {
		return nil
	}
	return idle
}

// isDrained says whether the node will hand out work again when its maintenance ends.
func (n Node) isDrained() bool { return n.InMaintenanceMode && !n.Offline && !n.WebOnly }

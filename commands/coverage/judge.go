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
	r.findIdle()
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
			n.Mute = n.Mute || p.Mute
			accepted = (accepted || len(n.PolledAt) == 1) && p.Trust == octoapi.Trusted
		case listed.Is(p.Perhaps):
			n.Perhaps = append(n.Perhaps, p.URL)
			n.isBroken = n.isBroken || !p.Answers
		}
	}
	switch {
	case refused:
		n.Accepted = octoapi.NotTrusted
		return n // a node that refuses the Tentacle hands it nothing, whoever is known to be there
	case accepted:
		n.Accepted = octoapi.Trusted
	}
	switch {
	case len(n.PolledAt) == 0 || n.Mute:
	case len(e.Nodes) == 1:
		n.Proof = append(n.Proof, OnlyNode)
	default:
		n.Proof = append(n.Proof, WebPort)
	}
	if e.Queues.State == NotShared && !e.Cloned && r.Answering() > 0 {
		checks := r.provingChecks(n, e)
		by := func(t octoapi.Task) bool { return listed.Is(t.ServerNode) }
		if i := slices.IndexFunc(checks, by); i >= 0 {
			n.Proof, n.Checked = append(n.Proof, HealthCheck), checks[i]
		}
	}
	return n
}

// provingChecks are the health checks that prove something now. An earlier one may have come
// through an address that does not answer any more: the node's own, or one of which it is not known
// whose it is.
func (r *Result) provingChecks(n Node, e Evidence) []octoapi.Task {
	if n.isBroken || n.Mute || r.brokenAddresses() > 0 {
		return e.Fresh
	}
	return slices.Concat(e.Fresh, e.HealthChecks)
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
		case n.isBroken: // the finding about its address is about the node as well
		case n.TakesTasks():
			working = append(working, i)
		case n.isDrained():
			drained = append(drained, i)
		}
	}
	unnamed, broken := r.unnamedEnds(), r.brokenAddresses()
	r.Balanced = checked > unnamed+len(r.Places)-r.Answering()
	r.spare = max(0, unnamed-checked) - len(working)
	if r.Queues.State == Shared {
		return
	}
	left := max(0, unnamed-checked) + broken
	r.Unpolled = max(0, len(working)-left)
	switch {
	case left == 0 && !r.Balanced && !r.mayBeBalanced():
		for _, i := range append(working, drained...) {
			r.Nodes[i].Unpolled = true
		}
	case r.Unpolled == 0 && len(working)+len(drained) > left:
		for _, i := range drained {
			r.Drained = append(r.Drained, r.Nodes[i])
		}
	}
}

// mayBeBalanced says whether the only port that is polled may be that of a load balancer.
func (r *Result) mayBeBalanced() bool {
	ends := map[string]bool{}
	for _, p := range r.Places {
		ends[p.End()] = true
	}
	return len(ends) == 1 && r.Places[0].Node == ""
}

// isDrained says whether the node will hand out work again when its maintenance ends.
func (n Node) isDrained() bool { return n.InMaintenanceMode && !n.Offline && !n.WebOnly }

// unnamedEnds is how many different ports answer of which it is not known which node is there.
func (r *Result) unnamedEnds() int {
	ends := map[string]bool{}
	for _, p := range r.Places {
		if p.Answers && p.Node == "" {
			ends[p.End()] = true
		}
	}
	return len(ends)
}

// brokenAddresses is how many of the addresses that do not answer may lead to any of the nodes.
func (r *Result) brokenAddresses() (n int) {
	tell := r.namesTell()
	for _, p := range r.Places {
		if !p.Answers && p.Perhaps == "" && (!tell || hostOf(p.URL) == "") {
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

// findIdle finds out which nodes are at the silent addresses that are called like none, if none of
// them hands out work. Then it is enough that all nodes that hand out work may be at the addresses
// that answer, and that the others are no more than the rest.
func (r *Result) findIdle() {
	var idle []octoapi.Node
	for _, n := range r.Nodes {
		if !n.TakesTasks() && len(n.PolledAt) == 0 && !n.isBroken {
			idle = append(idle, n.Node)
		}
	}
	silent := 0
	for _, p := range r.Places {
		if p.Silent && p.Perhaps == "" {
			silent++
		}
	}
	if r.spare >= 0 && silent <= len(idle) {
		r.idle = idle
	}
}

package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// nodes says of each node of the cluster whether it is polled.
func (r *report) nodes() {
	if len(r.clusterPorts()) == 0 {
		return // it listens or polls another cluster; other findings say so
	}
	switch err := r.API.NodesErr; {
	case errors.Is(err, octoapi.ErrForbidden):
		r.skipped(idNodes, "the nodes of the cluster were not compared with the polled addresses", "the account may not see the cluster's nodes")
		return
	case err != nil:
		r.warning(idNodes, err.Error(), "it is not known whether all nodes are polled", "").Unknown = true
		return
	}
	cover := r.coverage()
	r.lostPlaces(cover)
	if cover.Queues.State == coverage.Shared {
		r.sharedQueues(cover)
		return
	}
	r.fewAddresses(cover)
	for _, n := range cover.Nodes {
		r.node(cover, n)
	}
	r.unproved(cover)
	r.superfluous(cover)
}

// sharedQueues reports a cluster of which it is enough to poll one node.
func (r *report) sharedQueues(cover coverage.Result) {
	var answer []string
	for _, p := range cover.Places {
		if p.Serves() {
			answer = append(answer, p.URL)
		}
	}
	const enough = "the nodes share their queues, so one address is enough"
	unasked := list(cover.Queues.Unasked)
	switch {
	case len(answer) == 0 && slices.ContainsFunc(cover.Places, func(p coverage.Place) bool { return p.Answers && p.Mute }):
		r.warning(idNodes, "it is not known whether a node is polled: no address says that it accepts this Tentacle", enough, "").Unknown = true
	case len(answer) == 0:
		r.problem(idNodes, "no address answers and accepts this Tentacle: no node is polled", enough+", but there is none", "")
	case unasked == "":
		r.ok(idNodes, "%s: %s", enough, list(answer))
	case (len(answer) == 1 || len(cover.Places) < len(cover.Working())) && !cover.Proved():
		r.warning(idNodes, "the nodes share their queues, but that is not known of "+unasked,
			fmt.Sprintf("a node that does not share its queues has to be polled: only %s %s"+nextLine+"make its web port reachable from here, or look at its configuration", list(answer), areOrIs(len(answer))), "")
	default:
		r.ok(idNodes, "%s: %s (that is not known of %s)", enough, list(answer), unasked)
	}
}

// node reports one node of the cluster, unless nothing is known about it.
func (r *report) node(cover coverage.Result, n coverage.Node) {
	state, polled := stateOf(n.Node), n.Name+" is polled"
	if len(n.PolledAt) > 0 {
		polled += " at " + list(n.PolledAt)
	}
	var f *Finding
	switch {
	case n.Offline && len(n.PolledAt) > 0:
		return // it is cut off, which has a finding
	case len(n.Proof) > 0 && state == "":
		f = r.ok(idNodes, "%s (%s)", polled, proofOf(n))
	case len(n.Proof) > 0:
		f = r.ok(idNodes, "%s (%s); it %s", polled, proofOf(n), state)
	case n.Unpolled && state == "":
		f = r.missed(cover, n.Name+" is not polled", r.whyUnpolled(cover, n), r.pollMissing(cover))
		r.notComplete(guesses)
	case n.Unpolled:
		f = r.warning(idNodes, n.Name+" is not polled; it "+state, "once it hands out work again, work queued on it waits forever", r.pollMissing(cover))
		r.notComplete(guesses)
	case state != "":
		f = r.ok(idNodes, "%s %s: it hands out no work", n.Name, state)
	default:
		return // a proof is missing, which has a finding
	}
	f.Node = n.Name
	if polled := len(n.Proof) > 0; polled || n.Unpolled {
		f.Polled = &polled
	}
	if len(n.PolledAt) == 1 {
		f.Address = n.PolledAt[0]
	}
}

// proofOf is the simplest proof that a node is polled.
func proofOf(n coverage.Node) string {
	switch n.Proof[0] {
	case coverage.OnlyNode:
		return "the cluster has no other node"
	case coverage.WebPort:
		return "its web port says so"
	}
	if n.Checked.Completed.IsZero() {
		return "it checked the Tentacle's health"
	}
	return "it checked the Tentacle's health at " + when(n.Checked.Completed)
}

// missed reports nodes that are not polled: a problem, unless their work may be handed over by
// other nodes, which is not known.
func (r *report) missed(cover coverage.Result, what, why, fix string) *Finding {
	if cover.Queues.State == coverage.Unknown {
		return r.warning(idNodes, what, why+nextLine+cover.Queues.Why, fix)
	}
	return r.problem(idNodes, what, why, fix)
}

// whyUnpolled is why a node is not polled, as far as that is known.
func (r *report) whyUnpolled(cover coverage.Result, n coverage.Node) string {
	why := waitsForever
	for _, p := range cover.Places {
		if p.Answers && p.Node != "" && coverage.Alike(p.URL, n.Name) {
			return why + nextLine + p.URL + " leads to " + p.Node + ": " + lookAtNames
		}
	}
	gone := func(p coverage.Place) bool { return p.Lost == coverage.NotListed }
	broken := func(p coverage.Place) bool { return !p.Answers }
	switch {
	case slices.ContainsFunc(cover.Places, gone):
		why += nextLine + "perhaps it took the place of a node that is gone"
	case !slices.ContainsFunc(cover.Places, broken):
		why += nextLine + "each address leads to another node"
	}
	return why
}

// fewAddresses reports nodes of which it is known only how many are not polled.
func (r *report) fewAddresses(cover coverage.Result) {
	working := cover.Working()
	why := strings.Join(append([]string{waitsForever}, doubts(cover, r.Ports)...), nextLine)
	if len(cover.Places) == 1 {
		why = waitsForever + nextLine + "a load balancer does not help, because each connection reaches only one node, unless the nodes share their queues (Octopus Server 2026.4 or later with Redis)"
	}
	switch {
	case cover.Named():
	case cover.Balanced && cover.Proved():
		r.warning(idNodes, fmt.Sprintf("%d nodes were reached through %s", len(working), plural.Of(cover.Answering(), "address", "addresses")),
			"something spreads the connections over the nodes: after the next one, a node may not be polled, and work queued on it waits"+nextLine+
				"poll each node at an address of its own, or share the queues (Octopus Server 2026.4 or later with Redis)", r.pollMissing(cover))
		r.notComplete(guesses)
	case cover.Balanced || cover.Unpolled > 0:
		addresses := len(working) - cover.Unpolled
		if cover.Balanced {
			addresses = cover.Answering()
		}
		what := fmt.Sprintf("only %s polled for the %d nodes that hand out work: %s", plural.Of(addresses, "address is", "addresses are"), len(working), namesOf(working))
		if addresses == 0 {
			what = "no address is left for a node that hands out work: " + namesOf(working)
		}
		r.missed(cover, what, why, r.pollMissing(cover))
		r.notComplete(guesses)
	}
	if len(cover.Drained) > 0 {
		r.warning(idNodes, "no address is left for a drained node: "+namesOf(cover.Drained), "once it hands out work again, "+waitsForever, r.pollMissing(cover))
		r.notComplete(guesses)
	}
}

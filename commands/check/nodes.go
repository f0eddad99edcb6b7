package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
		r.warning(idNodes, err.Error(), "it is not known whether all nodes are polled", "")
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
		if p.Answers && p.Trust != octoapi.NotTrusted {
			answer = append(answer, p.URL)
		}
	}
	const enough = "the nodes share their queues, so one address is enough"
	unasked := strings.Join(cover.Queues.Unasked, ", ")
	switch {
	case len(answer) == 0:
		r.problem(idNodes, "no node is polled: no address answers", enough+", but none of those polled answers and accepts this Tentacle", "")
	case unasked == "":
		r.ok(idNodes, "%s: %s", enough, list(answer))
	case len(answer) == 1 && !cover.Proved():
		r.warning(idNodes, "the nodes share their queues, but whether "+unasked+" does, too, is not known",
			"a node that does not share its queues has to be polled: only "+answer[0]+" is\nmake its web port reachable from here, or look at its configuration", "")
	default:
		r.ok(idNodes, "%s: %s (whether %s shares them, too, is not known)", enough, list(answer), unasked)
	}
}

// node reports one node of the cluster, unless nothing is known about it.
func (r *report) node(cover coverage.Result, n coverage.Node) {
	state := stateOf(n.Node)
	polled := ""
	if len(n.PolledAt) > 0 {
		polled = " at " + list(n.PolledAt)
	}
	of := Finding{Node: n.Name}
	if len(n.PolledAt) == 1 {
		of.Address = n.PolledAt[0]
	}
	var f *Finding
	switch {
	case n.Offline && len(n.PolledAt) > 0: // it is cut off, which has a finding
		return
	case len(n.Proof) > 0 && state == "":
		f = r.ok(idNodes, "%s is polled%s (%s)", n.Name, polled, proofOf(n))
	case len(n.Proof) > 0:
		f = r.ok(idNodes, "%s is polled%s (%s); it %s", n.Name, polled, proofOf(n), state)
	case n.Unpolled && state == "":
		why, fix := r.whyUnpolled(cover, n), r.pollMissing(cover)
		f = r.missed(cover, n.Name+" is not polled", why, fix)
		r.notComplete(guesses)
	case n.Unpolled:
		f = r.warning(idNodes, n.Name+" is not polled; it "+state, "when maintenance ends, work queued on it waits forever", r.pollMissing(cover))
		r.notComplete(guesses)
	case state != "":
		f = r.ok(idNodes, "%s %s: it hands out no work", n.Name, state)
	default:
		return // one of the proofs that are missing
	}
	f.Node, f.Address = of.Node, of.Address
}

// stateOf says why a node hands out no work; "" for one that does.
func stateOf(n octoapi.Node) string {
	switch {
	case n.Offline && !n.LastSeen.IsZero():
		return "is offline, last seen at " + when(n.LastSeen)
	case n.Offline:
		return "is offline"
	case n.WebOnly:
		return "runs no tasks"
	case n.InMaintenanceMode:
		return "is in maintenance"
	}
	return ""
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

// when is a time as it is printed.
func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// missed reports nodes that are not polled: a problem, unless their work may be handed over by
// other nodes, which is not known.
func (r *report) missed(cover coverage.Result, what, why, fix string) *Finding {
	if cover.Queues.State == coverage.Unknown {
		return r.warning(idNodes, what, why+"\n"+cover.Queues.Why, fix)
	}
	return r.problem(idNodes, what, why, fix)
}

const waitsForever = "work queued on a node that is not polled waits forever"

// whyUnpolled is why a node is not polled, as far as that is known.
func (r *report) whyUnpolled(cover coverage.Result, n coverage.Node) string {
	why := waitsForever
	for _, p := range cover.Places {
		if p.Answers && p.Node != "" && coverage.Alike(p.URL, n.Name) {
			return why + "\n" + p.URL + " leads to " + p.Node + ": " + lookAtNames
		}
	}
	if r.anyLost(cover, coverage.NotListed) {
		return why + "\nperhaps it took the place of a node that is gone"
	}
	if r.allAnswering(cover) {
		why += "\neach address leads to another node"
	}
	return why
}

const lookAtNames = "look at DNS, the hosts file, NAT rules and load balancers"

func (r *report) anyLost(cover coverage.Result, lost coverage.Lost) bool {
	for _, p := range cover.Places {
		if p.Lost == lost {
			return true
		}
	}
	return false
}

func (r *report) allAnswering(cover coverage.Result) bool {
	for _, p := range cover.Places {
		if !p.Answers {
			return false
		}
	}
	return true
}

// fewAddresses reports nodes of which it is known only how many are not polled.
func (r *report) fewAddresses(cover coverage.Result) {
	working := cover.Working()
	why := strings.Join(append([]string{waitsForever}, r.doubts(cover)...), "\n")
	if len(cover.Places) == 1 {
		why = waitsForever + "\na load balancer does not help, because each connection reaches only one node, unless the nodes share their queues (Octopus Server 2026.4 or later with Redis)"
	}
	switch {
	case cover.Named():
	case cover.Balanced && cover.Proved():
		r.warning(idNodes, fmt.Sprintf("%s, and %d nodes were reached through so few", answering(cover), len(working)),
			"something spreads the connections over the nodes: after the next one, a node may not be polled, and work queued on it waits\n"+
				"poll each node at an address of its own, or share the queues (Octopus Server 2026.4 or later with Redis)", r.pollMissing(cover))
		r.notComplete(guesses)
	case cover.Balanced:
		r.missed(cover, fmt.Sprintf("%s, and %d nodes hand out work: %s", answering(cover), len(working), namesOf(working)), why, r.pollMissing(cover))
		r.notComplete(guesses)
	case cover.Unpolled > 0:
		most := len(working) - cover.Unpolled
		r.missed(cover, fmt.Sprintf("at most %d of the %d nodes that hand out work %s polled: %s", most, len(working), areOrIs(most), namesOf(working)),
			why, r.pollMissing(cover))
		r.notComplete(guesses)
	}
	if len(cover.Drained) > 0 {
		r.warning(idNodes, "no address is left for a node in maintenance: "+namesOf(cover.Drained), "when maintenance ends, "+waitsForever, r.pollMissing(cover))
		r.notComplete(guesses)
	}
}

func areOrIs(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// answering counts the addresses that answer.
func answering(cover coverage.Result) string {
	n := 0
	for _, p := range cover.Places {
		if p.Answers {
			n++
		}
	}
	return plural.Of(n, "address answers", "addresses answer")
}

func namesOf(nodes []coverage.Node) string {
	names := make([]string, len(nodes))
	for i, node := range nodes {
		names[i] = node.Name
	}
	return strings.Join(names, ", ")
}

// unproved reports the nodes of which it is not known whether they are polled: what would prove it.
func (r *report) unproved(cover coverage.Result) {
	if cover.Unpolled > 0 && !cover.Named() {
		return // they have a finding
	}
	working := cover.Working()
	proved := 0
	var missing []coverage.Node
	for _, n := range working {
		switch {
		case len(n.Proof) > 0:
			proved++
		case !n.Unpolled:
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return
	}
	why, fix := r.whyUnproved(cover, missing)
	f := r.warning(idNodes, fmt.Sprintf("%d of %s that %s out work %s proved to be polled; not proved: %s",
		proved, plural.Of(len(working), "node", "nodes"), handOrHands(len(working)), areOrIs(proved), namesOf(missing)), why, fix)
	if len(missing) == 1 {
		f.Node = missing[0].Name
	}
}

func handOrHands(nodes int) string {
	if nodes == 1 {
		return "hands"
	}
	return "hand"
}

// whyUnproved is which evidence is missing, and the command that gets it.
func (r *report) whyUnproved(cover coverage.Result, missing []coverage.Node) (why, fix string) {
	var lines []string
	waiting := false // for nothing but a proof
	for _, n := range missing {
		switch broken := brokenAddresses(cover, n); {
		case len(broken) > 0:
			lines = append(lines, n.Name+" seems to be at "+list(broken)+", where it does not answer")
		case n.Accepted == octoapi.NotTrusted:
			lines = append(lines, n.Name+" refuses this Tentacle at "+list(n.PolledAt))
		default:
			waiting = true
		}
	}
	if !waiting {
		return strings.Join(lines, "\n"), ""
	}
	lines = append(lines, r.doubts(cover)...)
	const nothing = ", so a health check proves nothing: any node may hand over its work"
	switch {
	case cover.Queues.State == coverage.PartlyShared:
		lines = append(lines, "some of the nodes share their queues"+nothing)
	case cover.Queues.State != coverage.NotShared:
		lines = append(lines, cover.Queues.Why+nothing)
	case r.mayBeCopied():
		lines = append(lines, "a health check proves nothing: another Tentacle may have done the work")
	case len(r.identity().own) > 0:
		lines = append(lines, "a health check that the node runs is a proof, too: the command starts some")
		fix = r.Tentacle.Command("check", append(r.server(), "--prove")...)
	}
	return strings.Join(lines, "\n"), fix
}

// brokenAddresses are those that do not answer and seem to be a node's.
func brokenAddresses(cover coverage.Result, n coverage.Node) (broken []string) {
	for _, p := range cover.Places {
		if !p.Answers && slices.Contains(n.Perhaps, p.URL) {
			broken = append(broken, p.URL)
		}
	}
	return broken
}

// doubts are why the web ports of the hosts prove nothing, a line each.
func (r *report) doubts(cover coverage.Result) (lines []string) {
	for _, p := range cover.Places {
		if text := r.doubt(p); text != "" && !slices.Contains(lines, text) {
			lines = append(lines, text)
		}
	}
	return lines
}

// doubt is why it is not known which node is at an address.
func (r *report) doubt(p coverage.Place) string {
	switch p.Doubt {
	case coverage.NoName:
		if err := r.portAt(p.URL).HostErr; err != nil {
			return p.URL + ": its host does not say which node it is: " + err.Error()
		}
		return p.URL + ": its host was not asked which node it is"
	case coverage.NotVerified:
		return fmt.Sprintf("%s: its host says that it is %s, but the certificate of its web port is not trusted", p.URL, p.Host.Node.Name)
	case coverage.SharedHost:
		return "several addresses have one host, whose web port does not tell the nodes behind them apart"
	case coverage.OtherHost:
		return fmt.Sprintf("%s: its host says that it is %s, but at another IP address (%s, not %s)", p.URL, p.Host.Node.Name, p.Host.Remote, p.Remote)
	case coverage.FrontDoor:
		return "several hosts have one web port, as behind a load balancer: it does not tell the nodes apart"
	case coverage.OneForAll:
		return fmt.Sprintf("%s: its host says that it is %s, but a load balancer says so, too", p.URL, p.Host.Node.Name)
	}
	return ""
}

// superfluous reports addresses that may lead to no node, where there are more of them than nodes.
func (r *report) superfluous(cover coverage.Result) {
	var dead, unknown []string
	places := 0 // different ones
	for i, p := range cover.Places {
		switch {
		case p.Lost == coverage.NotListed || slices.ContainsFunc(cover.Places[:i], p.IsAt):
			continue
		case p.Silent && p.Perhaps == "":
			dead = append(dead, p.URL)
		case p.Answers && p.Node == "":
			unknown = append(unknown, p.URL)
		}
		places++
	}
	surplus := places - len(cover.Nodes)
	if surplus <= 0 || len(dead)+len(unknown) == 0 {
		return
	}
	what := fmt.Sprintf("%s polled, and the cluster has %s",
		plural.Of(len(cover.Places), "address is", "addresses are"), plural.Of(len(cover.Nodes), "node", "nodes"))
	nowhere := func(n coverage.Node) bool { return len(n.PolledAt) == 0 }
	suspects := append(dead, unknown...)
	if len(dead) > 0 {
		suspects = dead
	}
	fix := ""
	if len(suspects) <= surplus {
		fix = r.Tentacle.Command("remove-server", suspects...)
		what += ": " + list(suspects) + " may be superfluous"
	}
	why := "an address may be that of a node that is gone, or a second one of another node"
	if len(dead) > 0 && fix != "" && !slices.ContainsFunc(cover.Nodes, nowhere) {
		why = "each node is polled at another address: here the Tentacle tries in vain, and logs that every two minutes"
	}
	f := r.warning(idNodes, what, why, fix)
	if len(suspects) == 1 {
		f.Address = suspects[0]
	}
	r.notComplete("only if no node will be there again")
}

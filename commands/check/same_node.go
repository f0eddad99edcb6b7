package check

import (
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
)

// sameNodes reports addresses that lead to one node. That takes no credentials.
func (r *report) sameNodes() {
	clusters := r.CoverageUnasked()
	if r.Server != "" && r.API.Err == nil {
		clusters = append([]coverage.Result{r.coverage()}, clusters...)
	}
	for _, cover := range clusters {
		for _, same := range cover.Same {
			r.sameNode(cover, same)
		}
	}
}

func (r *report) sameNode(cover coverage.Result, same coverage.SameNode) {
	what, all := list(same.Addresses)+" are one node", "all"
	if same.Node != "" {
		what += ", " + same.Node
	}
	if len(same.Addresses) == 2 {
		all = "both"
	}
	switch {
	case same.Remote != "":
		what += fmt.Sprintf(": %s end at %s", all, same.Remote)
	case len(cover.Nodes) == 1:
		what += ": the cluster has no other"
	default:
		what += fmt.Sprintf(": the web ports of %s hosts say so", all)
	}
	var f *Finding
	switch {
	case cover.Enough() && len(cover.Queues.Unasked) > 0 && !cover.Proved():
		f = r.warning(idSameNode, what, "the nodes share their queues, so one is enough, but that is not known of "+list(cover.Queues.Unasked), "")
	case cover.Enough():
		f = r.ok(idSameNode, "%s; the nodes share their queues, so one is enough", what)
	case cover.Balanced && cover.Proved():
		f = r.warning(idSameNode, what, "which nodes are reached is up to a load balancer", "")
	case cover.Proved():
		f = r.warning(idSameNode, what, "every node that hands out work is polled, this one more than once: one address is enough",
			r.Tentacle.Command("remove-server", extra(same)...))
	default:
		f = r.problem(idSameNode, what, "so another node is perhaps polled at no address: "+lookAtNames, "")
	}
	f.Node = same.Node
}

// extra are the addresses of a node without one: that which is called like it, or the first.
func extra(same coverage.SameNode) []string {
	keep := max(0, slices.IndexFunc(same.Addresses, func(a string) bool { return coverage.Alike(a, same.Node) }))
	return slices.Delete(slices.Clone(same.Addresses), keep, keep+1)
}

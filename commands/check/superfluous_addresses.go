package check

import (
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
)

// superfluous reports that there are more addresses than nodes, and which of them may lead to none.
func (r *report) superfluous(cover coverage.Result) {
	var dead, unknown []string
	ends := map[string]bool{}
	for _, p := range cover.Places {
		switch {
		case p.Lost == coverage.NotListed || ends[p.End()]:
			continue
		case p.Silent && p.Perhaps == "":
			dead = append(dead, p.URL)
		case p.Answers && p.Node == "":
			unknown = append(unknown, p.URL)
		}
		ends[p.End()] = true
	}
	surplus := len(ends) - len(cover.Nodes)
	if surplus <= 0 || len(dead)+len(unknown) == 0 {
		return
	}
	what := fmt.Sprintf("%s polled, and the cluster has %s",
		plural.Of(len(cover.Places), "address is", "addresses are"), plural.Of(len(cover.Nodes), "node", "nodes"))
	suspects := dead
	if len(dead) == 0 {
		suspects = unknown
	}
	if len(suspects) > surplus {
		r.warning(idNodes, what, "an address may be that of a node that is gone, or a second one of another node", "")
		return
	}
	why := "it may be the address of a node that is gone, or a second one of another node"
	unknownNode := func(n coverage.Node) bool { return len(n.PolledAt) == 0 }
	if len(dead) > 0 && !slices.ContainsFunc(cover.Nodes, unknownNode) {
		why = "each node is polled at another address: here the Tentacle gets no answer, and logs that every two minutes"
	}
	f := r.warning(idNodes, what+": "+list(suspects)+" may be superfluous", why, r.Tentacle.Command("remove-server", suspects...))
	if len(suspects) == 1 {
		f.Address = suspects[0]
	}
	r.notComplete("only if no node will be there again")
}

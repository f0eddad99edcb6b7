package check

import (
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
)

// lostPlaces reports addresses that lead to a node from which no work comes: one that is not of the
// cluster, or that is cut off from it.
func (r *report) lostPlaces(cover coverage.Result) {
	for _, p := range cover.Places {
		var f *Finding
		switch p.Lost {
		case coverage.NotLost:
			continue
		case coverage.NotListed:
			f = r.goneNode(cover, p)
		case coverage.CutOff:
			f = r.warning(idNodes, fmt.Sprintf("%s leads to %s, which %s", p.URL, p.Node, stateOf(cover.NodeCalled(p.Node).Node)),
				"it answers here, but the cluster does not hear of it: it hands out no work until it reaches the database", "")
		}
		f.Address, f.Node = p.URL, p.Node
	}
}

// goneNode reports an address of a node that is not of the cluster. Where another node is not
// polled, that is no longer a matter of tidiness.
func (r *report) goneNode(cover coverage.Result, p coverage.Place) *Finding {
	what := fmt.Sprintf("%s leads to %s, which is no node of the cluster", p.URL, p.Node)
	why := "the node was removed or replaced, and its process still runs: no work comes from there"
	fix := ""
	if len(cover.Places) > 1 {
		fix = r.Tentacle.Command("remove-server", p.URL)
	}
	var f *Finding
	if cover.Unpolled > 0 {
		f = r.missed(cover, what, why, fix)
	} else {
		f = r.warning(idNodes, what, why, fix)
	}
	r.notComplete("only if " + p.Node + " is gone for good")
	return f
}

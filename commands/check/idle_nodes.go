package check

import (
	"errors"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// idleNode describes the node at an address where nothing responds, if that is one which hands out
// no work: then nothing is missed, as during its maintenance. "" where work may be missed, or where
// that is not known.
func (r *report) idleNode(p Port) string {
	place, known := r.places()[p.Address]
	if !known {
		return "" // of another cluster
	}
	cover := r.coverage()
	var states []string
	for _, node := range cover.Idle(place) {
		states = append(states, node.Name+" "+stateOf(node))
	}
	return strings.Join(states, ", ")
}

// isOneOfSeveral says whether nothing is missed at an address where nothing responds, since the
// nodes share their queues, and another address answers.
func (r *report) isOneOfSeveral(p Port) bool {
	cover := r.coverage()
	return r.places()[p.Address].Silent && cover.Enough()
}

// whyOneIsEnough is why that is so, as far as it is known: a node that is down cannot be asked.
func (r *report) whyOneIsEnough(p Port) string {
	host := hostOf(p.Address)
	if slices.ContainsFunc(r.coverage().Queues.Unasked, func(unasked string) bool { return strings.EqualFold(unasked, host) }) {
		return "no work waits there if this node shares its queues as the others do: another address answers"
	}
	return "no work waits there: the nodes share their queues, and another address answers"
}

func silent(p Port) bool {
	failure, is := errors.AsType[*octoapi.PortError](p.Err)
	return is && failure.Silent()
}

package check

import (
	"errors"
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

func silent(p Port) bool {
	failure, is := errors.AsType[*octoapi.PortError](p.Err)
	return is && failure.Silent()
}

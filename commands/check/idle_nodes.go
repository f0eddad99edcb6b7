package check

import (
	"errors"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// idleNode describes the node at an address where nothing responds, if that is one which hands out
// no work: then nothing is missed, as during its maintenance. "" where work may be missed, or where
// that is not known.
//
// Which node is there is known if they are called alike. Else it is enough that all nodes that hand
// out work may be at the addresses that respond, and that the others are no more than the rest.
func (r *report) idleNode(p Port) string {
	polled := r.clusterAddresses()
	if !silent(p) || !tentacleconfig.ContainsAddress(polled, p.Address) {
		return ""
	}
	var idle []string
	working := 0
	for _, node := range r.API.Nodes {
		alike := strings.EqualFold(firstLabel(hostOf(p.Address)), firstLabel(node.Name))
		switch {
		case node.TakesTasks() && alike:
			return ""
		case node.TakesTasks():
			working++
		case alike:
			return idleState(node)
		default:
			idle = append(idle, idleState(node))
		}
	}
	responding, dead := 0, 0
	for _, port := range r.Ports {
		switch {
		case !tentacleconfig.ContainsAddress(polled, port.Address):
		case silent(port):
			dead++
		case port.Err == nil:
			responding++
		}
	}
	if responding < working || dead > len(idle) {
		return ""
	}
	return strings.Join(idle, ", ")
}

func silent(p Port) bool {
	failure, is := errors.AsType[*octoapi.PortError](p.Err)
	return is && failure.Silent()
}

// idleState says why a node hands out no work.
func idleState(node octoapi.Node) string {
	switch {
	case node.Offline:
		return node.Name + " is offline"
	case node.InMaintenanceMode:
		return node.Name + " is in maintenance"
	}
	return node.Name + " runs no tasks"
}

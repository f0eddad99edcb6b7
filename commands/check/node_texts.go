package check

import (
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// What several findings about nodes say.

const waitsForever = "work queued on a node that is not polled waits forever"

const lookAtNames = "look at DNS, the hosts file, NAT rules and load balancers"

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
		return "is drained"
	}
	return ""
}

// when is a time as it is printed.
func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func areOrIs(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func namesOf(nodes []coverage.Node) string {
	names := make([]string, len(nodes))
	for i, node := range nodes {
		names[i] = node.Name
	}
	return strings.Join(names, ", ")
}

// list is "a", "a and b" or "a, b and c".
func list(texts []string) string {
	if len(texts) < 2 {
		return strings.Join(texts, "")
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " and " + texts[last]
}

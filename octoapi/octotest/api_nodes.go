package octotest

import (
	"net/http"
	"strconv"
	"time"
)

// serverNodes are the nodes as the API lists them (OctopusClients,
// OctopusServerNodeSummaryResource.cs).
func (c *Cluster) serverNodes() []object {
	var list []object
	for i := range c.allNodes() {
		c.mu.Lock()
		s := c.members[i+1]
		c.mu.Unlock()
		seen, tasks := time.Now().UTC(), 5
		if s.Offline {
			seen = seen.Add(-time.Hour)
		}
		if s.WebOnly {
			tasks = 0
		}
		name := nodeName(i + 1)
		list = append(list, object{"Id": "OctopusServerNodes-" + name, "Name": name, "IsInMaintenanceMode": s.Maintenance,
			"IsOffline": s.Offline, "MaxConcurrentTasks": tasks, "LastSeen": seen.Format(time.RFC3339)})
	}
	return list
}

// nodeName is the name of node n, from 1.
func nodeName(n int) string { return "node" + strconv.Itoa(n) }

// nameNode names the node that answers, unless something else does.
func (c *Cluster) nameNode(w http.ResponseWriter, f APIFault) {
	if c.options.NoNodeHeader || f.HTML || f.RedirectTo != "" || f.NotOctopus {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Octopus-Node", nodeName(max(c.behind, 1)))
}

func (c *Cluster) redis() answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.shared {
		return notFound()
	}
	return answer{http.StatusOK, object{"IsEnabled": true, "IsConfigured": true, "IsReachable": true}}
}

package octotest

import (
	"net/http"
	"strconv"
	"time"
)

// serverNodes are the nodes as the API lists them (OctopusClients,
// OctopusServerNodeSummaryResource.cs).
func (c *Cluster) serverNodes() []object {
	list := []object{}
	for i := range c.allNodes() {
		if one, listed := c.serverNode(i + 1); listed {
			list = append(list, one)
		}
	}
	return list
}

// serverNode is node n, from 1, as the API tells it; it may be one that is not listed.
func (c *Cluster) serverNode(n int) (told object, listed bool) {
	c.mu.Lock()
	s := c.members[n]
	c.mu.Unlock()
	seen, tasks := c.now(), 5
	if s.Offline {
		seen = seen.Add(-time.Hour)
	}
	if s.WebOnly {
		tasks = 0
	}
	name := nodeName(n)
	return object{"Id": nodeID(n), "Name": name, "IsInMaintenanceMode": s.Maintenance,
		"IsOffline": s.Offline, "MaxConcurrentTasks": tasks, "LastSeen": seen.Format(time.RFC3339)}, !s.Gone
}

// nodeName is the name of node n, from 1.
func nodeName(n int) string { return "node" + strconv.Itoa(n) }

func nodeID(n int) string { return "OctopusServerNodes-" + nodeName(n) }

// ping is what a node says about itself to everybody (octopus.com/docs, Load balancers).
func (c *Cluster) ping(n int) answer {
	if c.options.NoNodeHeader {
		return notFound()
	}
	told, _ := c.serverNode(n)
	told["Version"] = version
	status := http.StatusOK
	if told["IsInMaintenanceMode"] == true || told["IsOffline"] == true {
		status = http.StatusTeapot
	}
	return answer{status, told}
}

// nameNode names the node that answers, unless something else does.
func (c *Cluster) nameNode(w http.ResponseWriter, f APIFault, n int) {
	if c.options.NoNodeHeader || f.HTML || f.RedirectTo != "" || f.NotOctopus {
		return
	}
	w.Header().Set("Octopus-Node", nodeName(n))
}

// redis is what node n, from 1, says about its queues.
func (c *Cluster) redis(n int) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	status := c.queueStatus[n]
	switch {
	case status == 0 && c.shared, status == http.StatusOK:
		return answer{http.StatusOK, object{"IsEnabled": true, "IsConfigured": true, "IsReachable": true}}
	case status == 0, status == http.StatusNotFound:
		return notFound()
	}
	return failure(status, "There was a problem with your request.")
}

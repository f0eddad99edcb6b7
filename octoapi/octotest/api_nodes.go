package octotest

import (
	"net"
	"net/http"
	"strconv"
	"strings"
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

// nodeAPI is the API at a node's own host.
type nodeAPI struct {
	server *http.Server
	shares bool
}

// SetNodeQueues gives node n, from 1, an API at its own host, on the port of the cluster's, and
// says whether that node shares its queues; for the others it is as before. The error is that of
// the operating system when the address cannot be had.
func (c *Cluster) SetNodeQueues(n int, shared bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if own, is := c.nodeAPIs[n]; is {
		own.shares = shared
		return nil
	}
	_, port, err := net.SplitHostPort(c.apiAddr)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(c.options.Host(n), port))
	if err != nil {
		return err
	}
	own := &nodeAPI{shares: shared}
	own.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		shares := own.shares
		c.mu.Unlock()
		if shares || !strings.HasSuffix(r.URL.Path, "/serverstatus/redis") {
			c.serveAPI(w, r)
			return
		}
		c.log.add(Request{Method: r.Method, Path: r.URL.RequestURI(), Status: http.StatusNotFound, Credential: credentials(r)})
		c.write(w, notFound(), APIFault{})
	})}
	c.nodeAPIs[n] = own
	go func() { _ = own.server.Serve(l) }()
	return nil
}

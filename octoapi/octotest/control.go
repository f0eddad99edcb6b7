package octotest

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
)

// SetServerNode makes the API say something else of node n, from 1.
func (c *Cluster) SetServerNode(n int, s ServerNode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[n] = s
}

// SetSharedQueues makes the nodes share their queues through Redis, or not.
func (c *Cluster) SetSharedQueues(shared bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shared = shared
}

// AddNode starts another node and returns its comms address. The error is that of the operating
// system when the address cannot be had.
func (c *Cluster) AddNode() (address string, err error) {
	nodes := c.allNodes()
	host, port, err := net.SplitHostPort(nodes[0].address)
	if err != nil {
		return "", err
	}
	// The next loopback address, where each node has one of its own; else, as on macOS, any port.
	if next := c.options.Host(len(nodes) + 1); next != host {
		host = next
	} else {
		port = "0"
	}
	n, err := c.openNode(net.JoinHostPort(host, port))
	if err != nil {
		return "", err
	}
	return "https://" + n.address, nil
}

// Renew gives the cluster a new certificate: the API tells it, and the nodes, from 1, present it;
// without any, all do. The others keep theirs, like a node that was not restarted yet.
func (c *Cluster) Renew(nodes ...int) error {
	renewed, err := selfSigned("Octopus Portal")
	if err != nil {
		return err
	}
	c.mu.Lock()
	old := c.cert
	c.cert = renewed
	c.mu.Unlock()
	for i, n := range c.allNodes() {
		n.mu.Lock()
		switch {
		case len(nodes) == 0 || slices.Contains(nodes, i+1):
			n.own = nil
		case n.own == nil:
			n.own = &old
		}
		n.mu.Unlock()
	}
	return nil
}

// Machine is a deployment target or a worker, for AddMachine.
type Machine struct {
	Space        string // ID, name or slug; "" is the default one
	Worker       bool
	Name         string
	Thumbprint   string // the Tentacle's
	Subscription string // "" for one that listens
	Disabled     bool
	Health       string // "" is Healthy
}

// AddMachine registers a deployment target or worker, or changes the one of that name in that
// space, as a person does in the web portal.
func (c *Cluster) AddMachine(m Machine) error {
	i := slices.IndexFunc(c.store.spaces, func(s space) bool {
		return m.Space == s.id || m.Space == s.name || m.Space == s.slug || m.Space == "" && s.isDefault
	})
	if i < 0 {
		return fmt.Errorf("the cluster has no space %s", m.Space)
	}
	s := c.store.spaces[i]
	if m.Name == "" || m.Thumbprint == "" {
		return errors.New("a deployment target or worker has a name and a thumbprint")
	}
	kind, prefix := "machines", "Machines"
	if m.Worker {
		kind, prefix = "workers", "Workers"
	}
	endpoint := object{"CommunicationStyle": "TentacleActive", "Thumbprint": m.Thumbprint, "Uri": m.Subscription}
	if m.Subscription == "" {
		endpoint["CommunicationStyle"], endpoint["Uri"] = "TentaclePassive", "https://"+m.Name+":10933/"
	}
	item := object{"Name": m.Name, "IsDisabled": m.Disabled, "HealthStatus": cmp.Or(m.Health, "Healthy"), "Endpoint": endpoint}
	if m.Worker {
		item["WorkerPoolIds"] = []string{s.lists["workerpools"][0]["Id"].(string)}
	} else {
		item["EnvironmentIds"], item["Roles"] = []string{s.lists["environments"][0]["Id"].(string)}, []string{"web-server"}
	}
	key, self := s.id+"/"+kind, c.link(s.id+"/"+kind)
	for _, old := range c.store.list(key) {
		if old["Name"] == m.Name {
			c.store.replace(key, old["Id"].(string), self, item)
			return nil
		}
	}
	c.store.add(key, prefix, self, item)
	return nil
}

// SetNodeFault gives node n, from 1, a fault, or takes it away. A port that was closed and cannot
// be opened again is an error.
func (c *Cluster) SetNodeFault(n int, f NodeFault) error { return c.allNodes()[n-1].setFault(f) }

// SetAPIFault gives the API a fault, or takes it away.
func (c *Cluster) SetAPIFault(f APIFault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault, c.served = f, 0
}

// SetHealthCheck says how health checks end from now on: Success, Failed,
// Canceled or TimedOut.
func (c *Cluster) SetHealthCheck(state string) {
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	c.tasks.ended = state
}

// AnswerTogether makes requests to these paths, told by how they end, wait for each other: none is
// answered before all have arrived, or their clients give up. So a client that asks for one after
// the other never gets an answer. It holds for the first request to each path.
func (c *Cluster) AnswerTogether(paths ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.together = &gathering{missing: slices.Clone(paths), all: make(chan struct{})}
}

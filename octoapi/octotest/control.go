package octotest

import (
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/testcertificate"
)

// SetServerNode makes the API say something else of node n, from 1.
func (c *Cluster) SetServerNode(n int, s ServerNode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[n] = s
}

// SetAPINode puts node n, from 1, behind the API's address, or, with EachNode, the next one for
// each connection; in the beginning it is the first.
func (c *Cluster) SetAPINode(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind = n
}

// SetNodeQueues says with which status node n, from 1, answers about its queues: 200 shares them,
// 404 does not, with another one it is not known. With 0, that is as in the whole cluster.
func (c *Cluster) SetNodeQueues(n, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queueStatus[n] = status
}

// SetClock sets the API's clock ahead.
func (c *Cluster) SetClock(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = ahead
}

// now is the time by the API's clock.
func (c *Cluster) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead).UTC()
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
	if next := c.options.Host(len(nodes) + 1); next != host && !c.options.NAT {
		host = next
	} else {
		port = "0"
	}
	n, err := c.openNode(net.JoinHostPort(host, port))
	if err != nil {
		return "", err
	}
	return "https://" + n.address, c.openWebPort(len(nodes) + 1)
}

// Renew gives the cluster a new certificate, which the API tells. A node presents the one that it
// had until it is restarted.
func (c *Cluster) Renew() error {
	renewed, err := testcertificate.SelfSigned("Octopus Portal")
	if err != nil {
		return err
	}
	c.mu.Lock()
	old := c.cert
	c.cert = renewed
	c.mu.Unlock()
	for _, n := range c.allNodes() {
		n.mu.Lock()
		if n.own == nil {
			n.own = &old
		}
		n.mu.Unlock()
	}
	return nil
}

// Restart restarts node n, from 1, which is down for a while: its connections end, what is queued
// in its memory is lost, and then it presents the cluster's certificate.
func (c *Cluster) Restart(n int, down time.Duration) {
	one := c.allNodes()[n-1]
	one.stop()
	time.Sleep(down)
	one.mu.Lock()
	defer one.mu.Unlock()
	one.own, one.queues, one.stopped = nil, nil, false
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

// SetForbidden makes the account lack the permission for what it is asked about: a method and a
// path with its query. The answer, 403, does not name it, as that of an Octopus Server often does.
// Nil permits everything.
func (c *Cluster) SetForbidden(forbidden func(method, path string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forbidden = forbidden
}

// forbids says whether the account may not do what the request is for.
func (c *Cluster) forbids(r *http.Request) bool {
	c.mu.Lock()
	forbidden := c.forbidden
	c.mu.Unlock()
	return forbidden != nil && forbidden(methodOf(r), r.URL.RequestURI())
}

// AnswerTogether makes requests to these paths, told by how they end, wait for each other: none is
// answered before all have arrived, or their clients give up. So a client that asks for one after
// the other never gets an answer. It holds for the first request to each path.
func (c *Cluster) AnswerTogether(paths ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.together = &gathering{missing: slices.Clone(paths), all: make(chan struct{})}
}

// Package octotest runs an Octopus HA cluster inside the process, on loopback: a REST API and any
// number of polling ports, over real sockets and real TLS, with faults on demand. Tests use it, and
// so does `octo-tentacle demo`.
//
// It promises to answer as an Octopus Server answers the clients of this program, with the spaces,
// environments and so on of the cluster against which the recordings of Tentacle were made, and to
// remember everything it was asked.
package octotest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/octo-tentacle/octo-tentacle/internal/testcertificate"
)

// Start opens the ports. The error is that of the operating system when an address cannot be had.
func Start(o Options) (*Cluster, error) {
	cert, err := testcertificate.SelfSigned("Octopus Portal")
	if err != nil {
		return nil, err
	}
	other, err := testcertificate.SelfSigned("load-balancer.example.com")
	if err != nil {
		return nil, err
	}
	o.PageSize, o.NodeCount = cmp.Or(o.PageSize, 30), cmp.Or(o.NodeCount, 3)
	o.Path = strings.TrimRight(o.Path, "/")
	for attempt := range 64 {
		c := &Cluster{options: o.placed(attempt), cert: cert, other: other, shared: o.SharedQueues, members: map[int]ServerNode{}, webPorts: map[int]*webPort{}, queueStatus: map[int]int{}}
		c.store.init(o.ThirdSpace)
		c.store.linksTasks = !o.Recorded
		c.tasks.init(c)
		if o.Balanced {
			c.behind = EachNode
		}
		err = c.listen()
		if err == nil {
			return c, nil
		}
		c.Close()
		if o.Host != nil || o.APIAddress != "" || len(o.Nodes) > 0 || !errors.Is(err, addressInUse) {
			break
		}
	}
	return nil, fmt.Errorf("the cluster cannot be started: %w", err)
}

var clusters atomic.Int32 // started in this process

// placed fills in the addresses. Whole 127.0.0.0/8 is loopback on Linux and Windows, so that every
// process can have the usual port numbers to itself; macOS has 127.0.0.1 alone, where the ports are
// whichever are free.
func (o Options) placed(attempt int) Options {
	onlyOne := o.Host == nil && runtime.GOOS != "linux" && runtime.GOOS != "windows"
	if o.Host == nil {
		place := os.Getpid()*97 + int(clusters.Add(1)) + attempt*7919
		x, y := 100+place/150%150, 100+place%150 // all of the same length
		o.Host = func(n int) string {
			if onlyOne {
				return "127.0.0.1"
			}
			return fmt.Sprintf("127.%d.%d.%d", x, y, n)
		}
	}
	at := func(n, port int) string {
		if onlyOne {
			port = 0
		}
		return net.JoinHostPort(o.Host(n), strconv.Itoa(port))
	}
	if o.APIAddress == "" && o.Balanced {
		o.APIAddress = at(200, 8065)
	}
	if o.APIAddress == "" {
		o.APIAddress = at(1, 8065)
	}
	if len(o.Nodes) == 0 {
		for n := range o.NodeCount {
			if o.NAT {
				o.Nodes = append(o.Nodes, at(1, 10943+n))
			} else {
				o.Nodes = append(o.Nodes, at(n+1, 10943))
			}
		}
		if o.Recorded {
			o.Nodes = append(o.Nodes, at(1, 10944), at(1, 10945))
		}
	}
	return o
}

func (c *Cluster) listen() error {
	l, err := net.Listen("tcp", c.options.APIAddress)
	if err != nil {
		return err
	}
	c.apiAddr = l.Addr().String()
	c.api = newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, place{node: c.nodeBehind(r)}) }))
	c.api.ConnState, c.api.ConnContext = c.countConnections, withBalanced
	if c.options.TLS {
		if c.ca, c.caPEM, err = testcertificate.Authority("octotest CA"); err != nil {
			_ = l.Close()
			return err
		}
	}
	if l, err = c.secured(l, func() bool { return false }); err != nil {
		return err
	}
	go func() { _ = c.api.Serve(l) }()
	for _, address := range c.options.Nodes {
		if _, err := c.openNode(address); err != nil {
			return err
		}
	}
	for n := range c.options.Nodes {
		if err := c.openWebPort(n + 1); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) openNode(address string) (*node, error) {
	n := &node{address: address, latency: c.options.Latency, log: &c.log, clusterCertificate: c.certificate, otherCertificate: c.other,
		registered: c.store.thumbprints, handsOutWork: c.options.HandsOutWork}
	if err := n.open(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, n)
	return n, nil
}

// Close ends every connection and frees the ports.
func (c *Cluster) Close() {
	if c.api != nil {
		_ = c.api.Close()
	}
	for _, n := range c.allNodes() {
		n.close()
	}
	c.mu.Lock()
	ports := slices.Collect(maps.Values(c.webPorts))
	c.mu.Unlock()
	for _, p := range ports {
		p.close()
	}
}

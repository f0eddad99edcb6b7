package octotest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/testcertificate"
)

// Each node serves the API at its own host, too, on the port of the API's address, and names itself
// there. Where several nodes have one host, none of them has it; at the host of the API's address
// there is the API.

// WebPort is what is wrong with the web port of a node. The zero value is one that serves the API.
type WebPort struct {
	Closed     bool // nothing listens
	As         int  // it names another node, from 1; 0: its own
	SelfSigned bool // its certificate is one that nobody trusts; with Options.TLS
	NotOctopus bool // a web server that knows no page
}

// webPort is the web port at a node's own host.
type webPort struct {
	cluster *Cluster
	node    int // from 1
	address string

	mu     sync.Mutex
	state  WebPort
	server *http.Server // nil while it is closed
}

// errNoWebPort says that a node has no web port of its own.
var errNoWebPort = errors.New("has no web port of its own: the API's address, or another node, has the same host")

// SetWebPort gives the web port of node n, from 1, a fault, or takes it away. The error says that
// the node has none, or is that of the operating system when the port cannot be opened again.
func (c *Cluster) SetWebPort(n int, w WebPort) error {
	c.mu.Lock()
	p := c.webPorts[n]
	c.mu.Unlock()
	if p == nil {
		return fmt.Errorf("node %d %w", n, errNoWebPort)
	}
	p.mu.Lock()
	p.state = w
	closed := p.server == nil
	p.mu.Unlock()
	switch {
	case w.Closed:
		p.close()
	case closed:
		return p.open()
	}
	return nil
}

// SetDown takes node n, from 1, down altogether, its polling port and its web port, or brings it
// back. What the API says of the node is another matter: see ServerNode.
func (c *Cluster) SetDown(n int, down bool) error {
	err := c.SetWebPort(n, WebPort{Closed: down})
	if errors.Is(err, errNoWebPort) {
		err = nil
	}
	return errors.Join(c.SetNodeFault(n, NodeFault{Closed: down}), err)
}

// openWebPort opens the web port of node n, from 1, if its host is one that only it has.
func (c *Cluster) openWebPort(n int) error {
	apiHost, port, err := net.SplitHostPort(c.apiAddr)
	if err != nil {
		return err
	}
	hosts := map[string]int{apiHost: 1}
	host := ""
	for i, one := range c.allNodes() {
		at, _, _ := net.SplitHostPort(one.address)
		hosts[at]++
		if i+1 == n {
			host = at
		}
	}
	if hosts[host] != 1 {
		return nil
	}
	p := &webPort{cluster: c, node: n, address: net.JoinHostPort(host, port)}
	if err := p.open(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.webPorts[n] = p
	return nil
}

func (p *webPort) open() error {
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	l, err = p.cluster.secured(l, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.state.SelfSigned
	})
	if err != nil {
		return err
	}
	server := newServer(http.HandlerFunc(p.serve))
	p.mu.Lock()
	p.server = server
	p.mu.Unlock()
	go func() { _ = server.Serve(l) }()
	return nil
}

func (p *webPort) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		_ = p.server.Close()
		p.server = nil
	}
}

func (p *webPort) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	state := p.state
	p.mu.Unlock()
	at := place{node: p.node, address: p.address}
	switch {
	case state.NotOctopus:
		p.cluster.log.add(at.entry(r, http.StatusNotFound))
		http.Error(w, "<!DOCTYPE html><html><head><title>Not found</title></head></html>", http.StatusNotFound)
		return
	case state.As != 0:
		at.node = state.As
	}
	p.cluster.serve(w, r, at)
}

// place is where the API is asked.
type place struct {
	node    int    // that answers, from 1
	address string // of a node's web port; "" for the API's own address
}

// entry is a request in the log.
func (at place) entry(r *http.Request, status int) Request {
	return Request{
		Method: r.Method, Path: r.URL.RequestURI(), Status: status, Address: at.address,
		Override: r.Header.Get("X-HTTP-Method-Override"), Credential: credentials(r), UserAgent: r.UserAgent(),
	}
}

func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
}

// secured adds TLS to a listener of the API, with a certificate of the CA for its host, or, while
// that is wanted, one that nobody trusts. Without Options.TLS, it is the listener itself.
func (c *Cluster) secured(l net.Listener, selfSigned func() bool) (net.Listener, error) {
	if !c.options.TLS {
		return l, nil
	}
	host, _, _ := net.SplitHostPort(l.Addr().String())
	leaf, err := testcertificate.Issued(c.ca, "octotest API", "localhost", host)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if selfSigned() {
			return &c.other, nil
		}
		return &leaf, nil
	}}), nil
}

// balanced is the node behind one connection to the API's address, where a load balancer has each
// of them lead to the next node. It is chosen with the first request: some connections have none.
type balanced struct {
	once sync.Once
	node int
}

type balancedKey struct{}

func withBalanced(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, balancedKey{}, &balanced{})
}

// nodeBehind is the node that answers a request to the API's address, from 1.
func (c *Cluster) nodeBehind(r *http.Request) int {
	c.mu.Lock()
	behind := c.behind
	c.mu.Unlock()
	if behind != EachNode {
		return max(behind, 1)
	}
	connection := r.Context().Value(balancedKey{}).(*balanced)
	connection.once.Do(func() { connection.node = c.next(&c.lastBehind, func(s ServerNode) bool { return !s.Offline }) })
	return connection.node
}

// EachNode stands for every node in turn, as long as the API lists it and it works: see SetAPINode
// and SetTaskNode.
const EachNode = -1

// next is the node after the last one, from 1, that is listed and fit; the first if none is.
func (c *Cluster) next(last *int, fit func(ServerNode) bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range c.nodes {
		*last = *last%len(c.nodes) + 1
		if s := c.members[*last]; !s.Gone && fit(s) {
			return *last
		}
	}
	return 1
}

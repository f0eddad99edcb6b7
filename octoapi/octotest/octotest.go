// Package octotest runs an Octopus HA cluster inside the process, on loopback: a REST API and any number of polling ports,
// over real sockets and real TLS, with faults on demand. Tests use it, and so does `octo-tentacle demo`.
//
// It promises to answer as a real server answers the clients of this program, with the spaces, environments and so on of the
// cluster against which the recordings of the real Tentacle were made, and to remember everything it was asked.
package octotest

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The credentials the API accepts.
const (
	APIKey      = "API-0123456789ABCDEFGHIJKLMNOPQ"
	BearerToken = "octotest-bearer-token-0123456789"
	Username    = "admin"
	Password    = "Password01!"
)

// Options says what the cluster is like. The zero value is three nodes with the real port numbers.
type Options struct {
	Host             func(n int) string // the address of node n, from 1; default: loopback addresses nobody else uses
	Nodes            []string           // host:port of each polling port; default: Host(1) to Host(NodeCount), port 10943
	NodeCount        int                // how many nodes there are when Nodes is empty; default 3
	Recorded         bool               // with the further ports Host(1):10944 and :10945 of the recordings
	TLS              bool               // the API speaks https, with a certificate of the CA that CAPEM returns
	NoEnvironmentsV2 bool               // a server from before environments/v2
	SharedQueues     bool               // a server that shares its queues through Redis
	Latency          time.Duration      // waited before each answer
	APIAddress       string             // host:port of the API; default: Host(1), port 8065
	Path             string             // virtual directory of the API, such as /octopus
	PageSize         int                // items on a page of a list; default 30
}

// Cluster is a running cluster. Its methods may be called from several goroutines.
type Cluster struct {
	options Options
	api     *http.Server
	apiAddr string
	nodes   []*node
	cert    tls.Certificate // of the cluster: of every polling port that has none of its own
	other   tls.Certificate // of a port with the fault OtherCertificate
	caPEM   []byte
	store   store
	tasks   tasks
	conns   atomic.Int32 // that the API accepted

	mu       sync.Mutex
	requests []Request
	fault    APIFault
	served   int  // requests the fault was considered for
	shared   bool // the queues, through Redis
	members  map[int]ServerNode
}

// Request is one thing the cluster was asked, in the form of the recordings' `requests`.
type Request struct {
	PollingPort int    `json:"pollingPort,omitempty"` // set for a polling port, with Line
	Line        string `json:"request,omitempty"`     // the first line a polling port was sent
	Method      string `json:"method,omitempty"`
	Path        string `json:"path,omitempty"` // path and query
	Status      int    `json:"status,omitempty"`
	Body        any    `json:"body,omitempty"` // what a write carried, decoded

	Address    string   `json:"-"` // host:port of the polling port
	Override   string   `json:"-"` // X-HTTP-Method-Override, as OctopusClients modifies and deletes
	Credential []string `json:"-"` // names of the headers that carried a credential, never their values
	UserAgent  string   `json:"-"`
}

// Start opens the ports. The error is that of the operating system when an address cannot be had.
func Start(o Options) (*Cluster, error) {
	cert, err := selfSigned("Octopus Portal")
	if err != nil {
		return nil, err
	}
	other, err := selfSigned("load-balancer.example.com")
	if err != nil {
		return nil, err
	}
	o.PageSize, o.NodeCount = cmp.Or(o.PageSize, 30), cmp.Or(o.NodeCount, 3)
	o.Path = strings.TrimRight(o.Path, "/")
	for attempt := range 64 {
		c := &Cluster{options: o.placed(attempt), cert: cert, other: other, shared: o.SharedQueues, members: map[int]ServerNode{}}
		c.store.init()
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

// placed fills in the addresses. Whole 127.0.0.0/8 is loopback on Linux and Windows, so that every process can have real port
// numbers to itself; macOS has 127.0.0.1 alone, where the ports are whichever are free.
func (o Options) placed(attempt int) Options {
	onlyOne := o.Host == nil && runtime.GOOS != "linux" && runtime.GOOS != "windows"
	if o.Host == nil {
		place := os.Getpid()*97 + int(clusters.Add(1)) + attempt*7919
		x, y := 1+place/250%250, 1+place%250
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
	if o.APIAddress == "" {
		o.APIAddress = at(1, 8065)
	}
	if len(o.Nodes) == 0 {
		for n := range o.NodeCount {
			o.Nodes = append(o.Nodes, at(n+1, 10943))
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
	c.api = &http.Server{
		Handler:           http.HandlerFunc(c.serveAPI),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnState:         c.countConnections,
	}
	if c.options.TLS {
		host, _, _ := net.SplitHostPort(c.apiAddr)
		leaf, caPEM, err := issued(host)
		if err != nil {
			_ = l.Close()
			return err
		}
		c.caPEM = caPEM
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12})
	}
	go func() { _ = c.api.Serve(l) }()
	for _, address := range c.options.Nodes {
		if _, err := c.openNode(address); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) openNode(address string) (*node, error) {
	n := &node{cluster: c, address: address}
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
}

// URL is what a person gives as --server.
func (c *Cluster) URL() string {
	scheme := "http"
	if c.options.TLS {
		scheme = "https"
	}
	return scheme + "://" + c.apiAddr + c.options.Path
}

// Thumbprint is that of the certificate of every polling port, 40 upper-case hex digits.
func (c *Cluster) Thumbprint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return thumbprint(c.cert)
}

// Addresses are the server comms addresses of the polling ports, https://host:port, in the order of Options.Nodes.
func (c *Cluster) Addresses() []string {
	var list []string
	for _, n := range c.allNodes() {
		list = append(list, "https://"+n.address)
	}
	return list
}

func (c *Cluster) allNodes() []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nodes)
}

// CAPEM is the certificate, PEM, that the API's certificate is issued by; nil without Options.TLS.
func (c *Cluster) CAPEM() []byte { return c.caPEM }

// Requests returns what was asked since the start or the last ResetRequests, in order of arrival.
func (c *Cluster) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// ResetRequests forgets what was asked, and counts connections anew.
func (c *Cluster) ResetRequests() {
	c.conns.Store(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = nil
}

// Connections is how many connections the API accepted since the start or the last ResetRequests.
func (c *Cluster) Connections() int { return int(c.conns.Load()) }

func (c *Cluster) countConnections(_ net.Conn, s http.ConnState) {
	if s == http.StateNew {
		c.conns.Add(1)
	}
}

func (c *Cluster) record(r Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, r)
}

package octotest

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
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
	// LimitedAPIKey is that of an account that may use the default space, and sees no other.
	LimitedAPIKey = "API-LIMITED89ABCDEFGHIJKLMNOPQ"
)

// Options says what the cluster is like. The zero value is three nodes with the port numbers of
// Octopus.
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
	// Balanced is an API with a host of its own, that of a load balancer which has each connection
	// lead to the next node.
	Balanced     bool
	NAT          bool   // the polling ports have one host, Host(1), and one port after the other
	Path         string // virtual directory of the API, such as /octopus
	PageSize     int    // items on a page of a list; default 30
	ThirdSpace   bool   // with the space Research
	NoNodeHeader bool   // a server that does not say which node answers
	// ChangesEndpointType is a server that lets a deployment target or worker become one of another
	// communication style, as older ones do (OctopusDeploy/Issues 9613).
	ChangesEndpointType bool
	// HandsOutWork is a cluster whose polling ports serve subscribers: see Cluster.Queue. A health
	// check succeeds if one that subscribes at the node which runs it has answered by then. Else
	// one that subscribes is an error of the test, because octo-tentacle never does.
	HandsOutWork bool
}

// ServerNode is what the API says of a node, besides its name. The zero value is one that is online
// and runs tasks.
type ServerNode struct {
	Maintenance bool // drained
	Offline     bool // not seen for an hour; its polling port is another matter: see NodeFault
	WebOnly     bool // a task cap of 0
	Gone        bool // not listed, and runs nothing; its ports live on
}

// Cluster is a running cluster. Its methods may be called from several goroutines.
type Cluster struct {
	options Options
	api     *http.Server
	apiAddr string
	nodes   []*node
	cert    tls.Certificate  // of the cluster: of every polling port that has none of its own
	other   tls.Certificate  // of a port with the fault OtherCertificate
	ca      *tls.Certificate // of the API's certificates; nil without TLS
	caPEM   []byte
	store   store
	log     requestLog
	tasks   tasks
	conns   atomic.Int32 // that the API accepted

	mu       sync.Mutex
	fault    APIFault
	served   int  // requests the fault was considered for
	shared   bool // the queues, through Redis
	members  map[int]ServerNode
	together *gathering
	behind   int              // the node behind the API's address, from 1; 0 is the first
	webPorts map[int]*webPort // by the number of the node
	ahead    time.Duration    // the API's clock

	lastBehind  int         // where each node in turn is behind the API's address
	queueStatus map[int]int // with which a node answers about its queues; 0: as the cluster

	pushed packages // to the built-in feeds

	forbidden func(method, path string) bool // what the account may not do; nil: nothing
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
	return thumbprintOf(c.cert)
}

// Addresses are the server comms addresses of the polling ports, https://host:port, in the order of
// Options.Nodes.
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

// Connections is how many connections the API accepted since the start or the last ResetRequests.
func (c *Cluster) Connections() int { return int(c.conns.Load()) }

func (c *Cluster) countConnections(_ net.Conn, s http.ConnState) {
	if s == http.StateNew {
		c.conns.Add(1)
	}
}

// Requests returns what was asked since the start or the last ResetRequests, in order of arrival.
func (c *Cluster) Requests() []Request { return c.log.all() }

// ResetRequests forgets what was asked, and starts counting connections again.
func (c *Cluster) ResetRequests() {
	c.conns.Store(0)
	c.log.reset()
}

// LoggedErrors returns what the nodes would have logged as errors of their clients since the start:
// a conversation in Halibut's protocol that is not ended as Halibut ends it, or one that asks for
// work. Each begins with the address of the polling port. It waits for the connections that are
// about to end.
func (c *Cluster) LoggedErrors() []string {
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		var list []string
		settled := true
		for _, n := range c.allNodes() {
			logged, all := n.settled()
			list, settled = append(list, logged...), settled && all
		}
		if settled || time.Now().After(end) {
			return list
		}
	}
}

func (c *Cluster) link(rest string) string { return c.options.Path + "/api/" + rest }

// gathering are the requests that wait for each other; nil for none.
func (c *Cluster) gathering() *gathering {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.together
}

// certificate is that of every polling port that has none of its own.
func (c *Cluster) certificate() tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cert
}

package octotest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// handshakePage is how Halibut answers whatever is not its own protocol (Halibut,
// Transport/SecureListener.cs).
const handshakePage = "<html><body><h1>Octopus Server configured successfully</h1></body></html>"

// node is one polling port.
type node struct {
	address            string
	latency            time.Duration
	log                *requestLog
	clusterCertificate func() tls.Certificate
	otherCertificate   tls.Certificate        // of the fault OtherCertificate
	registered         func() map[string]bool // the thumbprints that the cluster trusts
	handsOutWork       bool

	mu       sync.Mutex
	listener net.Listener
	stopped  bool // while the node restarts: the port is there, and closes every connection
	fault    NodeFault
	own      *tls.Certificate // the one it had before the cluster's was renewed; nil for the cluster's
	accepted int              // connections since the fault was set
	asked    int              // questions for trust since then
	cached   map[string]bool  // what was registered then
	errors   []string         // what a server would have logged
	conns    map[net.Conn]bool
	queues   map[string]*queue // by subscription; of a cluster that hands out work
}

func (n *node) open() error {
	l, err := net.Listen("tcp", n.address)
	if err != nil {
		return err
	}
	if actual := l.Addr().String(); n.address != actual { // the port was 0; when it opens again it is known
		n.address = actual
	}
	n.mu.Lock()
	n.listener = l
	n.conns = map[net.Conn]bool{}
	n.mu.Unlock()
	go n.accept(l)
	return nil
}

func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener == nil {
		return
	}
	_ = n.listener.Close()
	n.listener = nil
	n.closeConnections()
}

// stop is close without giving up the port, which another process could take.
func (n *node) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = true
	n.closeConnections()
}

// closeConnections ends them all. The lock must be held.
func (n *node) closeConnections() {
	for c := range n.conns {
		_ = c.Close()
	}
}

func (n *node) setFault(f NodeFault) error {
	registered := n.registered()
	n.mu.Lock()
	n.fault, n.accepted, n.asked, n.cached = f, 0, 0, registered
	closed := n.listener == nil
	n.mu.Unlock()
	switch {
	case f.Closed:
		n.close()
	case closed:
		return n.open()
	}
	return nil
}

func (n *node) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		n.begin(conn)
	}
}

// begin serves a connection, unless the port is closed or the node restarts.
func (n *node) begin(conn net.Conn) (open bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener == nil || n.stopped {
		_ = conn.Close()
		return false
	}
	n.accepted++
	f, nth := n.fault, n.accepted
	n.conns[conn] = true
	go func() {
		n.serve(conn, f, nth)
		_ = conn.Close()
		n.mu.Lock()
		delete(n.conns, conn)
		n.mu.Unlock()
		if f.DiesAfter > 0 && nth >= f.DiesAfter {
			n.close()
		}
	}()
	return true
}

func (n *node) serve(conn net.Conn, f NodeFault, nth int) {
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if nth <= f.ClosesFirst {
		return
	}
	time.Sleep(n.latency + f.Slow)
	switch {
	case f.Hangs:
		_, _ = io.Copy(io.Discard, conn)
	case f.PlainHTTP:
		_, _ = bufio.NewReader(conn).Peek(1)
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	default:
		n.handshake(tls.Server(conn, n.tlsConfig(f)), f)
	}
}

func (n *node) tlsConfig(f NodeFault) *tls.Config {
	config := &tls.Config{
		Certificates: []tls.Certificate{n.certificate()},
		ClientAuth:   tls.RequestClientCert,
		MinVersion:   tls.VersionTLS12,
	}
	if f.OtherCertificate {
		config.Certificates[0] = n.otherCertificate
	}
	if f.RequireClient {
		config.ClientAuth = tls.RequireAnyClientCert
	}
	return config
}

func (n *node) certificate() tls.Certificate {
	n.mu.Lock()
	own := n.own
	n.mu.Unlock()
	if own != nil {
		return *own
	}
	return n.clusterCertificate()
}

// trusts says whether the node serves a client with this certificate, nil for none.
func (n *node) trusts(client *x509.Certificate, f NodeFault) bool {
	if client == nil {
		return false
	}
	known := n.registered()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if f.CachedTrust && (f.CatchesUp == 0 || n.asked <= f.CatchesUp) {
		known = n.cached
	}
	return known[thumbprint.Of(client.Raw)]
}

// handshake does TLS, reads a request's head, remembers its first line and answers it: Halibut's
// own with what Halibut says, others with the page.
func (n *node) handshake(conn *tls.Conn, f NodeFault) {
	head := bufio.NewReader(io.LimitReader(conn, 8<<10))
	line, err := readLine(head)
	if err != nil {
		return
	}
	_, port, _ := net.SplitHostPort(n.address)
	number, _ := strconv.Atoi(port)
	remember := func(line string) { n.log.add(Request{PollingPort: number, Line: line, Address: n.address}) }
	if strings.HasPrefix(line, "MX") {
		var client *x509.Certificate
		if presented := conn.ConnectionState().PeerCertificates; len(presented) > 0 {
			client = presented[0]
		}
		c := conversation{in: head, out: conn, trusts: n.trusts(client, f), silent: f.Silent, said: remember}
		if n.handsOutWork {
			c.work = func(subscription string) *queue {
				_ = conn.SetDeadline(time.Time{}) // a subscriber stays
				return n.queue(subscription)
			}
		}
		if logged := c.run(line); logged != "" {
			n.mu.Lock()
			n.errors = append(n.errors, n.address+": "+logged)
			n.mu.Unlock()
		}
		return
	}
	remember(line)
	if line != "" && skipToEmptyLine(head) != nil {
		return
	}
	status := "200 OK"
	if f.Status != 0 {
		status = strconv.Itoa(f.Status) + " Status"
	}
	_, _ = fmt.Fprintf(conn, "HTTP/1.0 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
		status, len(handshakePage), handshakePage)
	_ = conn.CloseWrite()
}

// settled returns what a server would have logged as errors, and whether every connection has
// ended, after which there will be no more of them.
func (n *node) settled() (logged []string, all bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.errors), len(n.conns) == 0
}

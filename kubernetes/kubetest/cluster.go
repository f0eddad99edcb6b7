package kubetest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/internal/testcertificate"
)

// Cluster is the API of a cluster.
type Cluster struct {
	*endpoint
	store  *store
	starts *starts
}

// endpoint is the socket of an API: who asks it, and what happens to requests on the way.
type endpoint struct {
	name     string
	ca       *tls.Certificate
	caPEM    []byte
	server   *httptest.Server
	accounts *accounts
	answer   func(account string, r *http.Request, body []byte) answer

	close    func()
	mu       sync.Mutex
	faults   []*Fault
	requests []Request
	before   func(Request)
	after    func(Request)
}

// Admin is the account that may do everything.
const Admin = "admin"

// Start starts the API of a cluster that has the namespace default and the account Admin. Its name
// is that of its context in a kubeconfig.
func Start(name string) (*Cluster, error) {
	c := &Cluster{store: newStore()}
	c.starts = newStarts(c.store)
	c.store.change(key{resource: namespaces, name: "default"}, controller, func(object) (object, *refusal) { return object{}, nil })
	var err error
	if c.endpoint, err = listen(name, c.effect, c.starts.stop); err != nil {
		return nil, err
	}
	if err := c.Allow(Admin, everything); err != nil {
		return nil, err
	}
	return c, nil
}

// listen opens the socket of an API that answers so, and that stops so when it is closed.
func listen(name string, answers func(account string, r *http.Request, body []byte) answer, stop func()) (*endpoint, error) {
	ca, caPEM, err := testcertificate.Authority("authority of " + name)
	if err != nil {
		return nil, err
	}
	certificate, err := testcertificate.Issued(ca, "kube-apiserver", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	c := &endpoint{name: name, ca: ca, caPEM: caPEM, accounts: newAccounts(), answer: answers}
	known := x509.NewCertPool()
	known.AddCert(ca.Leaf)
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.server.EnableHTTP2 = true // as a real one
	c.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.server.TLS = &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    known,
	}
	c.server.StartTLS()
	c.close = sync.OnceFunc(func() {
		stop()
		c.server.CloseClientConnections()
		c.server.Close()
	})
	return c, nil
}

// Close ends the cluster. A second time it does nothing.
func (c *endpoint) Close() { c.close() }

// URL is the address of the API.
func (c *endpoint) URL() string { return c.server.URL }

// CAPEM is the certificate of the cluster's authority.
func (c *endpoint) CAPEM() []byte { return c.caPEM }

// Client sends requests as Admin, over HTTP/1.1: over HTTP/2, Go's server closes a connection
// without a word if its first two seconds go by on a busy machine (net/http, firstSettingsTimeout).
func (c *endpoint) Client() *Client {
	known := x509.NewCertPool()
	known.AddCert(c.ca.Leaf)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: known}}
	return &Client{URL: c.URL(), Token: c.accounts.token(Admin), HTTP: &http.Client{Transport: transport}}
}

// Request is one thing that the API was asked.
type Request struct {
	Account     string // "" if its credentials are not known
	Verb        string // as RBAC calls it
	Resource    string // with its subresource
	Namespace   string
	Name        string
	Method      string
	Path        string // with the query, decoded
	ContentType string
	UserAgent   string
	Body        any // decoded; nil without one
	Status      int // of the answer; 0 before it, and if the connection was cut
}

func (r Request) String() string {
	return fmt.Sprintf("%s %s %d", r.Method, r.Path, r.Status)
}

// Requests are the requests until now, in the order of their answers.
func (c *endpoint) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Request(nil), c.requests...)
}

// ResetRequests forgets the requests until now.
func (c *endpoint) ResetRequests() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = nil
}

// Hook calls a function before each request has its effect, and another one after that, before the
// answer is sent. Either may be nil. They may call everything here.
func (c *endpoint) Hook(before, after func(Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before, c.after = before, after
}

func (c *endpoint) hooks() (before, after func(Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, after = c.before, c.after
	nothing := func(Request) {}
	if before == nil {
		before = nothing
	}
	if after == nil {
		after = nothing
	}
	return before, after
}

func (c *endpoint) record(r Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, r)
}

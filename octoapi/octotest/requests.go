package octotest

import (
	"slices"
	"sync"
)

// Request is one thing the cluster was asked, in the form of the recordings' `requests`.
type Request struct {
	PollingPort int    `json:"pollingPort,omitempty"` // set for a polling port, with Line
	Line        string `json:"request,omitempty"`     // the first line a polling port was sent
	Method      string `json:"method,omitempty"`
	Path        string `json:"path,omitempty"` // path and query
	Status      int    `json:"status,omitempty"`
	Body        any    `json:"body,omitempty"` // what a write carried, decoded

	Address    string   `json:"-"` // host:port of the polling port, or of a node's web port; "" for the API's own address
	Override   string   `json:"-"` // X-HTTP-Method-Override, as OctopusClients modifies and deletes
	Credential []string `json:"-"` // names of the headers that carried a credential, never their values
	UserAgent  string   `json:"-"`
}

// requestLog remembers requests in the order of arrival.
type requestLog struct {
	mu   sync.Mutex
	list []Request
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, r)
}

func (l *requestLog) all() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

func (l *requestLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}

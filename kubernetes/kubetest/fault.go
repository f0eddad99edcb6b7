package kubetest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Fault breaks requests. What is "" in the first four fields does not matter.
type Fault struct {
	Verb      string // as RBAC calls it
	Resource  string // with its subresource
	Namespace string
	Name      string
	After     int // how many of them go well first
	Times     int // how many of them it breaks then; 0 is all

	Delay      time.Duration // before anything else
	Status     int           // instead of the effect
	Reason     string        // with the status
	Message    string        // with the status
	RetryAfter int           // seconds, with the status
	HTML       bool          // a page, with the status, or with 200
	Redirect   string        // to another address
	CutBefore  bool          // the connection, and no effect
	CutAfter   bool          // the connection, after the effect and before the answer

	seen int
}

// Break adds a fault.
func (c *endpoint) Break(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// Repair ends all faults.
func (c *endpoint) Repair() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// fault is what happens to a request.
func (c *endpoint) fault(r Request) Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.faults, func(f *Fault) bool {
		is := func(want, has string) bool { return want == "" || want == has }
		if !is(f.Verb, r.Verb) || !is(f.Resource, r.Resource) || !is(f.Namespace, r.Namespace) || !is(f.Name, r.Name) {
			return false
		}
		f.seen++
		return f.seen > f.After && (f.Times == 0 || f.seen <= f.After+f.Times)
	})
	if i < 0 {
		return Fault{}
	}
	return *c.faults[i]
}

// before does what a fault does before the effect, and says whether there is to be none.
func (f Fault) before(w http.ResponseWriter, r *http.Request) (status int, ended bool) {
	select {
	case <-time.After(f.Delay):
	case <-r.Context().Done():
	}
	switch {
	case f.CutBefore:
		return 0, true
	case f.HTML:
		w.Header().Set("Content-Type", "text/html")
		status = max(f.Status, http.StatusOK)
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<!DOCTYPE html><html><title>Sign in</title></html>"))
		return status, true
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect, http.StatusFound)
		return http.StatusFound, true
	case f.Status != 0:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		message := f.Message
		if message == "" {
			message = http.StatusText(f.Status)
		}
		refuse(f.Status, f.Reason, "%s", message).answer().write(w)
		return f.Status, true
	}
	return 0, false
}

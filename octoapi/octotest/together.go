package octotest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// gathering are requests that wait for each other.
type gathering struct {
	mu      sync.Mutex
	missing []string      // ends of paths that did not arrive yet
	all     chan struct{} // closed when none is missing
}

// await waits for the requests that are answered together with this one.
func (g *gathering) await(r *http.Request) {
	if g == nil || !g.arrived(r.URL.Path) {
		return
	}
	select {
	case <-g.all:
	case <-r.Context().Done():
	}
}

// arrived notes a request, and says whether it is one to wait for.
func (g *gathering) arrived(path string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.missing, func(end string) bool { return strings.HasSuffix(path, end) })
	if i < 0 {
		return false
	}
	if g.missing = slices.Delete(g.missing, i, i+1); len(g.missing) == 0 {
		close(g.all)
	}
	return true
}

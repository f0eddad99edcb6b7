package commands

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// hostTime is how long the host of a node may take, which perhaps cannot be reached at all. It is
// no trouble where its web port does not answer: many are closed to a Tentacle. Tests wait longer.
var hostTime = 3 * time.Second

// timesToAsk is how often a host is asked which node is there, each time on a connection of its
// own: a load balancer that is there leads to several nodes.
const timesToAsk = 3

// askHost asks a host which node is there. Where several answer, none of them is at the polling
// port for certain.
func askHost(ctx context.Context, o octoapi.Options) (octoapi.NodeAtHost, error) {
	said, errs := make([]octoapi.NodeAtHost, timesToAsk), make([]error, timesToAsk)
	var all sync.WaitGroup
	for i := range timesToAsk {
		all.Go(func() { said[i], errs[i] = octoapi.AskNode(ctx, o) })
	}
	all.Wait()
	first := slices.Index(errs, nil)
	if first < 0 {
		return octoapi.NodeAtHost{}, errs[0]
	}
	for i, other := range said {
		if errs[i] == nil && !said[first].Node.Is(other.Node.Name) {
			one, two := said[first].Node.Name, other.Node.Name
			return octoapi.NodeAtHost{}, fmt.Errorf("several answer there, %s and %s, as behind a load balancer", min(one, two), max(one, two))
		}
	}
	return said[first], nil
}

package commands

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// warnOfUnpolledNodes warns where fewer addresses are polled than nodes hand out work: by name
// where an address is called like its node, else by count. One address for all is right where they
// share their queues.
func (s *connection) warnOfUnpolledNodes(ctx context.Context, nodes []octoapi.Node, polled []string) {
	working := slices.DeleteFunc(slices.Clone(nodes), func(n octoapi.Node) bool { return !n.TakesTasks() })
	if len(polled) == 0 || len(polled) >= len(working) {
		return
	}
	if shared, err := s.SharedQueues(ctx); err != nil || shared {
		return
	}
	unpolled := ""
	missing := slices.DeleteFunc(slices.Clone(working), func(n octoapi.Node) bool { return namedLike(polled, n.Name) })
	if len(missing) == len(working)-len(polled) { // every address told which node it is
		names := make([]string, len(missing))
		for i, n := range missing {
			names[i] = n.Name
		}
		unpolled = " (not polled: " + strings.Join(names, ", ") + ")"
	}
	s.console.warnOf(hint.With(
		fmt.Errorf("only %s polled, but %d nodes of the cluster, which do not share their queues, hand out work%s: work queued on a node that is not polled waits",
			plural.Of(len(polled), "address is", "addresses are"), len(working), unpolled),
		"poll every node, or share the queues (Octopus Server 2026.4 or later with Redis)"))
}

// namedLike says whether the first label of an address's host is that of the node's name.
func namedLike(addresses []string, node string) bool {
	label := func(host string) string {
		first, _, _ := strings.Cut(host, ".")
		return first
	}
	return slices.ContainsFunc(addresses, func(address string) bool {
		u, err := url.Parse(address)
		return err == nil && strings.EqualFold(label(u.Hostname()), label(node))
	})
}

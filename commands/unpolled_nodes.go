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

// warnOfUnpolledNodes warns where fewer addresses are polled than nodes hand out work. One address
// for all is right where they share their queues.
func (s *connection) warnOfUnpolledNodes(ctx context.Context, nodes []octoapi.Node, polled []string) {
	text := unpolledNodes(nodes, polled)
	if text == "" {
		return
	}
	if shared, err := s.SharedQueues(ctx); err == nil && !shared {
		s.console.warnOf(hint.New(text, "poll every node, or share the queues (Octopus Server 2026.4 or later with Redis)"))
	}
}

// unpolledNodes says how many nodes are not polled: by name where every address is called like its
// node, else by count; "" where there are as many addresses as nodes that hand out work.
func unpolledNodes(nodes []octoapi.Node, polled []string) string {
	working := slices.DeleteFunc(slices.Clone(nodes), func(n octoapi.Node) bool { return !n.TakesTasks() })
	if len(polled) == 0 || len(polled) >= len(working) {
		return ""
	}
	unpolled := ""
	missing := slices.DeleteFunc(slices.Clone(working), func(n octoapi.Node) bool { return namedLike(polled, n.Name) })
	if len(missing) == len(working)-len(polled) {
		names := make([]string, len(missing))
		for i, n := range missing {
			names[i] = n.Name
		}
		unpolled = " (not polled: " + strings.Join(names, ", ") + ")"
	}
	return fmt.Sprintf("only %s polled, but %d nodes of the cluster, which do not share their queues, hand out work%s: work queued on a node that is not polled waits",
		plural.Of(len(polled), "address is", "addresses are"), len(working), unpolled)
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

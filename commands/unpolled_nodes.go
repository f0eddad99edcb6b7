package commands

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What is polled is compared with the nodes of the cluster that hand out work. Which address leads
// to which node is known where they are called alike, or where the node's web port is at the same
// host; elsewhere they are counted.

// comparison is what a change of the polled addresses is compared with. Nil allows every change.
type comparison struct {
	cluster []string // its thumbprints, or one of them
	nodes   []octoapi.Node
	found   foundNodes
	queues  coverage.Queues
	force   bool // the change may poll fewer nodes
}

// refuseChange is refuse for a list of servers that becomes another one.
func (c *comparison) refuseChange(now, after []tentacleconfig.TrustedServer) error {
	if c == nil {
		return nil
	}
	cluster := tentacleconfig.ClusterOf(now, c.cluster...)
	return c.refuse(polledAddresses(now, cluster...), polledAddresses(after, cluster...))
}

// compare compares a decision with the nodes. It refuses one that polls fewer of them than before,
// and warns of nodes that are polled neither before nor after.
func (s *connection) compare(ctx context.Context, answer nodesAnswer, now []tentacleconfig.TrustedServer, d decision, force bool) (*comparison, error) {
	before, after := polledAddresses(now, d.cluster...), polledAddresses(d.servers, d.cluster...)
	if answer.err != nil {
		if len(notPolled(before, after)) > 0 {
			s.console.warnOf(fmt.Errorf("it was not compared whether all nodes that hand out work are still polled: %w", answer.err))
		}
		return nil, nil
	}
	c := &comparison{cluster: d.cluster, nodes: answer.nodes, force: force}
	unpolled := unpolledNodes(c.nodes, after)
	if !force && c.refuse(before, after) == nil {
		c.found = s.findNodes(ctx, c.nodes, before, after)
	}
	if unpolled == "" && c.refuse(before, after) == nil {
		return c, nil
	}
	c.queues = s.askQueuesAt(ctx, slices.Concat(before, notPolled(after, before)), c.nodes)
	if c.queues.State == coverage.Shared {
		s.console.warnOfUnasked(c.queues)
		return c, nil
	}
	if err := c.refuse(before, after); err != nil {
		return c, err
	}
	if unpolled != "" && len(after) > 0 {
		s.console.warnOf(withQueues(c.queues, unpolled))
	}
	return c, nil
}

// refuse refuses to poll fewer of the nodes that hand out work than before. A node that is polled
// neither before nor after is no reason: a list that lags behind must not stop a fleet.
func (c *comparison) refuse(before, after []string) error {
	if c == nil || c.force || c.queues.State == coverage.Shared {
		return nil
	}
	before, after = c.mayWork(before), c.mayWork(after)
	working := workingNodes(c.nodes)
	lost, gained := namedInFirst(working, before, after), namedInFirst(working, after, before)
	// An address that is new and called unlike all nodes may lead to any of them.
	other := slices.DeleteFunc(notPolled(after, before), func(address string) bool {
		return slices.ContainsFunc(working, func(node string) bool { return namedLike([]string{address}, node) })
	})
	was := min(len(before), len(working))
	left := min(len(after), len(working), was-len(lost)+len(gained)+len(other))
	if left >= was {
		known := c.found.known(working, before)
		if was, left = len(known), c.found.left(working, after); left >= was {
			return nil
		}
		lost = slices.DeleteFunc(known, func(node string) bool { return slices.Contains(c.found.known(working, after), node) })
	}
	names := ""
	if len(lost) > 0 && len(other) == 0 {
		names = " (no longer polled: " + strings.Join(lost, ", ") + ")"
	}
	text := fmt.Sprintf("of the %s of the cluster that hand out work, %d would be polled instead of %d%s: work queued on the others waits",
		plural.Of(len(working), "node", "nodes"), left, was, names)
	return withQueues(c.queues, text, "drain a node before it is taken away: then it hands out no work", "to poll fewer nodes anyway, add --force")
}

// namedInFirst are the nodes that an address of the first list is called like, and none of the
// second.
func namedInFirst(nodes, first, second []string) []string {
	return slices.DeleteFunc(slices.Clone(nodes), func(node string) bool { return !namedLike(first, node) || namedLike(second, node) })
}

// mayWork are the addresses without those that are called like a node which hands out no work, and
// those that name no host: no node is polled there.
func (c *comparison) mayWork(addresses []string) []string {
	working := workingNodes(c.nodes)
	return slices.DeleteFunc(slices.Clone(addresses), func(address string) bool {
		if u, err := url.Parse(address); err != nil || u.Hostname() == "" {
			return true
		}
		is := func(node string) bool { return namedLike([]string{address}, node) }
		return !slices.ContainsFunc(working, is) && slices.ContainsFunc(c.nodes, func(n octoapi.Node) bool { return is(n.Name) })
	})
}

// warnOfUnpolledNodes warns where fewer addresses are polled than nodes hand out work. One address
// for all is right where they share their queues.
func (s *connection) warnOfUnpolledNodes(ctx context.Context, nodes []octoapi.Node, polled []string) {
	text := unpolledNodes(nodes, polled)
	if text == "" {
		return
	}
	if q := s.askQueuesAt(ctx, polled, nodes); q.State == coverage.Shared {
		s.console.warnOfUnasked(q)
	} else {
		s.console.warnOf(withQueues(q, text))
	}
}

// unpolledNodes says how many nodes are not polled: by name where every address is called like its
// node, else by count; "" where there are as many addresses as nodes that hand out work.
func unpolledNodes(nodes []octoapi.Node, polled []string) string {
	working := workingNodes(nodes)
	polled = (&comparison{nodes: nodes}).mayWork(polled)
	if len(polled) == 0 || len(polled) >= len(working) {
		return ""
	}
	unpolled := ""
	missing := slices.DeleteFunc(slices.Clone(working), func(node string) bool { return namedLike(polled, node) })
	if len(missing) == len(working)-len(polled) {
		unpolled = " (not polled: " + strings.Join(missing, ", ") + ")"
	}
	return fmt.Sprintf("only %s polled, but %d nodes of the cluster hand out work%s: work queued on a node that is not polled waits",
		plural.Of(len(polled), "address is", "addresses are"), len(working), unpolled)
}

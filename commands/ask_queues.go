package commands

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// askQueues asks whether the nodes share their queues. Each node answers for itself, and it is
// enough that one says no. So where the API says yes, the others are asked, too: where the nodes
// have hosts of their own, each of those in the way in which the API is reached; else, or where
// that leads nowhere or there are more nodes, the API's address a few times, since a load balancer
// there leads to several nodes. Many clusters publish that one address alone: a node that cannot be
// asked says neither yes nor no. The polled addresses, and then the nodes, are called for once they
// are needed.
func (s *connection) askQueues(ctx context.Context, addresses func() []string, nodes func() []octoapi.Node) coverage.Queues {
	apiCtx, cancel := context.WithTimeout(ctx, nodesTime)
	defer cancel()
	shared, err := s.SharedQueues(apiCtx)
	switch {
	case err != nil:
		return coverage.Queues{Why: "it is not known whether the nodes share their queues: " + err.Error()}
	case !shared:
		return coverage.Queues{State: coverage.NotShared, Why: "the nodes do not share their queues"}
	}
	q := coverage.Queues{State: coverage.Shared}
	hosts := hostsOf(addresses())
	working := func() []string { return workingNodes(nodes()) }
	var named []string
	if len(hosts) > 1 {
		polled := len(hosts)
		hosts = slices.DeleteFunc(hosts, func(host string) bool { return slices.Contains(hostsOf([]string{s.URL()}), host) })
		q, named = s.askQueuesOf(ctx, hosts)
		if q.State != coverage.Shared || len(q.Unasked) == 0 && polled >= len(working()) {
			return q
		}
	}
	sample, complete := s.sampleQueues(ctx, working(), named)
	if sample.State == coverage.Shared && !complete && len(q.Unasked) > 0 {
		return q // the hosts say more about where to look
	}
	return sample
}

// askQueuesAt is askQueues for those who know the addresses and the nodes.
func (s *connection) askQueuesAt(ctx context.Context, addresses []string, nodes []octoapi.Node) coverage.Queues {
	return s.askQueues(ctx, func() []string { return addresses }, func() []octoapi.Node { return nodes })
}

// askQueuesOf asks each host, without credentials. It returns the names of the nodes that share.
func (s *connection) askQueuesOf(ctx context.Context, hosts []string) (q coverage.Queues, named []string) {
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	said := make([]octoapi.NodeQueues, len(hosts))
	var all sync.WaitGroup
	for i, host := range hosts {
		all.Go(func() { said[i] = octoapi.AskQueues(ctx, s.optionsAt(host)) })
	}
	all.Wait()
	q.State = coverage.Shared
	for i, host := range hosts {
		switch {
		case said[i].Err != nil:
			q.Unasked = append(q.Unasked, host)
		case !said[i].Shared:
			return coverage.Queues{State: coverage.PartlyShared, Why: "the node at " + host + " does not share its queues"}, nil
		case said[i].Node != "":
			named = append(named, said[i].Node)
		}
	}
	return q, named
}

const (
	// samplesPerNode is how often the API's address is asked for queues, for each node: a load
	// balancer that chooses at random leads to each of a few nodes then, almost certainly.
	samplesPerNode = 6
	mostSamples    = 30
)

// sampleQueues asks the API's address a few times, and says whether each working node has answered,
// there or, as those that are named, at its own host. Of a server that does not tell which node
// answers, no node is called unasked.
func (s *connection) sampleQueues(ctx context.Context, working, named []string) (q coverage.Queues, complete bool) {
	q.State = coverage.Shared
	if len(working) < 2 {
		return q, len(working) == 1 // else the nodes are not known
	}
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	for _, one := range s.SampleSharedQueues(ctx, min(samplesPerNode*len(working), mostSamples)) {
		if one.Err == nil && !one.Shared {
			why := "one of the nodes does not share its queues"
			if one.Node != "" {
				why = one.Node + " does not share its queues"
			}
			return coverage.Queues{State: coverage.PartlyShared, Why: why}, true
		}
		if one.Err == nil && one.Node != "" {
			named = append(named, one.Node)
		}
	}
	if len(named) > 0 {
		q.Unasked = slices.DeleteFunc(slices.Clone(working), func(node string) bool {
			return slices.ContainsFunc(named, func(name string) bool { return strings.EqualFold(name, node) })
		})
	}
	return q, len(named) > 0 && len(q.Unasked) == 0
}

// optionsAt are those that lead to a host in the way in which the API is reached, without
// credentials.
func (s *connection) optionsAt(host string) octoapi.Options {
	o := s.options
	o.Waiting = nil
	if u, err := url.Parse(s.URL()); err == nil { // else asking says what is wrong
		port := u.Port()
		if u.Host = host; port != "" {
			u.Host += ":" + port
		}
		o.Server = u.String()
	}
	return o
}

// hostsOf are the hosts of addresses, each once; of an IPv6 address with its brackets.
func hostsOf(addresses []string) (hosts []string) {
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil && !slices.Contains(hosts, bracketed(u.Hostname())) {
			hosts = append(hosts, bracketed(u.Hostname()))
		}
	}
	return hosts
}

// withQueues is an error with that text, and what is to be known of the queues.
func withQueues(q coverage.Queues, text string, more ...string) error {
	return hint.New(text, append([]string{q.Why, "poll every node, or share the queues (Octopus Server 2026.4 or later with Redis)"}, more...)...)
}

// warnOfUnasked warns of nodes whose queues are taken for shared because the others' are.
func (c *console) warnOfUnasked(q coverage.Queues) {
	if len(q.Unasked) > 0 {
		c.warn("the nodes share their queues, but that is not known of %s: the API cannot be reached there", strings.Join(q.Unasked, ", "))
	}
}

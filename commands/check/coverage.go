package check

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Coverage tells which nodes of the cluster whose API was asked are polled.
func (s *Snapshot) Coverage() coverage.Result {
	evidence := coverage.Evidence{
		Nodes:        s.API.Nodes,
		Addresses:    addressesAt(s.clusterPorts()),
		Queues:       s.queues(),
		HealthChecks: s.API.HealthChecks,
		Cloned:       s.mayBeCopied(),
	}
	return coverage.Judge(evidence)
}

// CoverageUnasked tells what can be told without the API, for each cluster that is polled: where
// its addresses lead.
func (s *Snapshot) CoverageUnasked() (clusters []coverage.Result) {
	done := map[string]bool{} // by address
	for _, cluster := range s.polledClusters() {
		isNext := func(p Port) bool {
			return !done[p.Address] && slices.ContainsFunc(cluster, func(t string) bool { return thumbprint.Contains(p.Trusted, t) })
		}
		var ports []Port
		for _, p := range s.Ports {
			if isNext(p) {
				done[p.Address] = true
				ports = append(ports, p)
			}
		}
		if len(ports) > 0 {
			clusters = append(clusters, coverage.Judge(coverage.Evidence{Addresses: addressesAt(ports)}))
		}
	}
	return clusters
}

func addressesAt(ports []Port) []coverage.Address {
	addresses := make([]coverage.Address, len(ports))
	for i, p := range ports {
		addresses[i] = coverage.Address{
			URL:     p.Address,
			Answers: p.Err == nil && p.Answer.Thumbprint != "" && thumbprint.Contains(p.Trusted, p.Answer.Thumbprint),
			Silent:  silent(p),
			Remote:  p.Answer.Remote,
		}
		if p.AskedIt {
			addresses[i].Trust = p.Trust.Trust
		}
		if p.HostErr == nil {
			addresses[i].Host = p.Host
		}
	}
	return addresses
}

// queues says whether the nodes share their queues.
func (s *Snapshot) queues() coverage.Queues {
	switch {
	case s.API.SharedQueuesErr != nil:
		return coverage.Queues{State: coverage.Unknown, Why: "it is not known whether the nodes share their queues: " + s.API.SharedQueuesErr.Error()}
	case s.API.SharedQueues:
		return coverage.Queues{State: coverage.Shared}
	}
	return coverage.Queues{State: coverage.NotShared, Why: "the nodes do not share their queues"}
}

// mayBeCopied says whether another Tentacle may get some of this one's work.
func (s *Snapshot) mayBeCopied() bool {
	return len(s.sharing(s.clusterSubscriptions())) > 0 || s.isNamedForeign(s.identity().own)
}

// nodeAt is the name of the node at an address, where that is proved.
func (r *report) nodeAt(address string) string {
	for _, p := range r.coverage().Places {
		if tentacleconfig.SameAddress(p.URL, address) {
			return p.Node
		}
	}
	return ""
}

// port is the polled port with this address.
func (r *report) portAt(address string) Port {
	i := slices.IndexFunc(r.Ports, func(p Port) bool { return p.Address == address })
	return r.Ports[i]
}

// list is "a", "a and b" or "a, b and c".
func list(texts []string) string {
	if len(texts) < 2 {
		return strings.Join(texts, "")
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " and " + texts[last]
}

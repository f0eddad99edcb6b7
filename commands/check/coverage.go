package check

import (
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// Coverage tells which nodes of the cluster whose API was asked are polled.
func (s *Snapshot) Coverage() coverage.Result {
	evidence := coverage.Evidence{
		Nodes:        s.API.Nodes,
		Addresses:    addressesAt(s.clusterPorts()),
		Queues:       s.API.Queues,
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

// mayBeCopied says whether another Tentacle may get some of this one's work.
func (s *Snapshot) mayBeCopied() bool {
	return len(s.sharing(s.clusterSubscriptions())) > 0 || s.isNamedForeign(s.identity().own)
}

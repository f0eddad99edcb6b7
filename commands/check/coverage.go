package check

import (
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// Coverage tells which nodes of the cluster whose API was asked are polled.
func (s *Snapshot) Coverage() coverage.Result {
	earlier, fresh := s.healthChecks()
	evidence := coverage.Evidence{
		Nodes:        s.API.Nodes,
		Addresses:    s.addressesAt(s.clusterPorts()),
		Queues:       s.API.Queues,
		HealthChecks: earlier,
		Fresh:        fresh,
		Cloned:       s.mayBeCopied(),
	}
	return coverage.Judge(evidence)
}

// healthChecks are those that succeeded before the ports were tried, and after.
func (s *Snapshot) healthChecks() (earlier, fresh []octoapi.Task) {
	for _, one := range s.API.HealthChecks {
		if s.Proving != nil && slices.ContainsFunc(s.Proving.Checks, func(c HealthCheck) bool { return c.ID == one.ID }) {
			fresh = append(fresh, one)
		} else {
			earlier = append(earlier, one)
		}
	}
	return earlier, fresh
}

// CoverageUnasked tells what can be told without the API, for each polled cluster whose API was not
// asked: where its addresses lead.
func (s *Snapshot) CoverageUnasked() (clusters []coverage.Result) {
	done := map[string]bool{} // by address
	if s.Server != "" && s.API.Err == nil {
		for _, p := range s.clusterPorts() {
			done[p.Address] = true
		}
	}
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
			clusters = append(clusters, coverage.Judge(coverage.Evidence{Addresses: s.addressesAt(ports)}))
		}
	}
	return clusters
}

func (s *Snapshot) addressesAt(ports []Port) []coverage.Address {
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
			addresses[i].Mute = p.Trust.Trust == octoapi.NoAnswer || !thumbprint.Contains(p.Trusted, p.Trust.Thumbprint)
		}
		if p.HostErr == nil {
			addresses[i].Host = p.Host
		}
		if s.Kubernetes != nil {
			addresses[i] = s.Kubernetes.sees(addresses[i])
		}
	}
	return addresses
}

// mayBeCopied says whether another Tentacle may get some of this one's work.
func (s *Snapshot) mayBeCopied() bool {
	return len(s.sharing(s.clusterSubscriptions())) > 0 || s.isNamedForeign(s.identity().own)
}

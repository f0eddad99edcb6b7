package check

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What a snapshot tells of a cluster whose certificate is being renewed.

// isRenewing says whether the thumbprints of a port are those of one cluster, as one subscription
// tells.
func (p Port) isRenewing() bool {
	subscriptions := map[string]string{} // by thumbprint
	for _, server := range p.Entries {
		if server.Subscribes() {
			subscriptions[thumbprint.Clean(server.Thumbprint)] = server.SubscriptionID
		}
	}
	return !slices.ContainsFunc(p.Trusted, func(t string) bool {
		id, subscribes := subscriptions[t]
		return !subscribes || !octoapi.SameSubscription(id, subscriptions[p.Trusted[0]])
	})
}

// isRegistered says whether the server knows the Tentacle by a subscription.
func (s *Snapshot) isRegistered(subscription string) bool {
	return slices.ContainsFunc(s.API.Registrations, func(one octoapi.Registration) bool { return one.PolledWith([]string{subscription}) })
}

// replaced is the thumbprint under which the Tentacle polls the cluster whose API was asked, where
// the API names a new one, which is not trusted. It is "" elsewhere, and where no registration
// proves that it is that cluster.
func (s *Snapshot) replaced() string {
	if s.API.Thumbprint == "" || thumbprint.Contains(tentacleconfig.Thumbprints(s.Servers), s.API.Thumbprint) {
		return ""
	}
	for _, server := range s.Servers {
		isWebSite := strings.HasPrefix(server.Address, "wss:") // which has a certificate of its own
		if server.Subscribes() && !isWebSite && s.isRegistered(server.SubscriptionID) {
			return thumbprint.Clean(server.Thumbprint)
		}
	}
	return ""
}

// polledClusters are the clusters that are polled: one under two thumbprints is one.
func (s *Snapshot) polledClusters() (clusters [][]string) {
	for _, one := range s.polledThumbprints() {
		if !slices.ContainsFunc(clusters, func(known []string) bool { return thumbprint.Contains(known, one) }) {
			clusters = append(clusters, tentacleconfig.ClusterOf(s.Servers, one))
		}
	}
	return clusters
}

// ageOf compares what a port presents with what is trusted there: the age is above 0 for a newer
// thumbprint of the same cluster, and below 0 for an older one. Another cluster's is not ok.
func (s *Snapshot) ageOf(p Port) (age int, ok bool) {
	index := func(cluster []string, one string) int {
		return slices.IndexFunc(cluster, func(t string) bool { return thumbprint.Same(t, one) })
	}
	for _, cluster := range tentacleconfig.Renewals(s.Servers) {
		trusted, presented := index(cluster, p.Trusted[0]), index(cluster, p.Answer.Thumbprint)
		if trusted >= 0 && presented >= 0 {
			return presented - trusted, true
		}
	}
	return 0, false
}

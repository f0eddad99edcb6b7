package tentacleconfig

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// ClusterOf lists the thumbprints of the cluster that has these, which come first: a cluster is
// known under several while its certificate is renewed. Two thumbprints are of one cluster where an
// address is polled under both with the same subscription. Each is listed once, as
// thumbprint.Clean writes it. The time is linear in the list.
func ClusterOf(list []TrustedServer, thumbprints ...string) []string {
	var cluster []string
	add := func(one string) {
		if !thumbprint.Contains(cluster, one) {
			cluster = append(cluster, thumbprint.Clean(one))
		}
	}
	for _, one := range thumbprints {
		add(one)
	}
	at := map[polledAs][]string{} // the thumbprints there
	for _, s := range list {
		if s.Subscribes() {
			as := s.polledAs()
			if !thumbprint.Contains(at[as], s.Thumbprint) {
				at[as] = append(at[as], s.Thumbprint)
			}
		}
	}
	for known := -1; known != len(cluster); {
		known = len(cluster)
		for _, s := range list { // not the map: in the order of the list
			if !s.Subscribes() {
				continue
			}
			together := at[s.polledAs()]
			if len(together) > 1 && slices.ContainsFunc(together, func(one string) bool { return thumbprint.Contains(cluster, one) }) {
				for _, one := range together {
					add(one)
				}
			}
		}
	}
	return cluster
}

// polledAs is an address and the subscription under which it is polled.
type polledAs struct{ address, subscription string }

func (s TrustedServer) polledAs() polledAs {
	return polledAs{AddressKey(s.Address), strings.ToLower(strings.TrimRight(s.SubscriptionID, "/"))}
}

// PolledClusters are the clusters that are polled under a subscription, each with its thumbprints:
// see ClusterOf.
func PolledClusters(list []TrustedServer) (clusters [][]string) {
	for _, one := range Thumbprints(slices.DeleteFunc(slices.Clone(list), func(s TrustedServer) bool { return !s.Subscribes() })) {
		if !slices.ContainsFunc(clusters, func(known []string) bool { return thumbprint.Contains(known, one) }) {
			clusters = append(clusters, ClusterOf(list, one))
		}
	}
	return clusters
}

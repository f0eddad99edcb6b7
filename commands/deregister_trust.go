package commands

import (
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// clusterTrust is how a Tentacle trusts a cluster.
type clusterTrust struct {
	cluster       string   // its thumbprint; "" when it is not known
	trusted       bool     // it has an entry of the cluster
	listens       bool     // and one of them does not poll
	subscriptions []string // with which it polls; without an entry, with which it polled last
}

// trustIn is how the Tentacle trusts a cluster.
func (t *tentacle) trustIn(cluster string) clusterTrust {
	trust := newClusterTrust(t.servers, cluster)
	if !trust.trusted {
		trust.subscriptions = t.polledBefore(cluster)
	}
	return trust
}

func newClusterTrust(servers []tentacleconfig.TrustedServer, cluster string) clusterTrust {
	trust := clusterTrust{cluster: cluster}
	clusters := tentacleconfig.Thumbprints(servers) // of an unknown one: no registration has the subscription of another cluster
	if cluster != "" {
		clusters = tentacleconfig.ClusterOf(servers, cluster)
	}
	for _, s := range servers {
		if thumbprint.Contains(clusters, s.Thumbprint) {
			trust.trusted, trust.listens = true, trust.listens || !s.Polls()
		}
	}
	for _, c := range clusters {
		for _, id := range polledWith(servers, c) {
			if !containsSubscription(trust.subscriptions, id) {
				trust.subscriptions = append(trust.subscriptions, id)
			}
		}
	}
	return trust
}

// polledBefore are the subscriptions with which the Tentacle polled a cluster before it stopped
// trusting it, as the newest backup that trusts it tells. So a second run, after the trust has
// ended, does not mistake the registration of a machine with the same certificate for its own.
func (t *tentacle) polledBefore(cluster string) []string {
	backups, err := tentacleconfig.Backups(t.instance.ConfigPath)
	if err != nil {
		return nil // nothing is known, as without backups
	}
	for _, backup := range backups {
		if _, servers, err := backup.ReadUsable(); err == nil {
			if before := newClusterTrust(servers, cluster); before.trusted {
				return before.subscriptions
			}
		}
	}
	return nil
}

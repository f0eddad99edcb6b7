package commands

import (
	"cmp"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// trusting decides on the trusted servers of a registration.
type trusting struct {
	style      tentacleconfig.Style
	thumbprint string   // the cluster's
	addresses  []string // to poll

	given     string // the subscription of the command line; "" for none
	adopted   string // that of the Tentacle's registration; "" for none
	generated string // a new subscription, in case one is needed
	renew     string // what replaces the ones in the file, which are another Tentacle's; "" for nothing
	sent      string // the subscription that the server was told; "" until then
}

func (w trusting) decide(now []tentacleconfig.TrustedServer) (decision, error) {
	d := decision{thumbprint: w.thumbprint}
	now = tentacleconfig.Repair(now)
	if w.style == tentacleconfig.StyleListening {
		d.servers = tentacleconfig.Upsert(now, tentacleconfig.TrustedServer{Thumbprint: w.thumbprint, Style: tentacleconfig.StyleListening})
		return d, nil
	}
	d.subscription = cmp.Or(w.sent, w.subscription(now))
	d.servers = w.pollAll(now, d.subscription)
	return d, nil
}

// subscription is the one given, else that of an entry with the same address, else that of any
// other node of the cluster: with a new one, as in the Tentacle CLI, the registration would have
// one subscription and the nodes polled earlier another, from which no work would ever arrive. A
// file that has none gets the one of the registration, if that is this Tentacle's, else a new one.
func (w trusting) subscription(now []tentacleconfig.TrustedServer) string {
	switch {
	case w.given != "":
		return w.given
	case w.renew != "":
		return w.renew
	}
	ofCluster, wanted := "", tentacleconfig.AddressSetOf(w.addresses)
	for _, server := range now {
		if !server.Subscribes() {
			continue
		}
		if wanted.Has(server.Address) {
			return server.SubscriptionID
		}
		if ofCluster == "" && thumbprint.Same(server.Thumbprint, w.thumbprint) {
			ofCluster = server.SubscriptionID
		}
	}
	return cmp.Or(ofCluster, w.adopted, w.generated)
}

// pollAll gives every address an entry that polls with the subscription. Those that do already stay
// as they are.
func (w trusting) pollAll(now []tentacleconfig.TrustedServer, subscription string) []tentacleconfig.TrustedServer {
	entries := make([]tentacleconfig.TrustedServer, 0, len(w.addresses))
	there := map[string]tentacleconfig.TrustedServer{} // of several at an address, the last
	for _, server := range now {
		if thumbprint.Same(server.Thumbprint, w.thumbprint) {
			there[tentacleconfig.AddressKey(server.Address)] = server // with its unknown fields
		}
	}
	for _, address := range w.addresses {
		entry, known := there[tentacleconfig.AddressKey(address)]
		if !known {
			entry = tentacleconfig.TrustedServer{Thumbprint: w.thumbprint, Address: address}
		}
		entry.Style, entry.SubscriptionID = tentacleconfig.StylePolling, subscription
		entries = append(entries, entry)
	}
	after := tentacleconfig.Upsert(now, entries...)
	if w.given == "" && w.renew == "" {
		return after
	}
	// The cluster's other entries, too, or nothing would arrive from them: those at other
	// addresses, and while its certificate is renewed, those with its other thumbprint.
	cluster := tentacleconfig.ClusterOf(now, w.thumbprint)
	for i, server := range after {
		if server.Polls() && thumbprint.Contains(cluster, server.Thumbprint) && !octoapi.SameSubscription(server.SubscriptionID, subscription) {
			after[i].SubscriptionID = subscription
		}
	}
	return after
}

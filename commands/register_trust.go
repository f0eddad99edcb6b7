package commands

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
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
	renew     bool   // the ones in the file belong to another Tentacle
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
	case w.renew:
		return w.generated
	}
	ofCluster := ""
	for _, server := range now {
		if !server.Subscribes() {
			continue
		}
		if tentacleconfig.ContainsAddress(w.addresses, server.Address) {
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
	for _, address := range w.addresses {
		entry := tentacleconfig.TrustedServer{Thumbprint: w.thumbprint, Address: address}
		for _, server := range now {
			if thumbprint.Same(server.Thumbprint, w.thumbprint) && tentacleconfig.SameAddress(server.Address, address) {
				entry = server // with its unknown fields
			}
		}
		entry.Style, entry.SubscriptionID = tentacleconfig.StylePolling, subscription
		entries = append(entries, entry)
	}
	if w.given != "" || w.renew { // the cluster's other addresses, too, or nothing would arrive from them
		for _, server := range now {
			if server.Polls() && thumbprint.Same(server.Thumbprint, w.thumbprint) && !server.IsAt(w.addresses) {
				server.SubscriptionID = subscription
				entries = append(entries, server)
			}
		}
	}
	return tentacleconfig.Upsert(now, entries...)
}

// polledWith are the subscriptions with which a cluster is polled, each once.
func polledWith(servers []tentacleconfig.TrustedServer, cluster string) (subscriptions []string) {
	for _, s := range servers {
		known := func(id string) bool { return octoapi.SameSubscription(id, s.SubscriptionID) }
		if s.Subscribes() && thumbprint.Same(s.Thumbprint, cluster) && !slices.ContainsFunc(subscriptions, known) {
			subscriptions = append(subscriptions, s.SubscriptionID)
		}
	}
	return subscriptions
}

// polledAddresses are those at which a cluster is polled.
func polledAddresses(servers []tentacleconfig.TrustedServer, cluster string) (addresses []string) {
	for _, s := range servers {
		if s.Polls() && thumbprint.Same(s.Thumbprint, cluster) && !tentacleconfig.ContainsAddress(addresses, s.Address) {
			addresses = append(addresses, s.Address)
		}
	}
	return addresses
}

// settleSubscription decides which subscription the Tentacle has. It belongs to the certificate:
// Octopus hands out work by subscription alone, so a clone that has a certificate of its own, but
// the subscription of its original, would get the original's work.
func (reg *registering) settleSubscription(ctx context.Context) error {
	if reg.options.style != tentacleconfig.StylePolling {
		return nil
	}
	used := polledWith(reg.tentacle.servers, reg.thumbprint)
	named := reg.existing.named
	switch {
	case reg.trust.given != "":
		return reg.giveUp(ctx, used)
	case named != nil && thumbprint.Same(named.Endpoint.Thumbprint, reg.own) && named.Endpoint.Polls():
		reg.trust.adopted = named.Endpoint.URI
		return nil
	case len(used) == 0 || len(reg.existing.sameCertificate) > 0:
		return nil
	case named != nil && (octoapi.Registration{Machine: *named}).PolledWith(used):
		return nil // its certificate was replaced, and this is its registration
	}
	return reg.renewOfClone(ctx)
}

// giveUp refuses the subscription of the command line where that would cut off registrations which
// have the one in use.
func (reg *registering) giveUp(ctx context.Context, used []string) error {
	used = slices.DeleteFunc(used, func(s string) bool { return octoapi.SameSubscription(s, reg.trust.given) })
	if len(used) == 0 {
		return nil
	}
	found, _, err := reg.server.Registrations(ctx, reg.own)
	if err != nil {
		return err
	}
	for _, r := range found {
		ours := r.Space.ID == reg.space.ID && r.Kind == reg.options.kind.machine && reg.existing.named != nil && r.Machine.ID == reg.existing.named.ID
		if !ours && r.PolledWith(used) {
			return hint.Errorf("omit --server-subscription-id: all registrations of a Tentacle at one cluster have one subscription",
				"with the subscription %s, work for %s would not arrive any more: the Tentacle polls with %s", reg.trust.given, r, strings.Join(used, ", "))
		}
	}
	return nil
}

// renewOfClone gives the Tentacle a new subscription where its certificate is registered nowhere:
// no registration that the account sees has it, and no polling port trusts it.
func (reg *registering) renewOfClone(ctx context.Context) error {
	found, _, err := reg.server.Registrations(ctx, reg.own)
	if err != nil || len(found) > 0 {
		return err
	}
	addresses := append(slices.Clone(reg.options.addresses), polledAddresses(reg.tentacle.servers, reg.thumbprint)...)
	refused := false
	for _, port := range reg.server.askTrust(ctx, addresses, reg.certificate) {
		switch ofCluster := thumbprint.Same(port.Thumbprint, reg.thumbprint); {
		case ofCluster && port.Trust == octoapi.Trusted:
			return nil // it is registered where the account sees nothing
		case ofCluster && port.Trust == octoapi.NotTrusted:
			refused = true
		}
	}
	if !refused {
		reg.console.warn("it is not known whether the subscription in use is this Tentacle's own: no registration that the account may see has its certificate, and no polling port says whether it trusts it; the subscription is kept")
		return nil
	}
	reg.trust.renew = true
	reg.console.warn("this Tentacle's certificate is new to the cluster, so the subscription in use may be that of the machine it was copied from: it gets a new one")
	return nil
}

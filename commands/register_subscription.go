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

// settleSubscription decides which subscription the Tentacle has. It belongs to the certificate:
// Octopus hands out work by subscription alone, so a clone that has a certificate of its own, but
// the subscription of its original, would get the original's work.
func (reg *registering) settleSubscription(ctx context.Context) error {
	if reg.style != tentacleconfig.StylePolling {
		return nil
	}
	used := polledWith(reg.tentacle.servers, reg.trust.thumbprint)
	if reg.trust.given != "" {
		return reg.checkGivenSubscription(ctx, used)
	}
	if reg.trust.adopted = reg.registeredSubscription(used); reg.trust.adopted != "" {
		return reg.adoptRegistered(ctx, used)
	}
	if len(used) == 0 {
		return nil
	}
	for _, r := range reg.all {
		named := r.existing.named
		switch {
		case len(r.existing.sameCertificate) > 0:
			return nil
		case named != nil && (octoapi.Registration{Machine: *named}).PolledWith(used) && !reg.shared(ctx, r, *named):
			return nil // its certificate was replaced, and this is its registration
		}
	}
	return reg.renewForClone(ctx)
}

// registeredSubscription is the subscription of the registration that has the name, if it has this
// Tentacle's certificate; of several, one with which the Tentacle polls is preferred. "" is none.
func (reg *registering) registeredSubscription(used []string) (subscription string) {
	for _, r := range reg.all {
		named := r.existing.named
		if named == nil || !thumbprint.Same(named.Endpoint.Thumbprint, reg.own) || !named.Endpoint.Polls() {
			continue
		}
		if (octoapi.Registration{Machine: *named}).PolledWith(used) {
			return named.Endpoint.URI
		}
		subscription = cmp.Or(subscription, named.Endpoint.URI)
	}
	return subscription
}

// shared says whether another registration of this kind in this space has the same subscription: a
// clone's, or the original's. In another space, or of another kind, it may be the same Tentacle's.
// Where not all can be looked at, it is not known, and the subscription stays.
func (reg *registering) shared(ctx context.Context, of *oneRegistration, m octoapi.Machine) bool {
	found, _ := reg.server.WithSubscription(ctx, m.Endpoint.CommunicationStyle, []string{m.Endpoint.URI})
	return slices.ContainsFunc(found, func(r octoapi.Registration) bool { return of.listed(r) && r.Machine.ID != m.ID })
}

// registrations are those with this Tentacle's certificate that the account may see. One that may
// be where the server does not answer is an error: what is decided here is not to cut it off.
func (reg *registering) registrations(ctx context.Context) ([]octoapi.Registration, error) {
	found, unread, err := reg.server.Registrations(ctx, reg.own)
	if err == nil && unread != nil && !unread.Forbidden() {
		err = unread
	}
	return found, err
}

// adoptRegistered prefers the subscription of the registration to those in use if no registration
// with this certificate has one of them: a clone that was interrupted once it was registered, but
// before its file was saved, still has those of its original there.
func (reg *registering) adoptRegistered(ctx context.Context, used []string) error {
	adopted := reg.trust.adopted
	if len(used) == 0 || slices.ContainsFunc(used, func(s string) bool { return octoapi.SameSubscription(s, adopted) }) {
		return nil
	}
	found, err := reg.registrations(ctx)
	if err != nil || slices.ContainsFunc(found, func(r octoapi.Registration) bool { return r.PolledWith(used) }) {
		return err
	}
	reg.trust.renew = adopted
	reg.console.warn("this Tentacle is registered with the subscription %s, but polls with %s: it will poll with the first", adopted, strings.Join(used, ", "))
	return nil
}

// checkGivenSubscription refuses the subscription of the command line where that would cut off
// registrations which have the one in use.
func (reg *registering) checkGivenSubscription(ctx context.Context, used []string) error {
	used = slices.DeleteFunc(used, func(s string) bool { return octoapi.SameSubscription(s, reg.trust.given) })
	if len(used) == 0 {
		return nil
	}
	found, err := reg.registrations(ctx)
	if err != nil {
		return err
	}
	for _, r := range found {
		ours := slices.ContainsFunc(reg.all, func(one *oneRegistration) bool {
			return one.listed(r) && one.existing.named != nil && r.Machine.ID == one.existing.named.ID
		})
		if !ours && r.PolledWith(used) {
			return hint.Errorf("omit --server-subscription-id: all registrations of a Tentacle at one cluster have one subscription",
				"with the subscription %s, work for %s would not arrive any more: the Tentacle polls with %s", reg.trust.given, r, strings.Join(used, ", "))
		}
	}
	return nil
}

// renewForClone gives the Tentacle a new subscription where its certificate is registered nowhere:
// no registration that the account sees has it, and no polling port trusts it.
func (reg *registering) renewForClone(ctx context.Context) error {
	if slices.ContainsFunc(polledWith(reg.tentacle.servers, reg.trust.thumbprint), reg.certificate.Owns) {
		return nil
	}
	found, err := reg.registrations(ctx)
	if err != nil || len(found) > 0 {
		return err
	}
	addresses := slices.Clone(reg.addresses)
	addresses = append(addresses, notPolled(polledAddresses(reg.tentacle.servers, reg.trust.thumbprint), addresses)...)
	refused := false
	for _, port := range reg.server.askTrust(ctx, addresses, reg.certificate) {
		switch ofCluster := thumbprint.Same(port.Thumbprint, reg.trust.thumbprint); {
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
	reg.trust.renew = reg.trust.generated
	reg.console.warn("this Tentacle's certificate is new to the cluster, so the subscription in use may be that of the machine it was copied from: it gets a new one")
	return nil
}

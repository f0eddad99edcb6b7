package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// While a cluster's certificate is renewed, the Tentacle trusts both thumbprints, and no finding
// suggests to drop one before the renewal is done.

// renewals reports the clusters whose certificate is being renewed.
func (r *report) renewals() {
	for _, cluster := range tentacleconfig.Renewals(r.Servers) {
		renewed := cluster[len(cluster)-1]
		r.eachAbout(Finding{Thumbprint: renewed}, func() { r.renewal(cluster[:len(cluster)-1], renewed) })
	}
}

// renewal reports one cluster, by the thumbprints that have been trusted for longer, and the new
// one.
func (r *report) renewal(old []string, renewed string) {
	presented := map[string][]string{} // addresses, by the thumbprint
	var silent, incomplete []string
	polled := 0
	for _, p := range r.Ports {
		trustsNew, trustsOld := thumbprint.Contains(p.Trusted, renewed), slices.ContainsFunc(old, func(t string) bool { return thumbprint.Contains(p.Trusted, t) })
		if !trustsNew && !trustsOld {
			continue
		}
		polled++
		if !trustsNew {
			incomplete = append(incomplete, p.Address)
		}
		if p.Answer.Thumbprint == "" {
			silent = append(silent, p.Address)
		} else {
			presented[p.Answer.Thumbprint] = append(presented[p.Answer.Thumbprint], p.Address)
		}
	}
	what := fmt.Sprintf("renewal under way: %s and %s are trusted", strings.Join(old, ", "), renewed)
	for _, one := range append(old[:len(old):len(old)], renewed) { // another certificate has its own finding
		what += at("; "+one+" is presented at ", presented[one])
	}
	what += at("; no answer from ", silent)
	switch {
	case len(incomplete) > 0:
		r.warning(idRenewal, what, "at "+strings.Join(incomplete, ", ")+" only the old thumbprint is trusted: once such a node is restarted with the new certificate, the Tentacle refuses to talk to it",
			r.updateTrust(old[0], renewed))
	case len(presented[renewed]) == polled && len(old) == 1:
		r.warning(idRenewal, what, "the renewal is done: under the old thumbprint, the Tentacle tries each address without success, and logs that every two minutes",
			r.Tentacle.Command("update-trust", "--retire", "--oldThumbprint="+old[0], "--newThumbprint="+renewed))
	default:
		r.warning(idRenewal, what, "the Tentacle reaches a node whichever of the two certificates it presents"+nextLine+
			"renew the certificate and restart every node; then check shows the command that retires the old thumbprint", "")
	}
}

func at(text string, addresses []string) string {
	if len(addresses) == 0 {
		return ""
	}
	return text + strings.Join(addresses, ", ")
}

// contradicts says whether a port is polled with the thumbprints of several clusters.
func (p Port) contradicts() bool { return len(p.Trusted) > 1 && !p.isRenewing() }

// contradiction reports one address with several thumbprints of several clusters, as their
// subscriptions tell. Or it is one cluster, and the new thumbprint was given a subscription that
// the server does not know, as server-comms does it: then the subscription of the old one is the
// right one. What the port presents tells the two apart only together with what is registered.
func (r *report) contradiction(p Port) {
	what := fmt.Sprintf("%s is polled with %d thumbprints: %s", p.Address, len(p.Trusted), strings.Join(p.Trusted, ", "))
	const why = "a port presents only one certificate: with any other thumbprint, the Tentacle never connects"
	presented := p.Answer.Thumbprint
	i := slices.IndexFunc(p.Trusted, func(t string) bool { return presented != "" && !thumbprint.Same(t, presented) })
	if i < 0 || !thumbprint.Contains(p.Trusted, presented) {
		r.problem(idDuplicates, what, why+nextLine+"check again when the port responds to find out which one is out of date", "")
		return
	}
	stale := p.Trusted[i]
	switch ofCluster := thumbprint.Same(presented, r.API.Thumbprint); {
	case ofCluster && r.isRegisteredWith(p, presented):
		r.problem(idDuplicates, what, why+nextLine+"out of date: "+stale, r.Tentacle.Command("remove-server", p.Address, "--thumbprint="+stale))
	case ofCluster && r.isRegisteredWith(p, stale):
		r.problem(idDuplicates, what, "the port presents "+presented+", but the server knows the Tentacle by the subscription of "+stale+nextLine+
			"the certificate was renewed: the command gives both thumbprints that subscription",
			r.keepOld(stale, presented))
	case r.API.Thumbprint == "":
		r.problem(idDuplicates, what, why+nextLine+"the port presents "+presented+", but the server may know the Tentacle by the other one's subscription: ask it",
			r.Tentacle.Command("check", r.server()...))
	default:
		r.problem(idDuplicates, what, why+nextLine+"the port presents "+presented+", and it is not known by which of the subscriptions a server knows the Tentacle", "")
	}
}

// isRegisteredWith says whether the server knows the Tentacle by the subscription with which it
// polls the port under a thumbprint.
func (r *report) isRegisteredWith(p Port, trusted string) bool {
	return slices.ContainsFunc(p.Entries, func(server tentacleconfig.TrustedServer) bool {
		return server.Subscribes() && thumbprint.Same(server.Thumbprint, trusted) && r.isRegistered(server.SubscriptionID)
	})
}

// updateTrust trusts a new thumbprint: instead of the old one where every port presents the new
// certificate, else beside it.
func (r *report) updateTrust(old, renewed string) string {
	for _, p := range r.Ports {
		if thumbprint.Contains(p.Trusted, old) && !thumbprint.Same(p.Answer.Thumbprint, renewed) {
			return r.keepOld(old, renewed)
		}
	}
	return r.Tentacle.Command("update-trust", "--oldThumbprint="+old, "--newThumbprint="+renewed)
}

func (r *report) keepOld(old, renewed string) string {
	return r.Tentacle.Command("update-trust", "--keep-old", "--oldThumbprint="+old, "--newThumbprint="+renewed)
}

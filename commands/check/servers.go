package check

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// trustedServers checks the list of trusted servers on its own.
func (r *report) trustedServers() {
	switch {
	case r.ServersErr != nil:
		r.unusable(idTrustedServers, r.ServersErr, "the Tentacle cannot start, or trusts no server")
		return
	case len(r.Servers) == 0:
		r.warning(idTrustedServers, "the Tentacle trusts no Octopus Server yet", "it gets no work until it is registered", r.register("", nil))
		return
	}
	r.contradicts = slices.ContainsFunc(r.Ports, Port.contradicts)
	r.notStarting = slices.ContainsFunc(r.Servers, r.keepsFromStarting)
	for _, server := range r.Servers {
		r.aboutStart = r.keepsFromStarting(server)
		r.eachAbout(Finding{Address: tried(server), Thumbprint: thumbprint.Clean(server.Thumbprint)}, func() { r.entry(server) })
	}
	r.aboutStart = false
	if !tentacleconfig.Polling(r.Servers) && !r.found(idTrustedServers) {
		r.ok(idTrustedServers, "the Tentacle listens: it polls no server, and high availability needs no further setup")
		return
	}
	if !r.found(idTrustedServers) {
		r.ok(idTrustedServers, "it polls %s of %s; all entries are well-formed",
			plural.Of(len(r.Ports), "address", "addresses"), plural.Of(len(r.polledClusters()), "cluster", "clusters"))
	}
	r.duplicates()
	r.subscriptions()
}

// entry reports what an entry does not do although it appears to do it (OctopusTentacle,
// HalibutInitializer.cs, shows what each does).
func (r *report) entry(server tentacleconfig.TrustedServer) {
	r.entryThumbprint(server)
	r.entryAddress(server)
	if server.SubscriptionPreventsStart() {
		r.problem(idTrustedServers, fmt.Sprintf("%s is polled under %q, which is not a subscription", server.Address, server.SubscriptionID),
			doesNotStart, r.repair(server))
	}
	entry := nameOf(server)
	switch {
	case server.Style == tentacleconfig.StyleNone && server.Address != "" && !r.polledByAnother(server):
		r.problem(idTrustedServers, entry+" has no communication style", "it looks like a polled address, but is not polled", r.pollEntry(server))
	case server.Style == tentacleconfig.StyleNone && server.Address != "":
		r.warning(idTrustedServers, entry+" has a second entry, without a communication style", "that entry has no effect", r.pollEntry(server))
	case !r.Listens && !server.Polls() && server.Style != tentacleconfig.StylePolling && !thumbprint.Contains(r.polledThumbprints(), server.Thumbprint):
		r.problem(idTrustedServers, entry+" is not polled, and the Tentacle does not listen ("+tentacleconfig.KeyNoListen+")",
			"nothing from that server reaches this Tentacle", r.Tentacle.Command("configure", "--noListen=false"))
	}
}

// keepsFromStarting says whether the Tentacle does not start because of an entry that no change
// repairs by the way.
func (s *Snapshot) keepsFromStarting(server tentacleconfig.TrustedServer) bool {
	if server.Respelled().AddressPreventsStart() {
		return true
	}
	return server.SubscriptionPreventsStart() && len(s.subscriptionsOf(server.Thumbprint)) == 0 &&
		tentacleconfig.Repair([]tentacleconfig.TrustedServer{server})[0].SubscriptionPreventsStart()
}

func nameOf(server tentacleconfig.TrustedServer) string {
	return cmp.Or(server.Address, "the entry with thumbprint "+server.Thumbprint)
}

// doesNotStart is why an entry matters that the Tentacle fails on when it starts.
const doesNotStart = "the Tentacle does not start with it: it polls nothing, and does not listen either"

func (r *report) entryThumbprint(server tentacleconfig.TrustedServer) {
	needed := server.Respelled().Thumbprint
	trimmed := strings.TrimSpace(server.Thumbprint) // as Tentacle reads it
	switch {
	case trimmed == "": // OctopusServerConfiguration.cs refuses it, and with it the whole list
		r.problem(idTrustedServers, cmp.Or(server.Address, "an entry")+" has no thumbprint",
			doesNotStart+nextLine+"remove the entry from the setting "+tentacleconfig.KeyTrustedServers+" in "+r.Tentacle.Instance.ConfigPath, "")
	case !thumbprint.Valid(needed):
		r.problem(idTrustedServers,
			fmt.Sprintf("%s has %q as its thumbprint, which is not 40 hexadecimal digits", cmp.Or(server.Address, "an entry"), server.Thumbprint),
			"no server can match it", r.correctThumbprint(server))
	case needed == trimmed:
	case server.Polls():
		r.problem(idTrustedServers, fmt.Sprintf("%s is polled with the thumbprint %q, not %s", server.Address, server.Thumbprint, needed),
			"the Tentacle compares thumbprints of polled servers exactly: it never connects to this one", r.repair(server))
	default:
		fix := r.Tentacle.Command("server-comms", "--style=TentaclePassive", "--thumbprint="+needed)
		if server.Style == tentacleconfig.StyleNone && server.Address != "" {
			fix = r.pollEntry(server)
		}
		r.problem(idTrustedServers, fmt.Sprintf("an entry has the thumbprint %q, not %s", server.Thumbprint, needed), "no server can match it", fix)
	}
}

func (r *report) entryAddress(server tentacleconfig.TrustedServer) {
	_, err := tentacleconfig.AddressOf(server.Address)
	switch at, parseErr := url.Parse(server.Address); {
	case server.Style == tentacleconfig.StylePolling && server.Address == "":
		r.noAddress(server)
	case !server.Polls() || err == nil:
	case server.AddressPreventsStart():
		r.problem(idTrustedServers, err.Error(), doesNotStart, r.repair(server))
	case parseErr != nil || at.Hostname() == "":
		r.problem(idTrustedServers, err.Error(), "the Tentacle never connects to it", r.repair(server))
	default:
		r.warning(idTrustedServers, err.Error(), "the Tentacle uses only its host and port, but other programs take it for another address", r.repair(server))
	}
}

// noAddress reports an entry that polls, but not where: the Tentacle skips it with a warning in its
// log. That matters only where it polls the cluster at no other address.
func (r *report) noAddress(server tentacleconfig.TrustedServer) {
	what := nameOf(server) + " polls, but has no address"
	if len(r.subscriptionsOf(server.Thumbprint)) > 0 {
		r.warning(idTrustedServers, what, "the Tentacle skips it, and polls that server at its other addresses", r.giveAddress(server))
		return
	}
	r.problem(idTrustedServers, what, "the Tentacle skips it, so work from that server never arrives", r.giveAddress(server))
}

// polledByAnother says whether another entry polls what this one does not.
func (s *Snapshot) polledByAnother(server tentacleconfig.TrustedServer) bool {
	return slices.ContainsFunc(s.Servers, func(other tentacleconfig.TrustedServer) bool {
		return other.Polls() && thumbprint.Same(other.Thumbprint, server.Thumbprint) && tentacleconfig.SameAddress(other.Address, server.Address)
	})
}

// duplicates looks for addresses with several entries.
func (r *report) duplicates() {
	for _, p := range r.Ports {
		for _, trusted := range p.Trusted {
			var entries []tentacleconfig.TrustedServer
			for _, server := range p.Entries { // a misspelled one is never connected to, and has its own finding
				if server.Equal(server.Respelled()) && thumbprint.Same(server.Thumbprint, trusted) {
					entries = append(entries, server)
				}
			}
			if len(entries) > 1 {
				r.eachAbout(Finding{Address: p.Address, Thumbprint: trusted}, func() { r.duplicate(p, entries) })
			}
		}
		if p.contradicts() {
			r.eachAbout(Finding{Address: p.Address}, func() { r.contradiction(p) })
		}
	}
	if !r.found(idDuplicates) && tentacleconfig.Polling(r.Servers) {
		r.ok(idDuplicates, "no address is polled twice")
	}
}

// duplicate reports an address that several entries poll with one thumbprint.
func (r *report) duplicate(p Port, entries []tentacleconfig.TrustedServer) {
	r.warning(idDuplicates, fmt.Sprintf("%s is polled %d times with the same thumbprint", p.Address, len(entries)),
		"the Tentacle opens every connection that many times, and the Tentacle CLI fails on such a list", r.pollEntry(entries[0]))
}

// subscriptions checks that each cluster is polled with one subscription: the server queues the
// Tentacle's work under one.
func (r *report) subscriptions() {
	for _, cluster := range r.polledThumbprints() {
		r.eachAbout(Finding{Thumbprint: cluster}, func() { r.subscriptionsOfCluster(cluster) })
	}
	if !r.found(idSubscriptions) && tentacleconfig.Polling(r.Servers) {
		r.ok(idSubscriptions, "each cluster is polled with one subscription")
	}
}

func (r *report) subscriptionsOfCluster(cluster string) {
	for _, server := range r.Servers {
		if server.Polls() && thumbprint.Same(server.Thumbprint, cluster) && !server.Subscribes() && !server.SubscriptionPreventsStart() {
			r.problem(idSubscriptions, "the Tentacle polls under no subscription at "+server.Address, "so it polls as poll:///, for which no server has work", r.repair(server)).Address = tried(server)
		}
	}
	all := r.subscriptionsOf(cluster)
	if len(all) < 2 {
		return
	}
	correct := r.correct(all)
	ids := make([]string, len(all))
	for i, one := range all {
		ids[i] = one.id + "/"
	}
	isWrong := func(server tentacleconfig.TrustedServer) bool {
		return server.Subscribes() && thumbprint.Same(server.Thumbprint, cluster) && !octoapi.SameSubscription(server.SubscriptionID, correct.id)
	}
	wrong := r.Servers[slices.IndexFunc(r.Servers, isWrong)]
	r.problem(idSubscriptions, fmt.Sprintf("the cluster %s is polled with %d subscriptions: %s", cluster, len(all), strings.Join(ids, ", ")),
		fmt.Sprintf("the server knows the Tentacle by one of them, and work queued on a node that is polled with another waits forever"+nextLine+"the command below keeps %s/", correct.id),
		r.pollEntry(wrong))
}

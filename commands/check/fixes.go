package check

import (
	"net/url"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// The commands that fix several kinds of findings.

func (r *report) windows() bool { return r.Tentacle.GOOS == "windows" }

// pollEntry makes one entry of an entry with an address and of those that say the same: it polls,
// and is spelled as the Tentacle needs it. It asks nobody, and changes nothing else, unless the
// cluster is polled with several subscriptions: the correct one is used everywhere then. Where the
// address names no host, its entry is removed if the cluster is polled at others.
func (r *report) pollEntry(server tentacleconfig.TrustedServer) string {
	all := r.subscriptionsOf(server.Thumbprint)
	if len(all) < 2 {
		return r.pollEntryWith(server)
	}
	option := "--server-subscription-id=" + r.correct(all).id + "/"
	fix := r.pollEntryWith(server, option)
	if !strings.Contains(fix, option) {
		return fix
	}
	switch known := r.registeredAmong(all); {
	case known == 0:
		r.open[fix] = "a guess: it is not known by which one the server knows the Tentacle"
	case known > 1:
		r.open[fix] = "first make the registrations have one subscription"
	}
	return fix
}

// pollEntryWith is pollEntry with further options.
func (r *report) pollEntryWith(server tentacleconfig.TrustedServer, more ...string) string {
	options := append([]string{"--style=TentacleActive", "--thumbprint=" + thumbprint.Clean(server.Thumbprint)}, more...)
	polls := server.Polls()
	server.Style = tentacleconfig.StylePolling
	address := tried(server)
	if strings.HasPrefix(address, "wss:") {
		return r.Tentacle.Command("server-comms", append(options, "--web-socket="+address)...)
	}
	host, port := hostAndPort(address)
	switch {
	case host != "":
		return r.Tentacle.Command("server-comms", append(options, "--host="+host, "--port="+port)...)
	case !polls:
		return "" // no command removes it alone
	case len(r.usableAddresses(server.Thumbprint)) > 0 && !r.subscribesAlone(server) && !strings.ContainsAny(server.Address, "@,"):
		return r.Tentacle.Command("remove-server", server.Address, "--thumbprint="+thumbprint.Clean(server.Thumbprint))
	}
	addresses := append(r.usableAddresses(server.Thumbprint), "ADDRESS")
	return r.Tentacle.Command("sync-servers", append(r.server(), "--server-comms-address="+strings.Join(addresses, ","))...)
}

// registeredAmong is how many of the subscriptions the server knows the Tentacle by.
func (r *report) registeredAmong(all []subscription) (known int) {
	for _, one := range all {
		if slices.ContainsFunc(r.API.Registrations, func(of octoapi.Registration) bool { return octoapi.SameSubscription(one.id, of.Machine.Endpoint.URI) }) {
			known++
		}
	}
	return known
}

// subscribesAlone says whether no other entry has a subscription for the entry's cluster.
func (r *report) subscribesAlone(server tentacleconfig.TrustedServer) bool {
	return server.Subscribes() && !slices.ContainsFunc(r.Servers, func(other tentacleconfig.TrustedServer) bool {
		return other.Subscribes() && thumbprint.Same(other.Thumbprint, server.Thumbprint) && !tentacleconfig.SameAddress(other.Address, server.Address)
	})
}

// hostAndPort are those of an address with whatever is wrong with it. The host is "" where it
// cannot be told, and the port a placeholder.
func hostAndPort(address string) (host, port string) {
	bare := !strings.Contains(address, "://")
	if bare {
		address = "https://" + address
	}
	at, err := url.Parse(address)
	if err != nil {
		return "", ""
	}
	at = &url.URL{Scheme: "https", Host: at.Host}
	canonical, err := tentacleconfig.AddressOf(at.String())
	if err != nil {
		return "", ""
	}
	if bare && at.Port() == "" {
		return at.Hostname(), "PORT"
	}
	at, err = url.Parse(canonical)
	if err != nil {
		return "", ""
	}
	return at.Hostname(), at.Port()
}

// repair spells a polled entry as the Tentacle needs it, and gives it a subscription where it has
// none: that of the cluster's other addresses, that of the Squid, or the one under which the server
// knows the Tentacle. Where there is none, the Tentacle has to be registered.
func (r *report) repair(server tentacleconfig.TrustedServer) string {
	repaired := tentacleconfig.Repair([]tentacleconfig.TrustedServer{server})
	switch registered := r.registered(); {
	case repaired[0].Subscribes() || len(r.subscriptionsOf(server.Thumbprint)) > 0:
		return r.pollEntry(server)
	case registered != "":
		return r.pollEntryWith(server, "--server-subscription-id="+registered)
	}
	return r.register("", []string{tried(server)})
}

// usableAddresses are those at which the Tentacle can poll a cluster.
func (r *report) usableAddresses(cluster string) (addresses []string) {
	for _, p := range r.Ports {
		if _, err := tentacleconfig.AddressOf(p.Address); err == nil && thumbprint.Contains(p.Trusted, cluster) {
			addresses = append(addresses, p.Address)
		}
	}
	return addresses
}

// giveAddress is for an entry that polls, but has no address: where the cluster is polled at
// others, none is needed, and the entry becomes one for a server that connects to this Tentacle.
func (r *report) giveAddress(server tentacleconfig.TrustedServer) string {
	of := "--thumbprint=" + thumbprint.Clean(server.Thumbprint)
	if len(r.subscriptionsOf(server.Thumbprint)) > 0 {
		return r.Tentacle.Command("server-comms", "--style=TentaclePassive", of)
	}
	return r.Tentacle.Command("server-comms", "--style=TentacleActive", of, "--host=HOST")
}

// correctThumbprint is for an entry whose thumbprint is none. No server matches it, so nothing is
// lost with it; but where it is the only one, its address is worth keeping.
func (r *report) correctThumbprint(server tentacleconfig.TrustedServer) string {
	if thumbprint.Clean(server.Thumbprint) == "" || strings.Contains(server.Thumbprint, ",") {
		return ""
	}
	isIts := func(p Port) bool { return thumbprint.Contains(p.Trusted, server.Thumbprint) }
	if i := slices.IndexFunc(r.Ports, isIts); i >= 0 && r.renewed(r.Ports[i]) && !r.aboutStart {
		fix := r.Tentacle.Command("update-trust", "--oldThumbprint="+server.Thumbprint, "--newThumbprint="+r.API.Thumbprint)
		if of := append(r.subscriptionsOf(server.Thumbprint), r.subscriptionsOf(r.API.Thumbprint)...); slices.ContainsFunc(of, func(one subscription) bool { return one.id != of[0].id }) {
			r.open[fix] = "first make the cluster's entries have one subscription" // of two for one address, one remains
		}
		return fix
	}
	if slices.ContainsFunc(tentacleconfig.Thumbprints(r.Servers), thumbprint.Valid) {
		return r.Tentacle.Command("configure", "--remove-trust="+server.Thumbprint)
	}
	return r.Tentacle.Command("update-trust", "--oldThumbprint="+server.Thumbprint, "--newThumbprint=THUMBPRINT")
}

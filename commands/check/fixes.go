package check

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// The commands that fix several kinds of findings.

func (r *report) windows() bool { return r.Tentacle.GOOS == "windows" }

// pollEntry turns an entry that has an address into one that polls.
func (r *report) pollEntry(server tentacleconfig.TrustedServer) string {
	server.Style = tentacleconfig.StylePolling
	address := tried(server)
	at, err := url.Parse(address)
	if err != nil || at.Hostname() == "" {
		return r.correctAddress(server)
	}
	options := []string{"--style=TentacleActive", "--thumbprint=" + thumbprint.Clean(server.Thumbprint)}
	if at.Scheme == "wss" {
		return r.Tentacle.Command("server-comms", append(options, "--web-socket="+address)...)
	}
	options = append(options, "--host="+at.Hostname())
	if port := at.Port(); port != "" {
		options = append(options, "--port="+port)
	}
	return r.Tentacle.Command("server-comms", options...)
}

// repair spells a polled entry as the Tentacle needs it, and gives it a subscription where it has
// none: that of the cluster's other addresses, or of the Squid. Where there is neither, the
// Tentacle has to be registered, under the subscription that the server knows, if any.
func (r *report) repair(server tentacleconfig.TrustedServer) string {
	repaired := tentacleconfig.Repair([]tentacleconfig.TrustedServer{server})
	if repaired[0].Subscribes() || len(r.subscriptionsOf(server.Thumbprint)) > 0 {
		return r.pollEntry(server)
	}
	return r.registerAgain(r.registered(), []string{tried(server)})
}

// correctAddress polls the cluster at its usable addresses and, instead of the entry's, at one like
// it: its host and port, as far as they can be told. The subscription stays.
func (r *report) correctAddress(server tentacleconfig.TrustedServer) string {
	var addresses []string
	for _, p := range r.Ports {
		if _, err := tentacleconfig.AddressOf(p.Address); err == nil && thumbprint.Contains(p.Trusted, server.Thumbprint) {
			addresses = append(addresses, p.Address)
		}
	}
	like := "https://octopus.example.com:" + defaultPort
	if guess, err := tentacleconfig.AddressOf("https://" + server.Address + ":" + defaultPort); err == nil {
		like = guess
	} else if at, err := url.Parse(server.Address); err == nil && at.Hostname() != "" {
		at = &url.URL{Scheme: "https", Host: at.Host}
		if guess, err := tentacleconfig.AddressOf(at.String()); err == nil {
			like = guess
		}
	}
	return r.Tentacle.Command("sync-servers", append(r.server(), "--server-comms-address="+strings.Join(append(addresses, like), ","))...)
}

// defaultPort is the polling port of a server that is not configured otherwise.
var defaultPort = strconv.Itoa(octoapi.DefaultPollingPort)

// giveAddress is for an entry that polls, but has no address: where the cluster is polled at
// others, it is not needed.
func (r *report) giveAddress(server tentacleconfig.TrustedServer) string {
	if len(r.subscriptionsOf(server.Thumbprint)) > 0 {
		return r.keepOnlyPolled()
	}
	return r.Tentacle.Command("server-comms", "--style=TentacleActive", "--thumbprint="+thumbprint.Clean(server.Thumbprint), "--host=octopus.example.com")
}

// keepOnlyPolled removes the entries without an address, and then trusts the servers that connect
// to this Tentacle again. It is no fix where an address is wrong: its entry would be lost.
func (r *report) keepOnlyPolled() string {
	var polled []string
	for _, p := range r.Ports {
		if _, err := tentacleconfig.AddressOf(p.Address); err != nil {
			return ""
		}
		polled = append(polled, p.Address)
	}
	command := r.Tentacle.Command("clear-trusted-servers", "--keep="+strings.Join(polled, ","))
	var trust []string
	for _, server := range r.Servers {
		option := "--trust=" + server.Thumbprint
		if server.Style == tentacleconfig.StyleListening && thumbprint.Valid(server.Thumbprint) && !slices.Contains(trust, option) {
			trust = append(trust, option)
		}
	}
	if len(trust) > 0 {
		command += " && " + r.Tentacle.Command("configure", trust...)
	}
	return command
}

// pollOnce replaces all entries of an address with a single one.
func (r *report) pollOnce(p Port, cluster string) string {
	for _, server := range r.Servers {
		if server.Subscribes() && thumbprint.Same(server.Thumbprint, cluster) && !tentacleconfig.SameAddress(server.Address, p.Address) {
			return r.removeAndPoll(cluster, []string{p.Address})
		}
	}
	// No other entry would be left to take the subscription from.
	id := ""
	if used := r.subscriptionsOf(cluster); len(used) > 0 {
		id = r.correct(used).id + "/"
	}
	return r.removeAndRegister(cluster, id, []string{p.Address})
}

// useSubscription polls the addresses that are polled with a wrong subscription with the correct
// one.
func (r *report) useSubscription(cluster string, correct subscription, wrong []string) string {
	onlyCorrect := func(address string) bool { return !tentacleconfig.ContainsAddress(wrong, address) }
	if slices.ContainsFunc(correct.addresses, onlyCorrect) {
		return r.removeAndPoll(cluster, wrong)
	}
	return r.removeAndRegister(cluster, correct.id+"/", wrong)
}

// removeAndPoll gives addresses entries like those of the cluster's other addresses.
func (r *report) removeAndPoll(cluster string, addresses []string) string {
	return r.Tentacle.Command("remove-server", append(slices.Clone(addresses), "--thumbprint="+cluster)...) + " && " +
		r.Tentacle.Command("poll-server", append(r.server(), "--server-comms-address="+strings.Join(addresses, ","))...)
}

// removeAndRegister is removeAndPoll where the cluster has no other address. It tries first whether
// the registration will succeed: in between, the Tentacle does not poll the cluster.
func (r *report) removeAndRegister(cluster, subscription string, addresses []string) string {
	register := r.registerAgain(subscription, addresses)
	if register == "" {
		return ""
	}
	return register + " --dry-run && " +
		r.Tentacle.Command("remove-server", append(slices.Clone(addresses), "--thumbprint="+cluster, "--force")...) + " && " + register
}

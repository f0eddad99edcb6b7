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

func (r *report) updateTrust(expired, renewed string) string {
	return r.Tentacle.Command("update-trust", "--oldThumbprint="+expired, "--newThumbprint="+renewed)
}

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

// removeAndRegister is removeAndPoll where the cluster has no other address.
func (r *report) removeAndRegister(cluster, subscription string, addresses []string) string {
	return r.Tentacle.Command("remove-server", append(slices.Clone(addresses), "--thumbprint="+cluster, "--force")...) + " && " +
		r.registerAgain(subscription, addresses)
}

// server names the Octopus Server in a command.
func (r *report) server() []string {
	if len(r.ServerOptions) > 0 {
		return slices.Clone(r.ServerOptions)
	}
	return []string{"--server=https://octopus.example.com"}
}

// registerAgain registers the Tentacle with a subscription ("": the one in use), the way it is
// registered now, as far as that is known.
func (r *report) registerAgain(subscription string, addresses []string) string {
	if len(r.API.Registrations) > 0 {
		return r.registerOneAgain(r.API.Registrations[0], subscription, addresses)
	}
	options := append(r.server(), "--environment=Production", "--role=web-server")
	return r.register("register-with", options, subscription, addresses)
}

// registerOneAgain repeats one registration.
func (r *report) registerOneAgain(one octoapi.Registration, subscription string, addresses []string) string {
	name := "register-with"
	if one.Kind == octoapi.Worker {
		name = "register-worker"
	}
	return r.register(name, append(r.server(), registrationOptions(one)...), subscription, addresses)
}

func (r *report) register(name string, options []string, subscription string, addresses []string) string {
	options = append(options, "--comms-style=TentacleActive")
	if subscription != "" {
		options = append(options, "--server-subscription-id="+subscription)
	}
	if len(addresses) > 0 {
		options = append(options, "--server-comms-address="+strings.Join(addresses, ","))
	}
	return r.Tentacle.Command(name, options...)
}

// registrationOptions are the options that recreate a registration.
func registrationOptions(one octoapi.Registration) (options []string) {
	m := one.Machine
	options = append(options, "--force", "--name="+m.Name)
	for _, list := range []struct {
		option string
		values []string
	}{
		{"--space=", []string{one.Space.ID}},
		{"--policy=", []string{m.PolicyID}},
		{"--tenanted-deployment-participation=", []string{m.TenantedDeploymentParticipation}},
		{"--environment=", m.EnvironmentIDs},
		{"--role=", m.Roles},
		{"--tenant=", m.TenantIDs},
		{"--tenanttag=", m.TenantTags},
		{"--workerpool=", m.WorkerPoolIDs},
	} {
		for _, value := range list.values {
			if value != "" {
				options = append(options, list.option+value)
			}
		}
	}
	return options
}

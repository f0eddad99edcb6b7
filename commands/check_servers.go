package commands

import (
	"cmp"
	"crypto/sha1" // #nosec G505: a thumbprint is a SHA-1 by definition
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What check has to say about the list of trusted servers by itself.

func (j *judgement) judgeServers() {
	switch {
	case j.serversErr != nil:
		j.unusable(idTrustedServers, j.serversErr, "the Tentacle cannot start, or trusts nobody")
		return
	case len(j.servers) == 0:
		j.warning(idTrustedServers, "the Tentacle trusts no Octopus Server yet", "it gets no work before it is registered", j.registerAgain("", nil))
		return
	}
	for _, server := range j.servers {
		j.judgeEntry(server)
	}
	if !polling(j.servers) && !j.found(idTrustedServers) {
		j.ok(idTrustedServers, "the Tentacle listens: it polls nothing, and needs nothing for high availability")
		return
	}
	if !j.found(idTrustedServers) {
		j.ok(idTrustedServers, "it polls %s of %s; all entries are well-formed", plural(len(j.ports), "address", "addresses"), plural(len(j.polledThumbprints()), "cluster", "clusters"))
	}
	j.judgeDuplicates()
	j.judgeSubscriptions()
}

// judgeEntry looks for entries that do not do what they seem to
// (OctopusTentacle, HalibutInitializer.cs, says what each does).
func (j *judgement) judgeEntry(server tentacleconfig.TrustedServer) {
	entry := cmp.Or(server.Address, "the entry with thumbprint "+server.Thumbprint)
	drop := j.command("configure", "--remove-trust="+server.Thumbprint)
	_, addressErr := tentacleconfig.AddressOf(server.Address)
	switch {
	case !isThumbprint(server.Thumbprint):
		j.problem(idTrustedServers, fmt.Sprintf("%s has the thumbprint %q, which is not one (40 hexadecimal digits)", cmp.Or(server.Address, "an entry"), server.Thumbprint),
			"no server can have it", drop)
	case server.Address != "" && addressErr != nil:
		j.problem(idTrustedServers, firstLine(addressErr), "the Tentacle cannot use such an address, and may not start", j.keepOnlyGood())
	case server.Style == tentacleconfig.StylePolling && server.Address == "":
		j.problem(idTrustedServers, entry+" polls, but has no address", "it polls nothing, and work of its server does not come", j.keepOnlyGood())
	case server.Style == tentacleconfig.StyleNone && server.Address != "" && !j.polls(server):
		j.problem(idTrustedServers, entry+" has no communication style", "it looks as if it were polled, but is not", j.pollIt(server))
	case server.Style == tentacleconfig.StyleNone && server.Address != "":
		j.warning(idTrustedServers, entry+" is there a second time, without a communication style", "that entry does nothing", j.pollIt(server))
	case j.noListen && !server.Polls() && !containsThumbprint(j.polledThumbprints(), server.Thumbprint):
		j.problem(idTrustedServers, entry+" is not polled, and the Tentacle does not listen ("+tentacleconfig.KeyNoListen+")",
			"nothing of that server comes through", j.command("configure", "--noListen=false"))
	}
}

func isThumbprint(text string) bool {
	digits, err := hex.DecodeString(text)
	return err == nil && len(digits) == sha1.Size
}

// polls says whether another entry polls what this one does not.
func (f *facts) polls(server tentacleconfig.TrustedServer) bool {
	return slices.ContainsFunc(f.servers, func(s tentacleconfig.TrustedServer) bool {
		return s.Polls() && sameThumbprint(s.Thumbprint, server.Thumbprint) && tentacleconfig.SameAddress(s.Address, server.Address)
	})
}

// pollIt makes an entry with an address poll.
func (j *judgement) pollIt(server tentacleconfig.TrustedServer) string {
	at, err := url.Parse(server.Address)
	if err != nil {
		return ""
	}
	options := []string{"--style=TentacleActive", "--thumbprint=" + server.Thumbprint}
	if at.Scheme == "wss" {
		return j.command("server-comms", append(options, "--web-socket="+server.Address)...)
	}
	options = append(options, "--host="+at.Hostname())
	if port := at.Port(); port != "" {
		options = append(options, "--port="+port)
	}
	return j.command("server-comms", options...)
}

// keepOnlyGood drops the entries without a usable address, and trusts again
// those that are listened to, which have none.
func (j *judgement) keepOnlyGood() string {
	var good []string
	for _, p := range j.ports {
		if _, err := tentacleconfig.AddressOf(p.address); err == nil {
			good = append(good, p.address)
		}
	}
	var keep []string
	if len(good) > 0 {
		keep = append(keep, "--keep="+strings.Join(good, ","))
	}
	command := j.command("clear-trusted-servers", keep...)
	var trust []string
	for _, server := range j.servers {
		if server.Style == tentacleconfig.StyleListening && isThumbprint(server.Thumbprint) && !slices.Contains(trust, "--trust="+server.Thumbprint) {
			trust = append(trust, "--trust="+server.Thumbprint)
		}
	}
	if len(trust) > 0 {
		command += " && " + j.command("configure", trust...)
	}
	return command
}

// polledThumbprints are the clusters that are polled.
func (f *facts) polledThumbprints() []string {
	return distinctThumbprints(slices.DeleteFunc(slices.Clone(f.servers), func(s tentacleconfig.TrustedServer) bool { return !s.Polls() }))
}

// judgeDuplicates: the same address twice.
func (j *judgement) judgeDuplicates() {
	for _, p := range j.ports {
		for _, thumbprint := range p.trusted {
			entries := 0
			for _, server := range p.entries {
				if sameThumbprint(server.Thumbprint, thumbprint) {
					entries++
				}
			}
			if entries > 1 {
				j.warning(idDuplicates, fmt.Sprintf("%s is polled %d times under the same thumbprint", p.address, entries),
					"the Tentacle makes every connection as often, and the real Tentacle's commands fail on such a list", j.pollAnew(p, thumbprint))
			}
		}
		if len(p.trusted) > 1 {
			j.judgeContradiction(p)
		}
	}
	if !j.found(idDuplicates) && polling(j.servers) {
		j.ok(idDuplicates, "no address is polled twice")
	}
}

// judgeContradiction: one address, several thumbprints. What answers there now
// tells which are out of date.
func (j *judgement) judgeContradiction(p portFact) {
	what := fmt.Sprintf("%s is polled under %d thumbprints: %s", p.address, len(p.trusted), strings.Join(p.trusted, ", "))
	const why = "one port presents one certificate: under the other thumbprints the Tentacle tries in vain, for ever"
	for _, stale := range p.trusted {
		if p.port.Thumbprint != "" && !sameThumbprint(stale, p.port.Thumbprint) {
			j.problem(idDuplicates, what, why+"\nout of date is "+stale, j.command("remove-server", p.address, "--thumbprint="+stale))
			return
		}
	}
	j.problem(idDuplicates, what, why+"\nwhich is out of date shows when the port answers", "")
}

// pollAnew removes all entries for an address and makes a single one.
func (j *judgement) pollAnew(p portFact, thumbprint string) string {
	for _, server := range j.servers {
		if server.Polls() && sameThumbprint(server.Thumbprint, thumbprint) && server.SubscriptionID != "" && !tentacleconfig.SameAddress(server.Address, p.address) {
			return j.command("remove-server", p.address, "--thumbprint="+thumbprint) + " && " + j.command("poll-server", append(j.server(), "--server-comms-address="+p.address)...)
		}
	}
	// None would be left to take the subscription from.
	subscription := ""
	if used := j.subscriptionsOf(thumbprint); len(used) > 0 {
		subscription = j.right(used).id + "/"
	}
	return j.command("remove-server", p.address, "--thumbprint="+thumbprint, "--force") + " && " + j.registerAgain(subscription, []string{p.address})
}

// judgeSubscriptions: each cluster's work for this Tentacle waits under one
// subscription.
func (j *judgement) judgeSubscriptions() {
	for _, thumbprint := range j.polledThumbprints() {
		j.judgeSubscriptionsOf(thumbprint)
	}
	if !j.found(idSubscriptions) && polling(j.servers) {
		j.ok(idSubscriptions, "each cluster is polled under one subscription")
	}
}

func (j *judgement) judgeSubscriptionsOf(thumbprint string) {
	for _, server := range j.servers {
		if server.Polls() && sameThumbprint(server.Thumbprint, thumbprint) && server.SubscriptionID == "" {
			j.problem(idSubscriptions, server.Address+" is polled without a subscription", "the server hands over nothing without", j.pollIt(server))
		}
	}
	all := j.subscriptionsOf(thumbprint)
	if len(all) < 2 {
		return
	}
	right := j.right(all)
	var ids, wrong []string
	for _, s := range all {
		ids = append(ids, s.id+"/")
		if s.id != right.id {
			wrong = append(wrong, s.addresses...)
		}
	}
	mend := j.command("remove-server", append(slices.Clone(wrong), "--thumbprint="+thumbprint)...) + " && " +
		j.command("poll-server", append(j.server(), "--server-comms-address="+strings.Join(wrong, ","))...)
	if !slices.ContainsFunc(right.addresses, func(a string) bool { return !containsAddress(wrong, a) }) {
		// Every address is there under a wrong one, too: none would be left to take the right one from.
		mend = j.command("remove-server", append(slices.Clone(wrong), "--thumbprint="+thumbprint, "--force")...) + " && " + j.registerAgain(right.id+"/", wrong)
	}
	j.problem(idSubscriptions, fmt.Sprintf("the cluster %s is polled under %d subscriptions: %s", thumbprint, len(all), strings.Join(ids, ", ")),
		fmt.Sprintf("the server knows the Tentacle under one of them, and work queued on a node that is polled under another waits forever\nthis keeps %s/", right.id), mend)
}

// usedSubscription is one under which a cluster is polled.
type usedSubscription struct {
	id        string // in lower case, without the slash at the end
	addresses []string
}

// subscriptionsOf are those of a cluster, in the order of the file.
func (f *facts) subscriptionsOf(thumbprint string) (all []usedSubscription) {
	for _, server := range f.servers {
		if !server.Polls() || !sameThumbprint(server.Thumbprint, thumbprint) || server.SubscriptionID == "" {
			continue
		}
		i := slices.IndexFunc(all, func(s usedSubscription) bool { return sameSubscription(s.id, server.SubscriptionID) })
		if i < 0 {
			i = len(all)
			all = append(all, usedSubscription{id: strings.ToLower(strings.TrimRight(server.SubscriptionID, "/"))})
		}
		all[i].addresses = append(all[i].addresses, server.Address)
	}
	return all
}

// right is the subscription to keep: the one that the server knows, or else the
// first one.
func (f *facts) right(all []usedSubscription) usedSubscription {
	for _, r := range f.api.registrations {
		if i := slices.IndexFunc(all, func(s usedSubscription) bool { return sameSubscription(s.id, r.Machine.Endpoint.URI) }); i >= 0 {
			return all[i]
		}
	}
	return all[0]
}

func containsAddress(addresses []string, address string) bool {
	return slices.ContainsFunc(addresses, func(a string) bool { return tentacleconfig.SameAddress(a, address) })
}

// server names the Octopus Server in a command.
func (f *facts) server() []string {
	if len(f.serverOptions) > 0 {
		return slices.Clone(f.serverOptions)
	}
	return []string{"--server=https://octopus.example.com"}
}

// registerAgain registers the Tentacle under a subscription, as it is registered
// now as far as that is known.
func (f *facts) registerAgain(subscription string, addresses []string) string {
	options := f.server()
	name := "register-with"
	if len(f.api.registrations) > 0 {
		r := f.api.registrations[0]
		if r.Kind == octoapi.Worker {
			name = "register-worker"
		}
		options = append(options, r.options()...)
	} else {
		options = append(options, "--environment=Production", "--role=web-server")
	}
	options = append(options, "--comms-style=TentacleActive")
	if subscription != "" {
		options = append(options, "--server-subscription-id="+subscription)
	}
	if len(addresses) > 0 {
		options = append(options, "--server-comms-address="+strings.Join(addresses, ","))
	}
	return f.command(name, options...)
}

// options are those with which the registration would be made anew as it is.
func (r registered) options() (options []string) {
	m := r.Machine
	options = append(options, "--force", "--name="+m.Name)
	if r.Space.ID != "" {
		options = append(options, "--space="+r.Space.ID)
	}
	if m.PolicyID != "" {
		options = append(options, "--policy="+m.PolicyID)
	}
	if m.TenantedDeploymentParticipation != "" {
		options = append(options, "--tenanted-deployment-participation="+m.TenantedDeploymentParticipation)
	}
	for _, list := range []struct {
		option string
		values []string
	}{
		{"--environment=", m.EnvironmentIDs}, {"--role=", m.Roles}, {"--tenant=", m.TenantIDs}, {"--tenanttag=", m.TenantTags}, {"--workerpool=", m.WorkerPoolIDs},
	} {
		for _, value := range list.values {
			options = append(options, list.option+value)
		}
	}
	return options
}

package commands

import (
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// agentLists are the lists of an agent that a change of it has to do with.
type agentLists struct {
	configMap   []tentacleconfig.TrustedServer
	environment []string          // of the Deployment
	helm        []string          // of the revision that is deployed; nil where there is no release
	pending     [][]string        // of a revision that an interrupted change left behind
	polls       []kubernetes.Poll // what the agent that runs said at its start; nil where that is not known
}

// servers are the trusted servers that a command decides on. They are those of the ConfigMap and,
// for each address that some start of a pod makes of Helm's list, the entry that it makes: what
// lasts is Helm's list, and the ConfigMap may be behind it. Entries without an address, with which
// no start of a pod succeeds (Commands/ClearTrustedServersCommand.cs), are not among them.
func (l agentLists) servers() []tentacleconfig.TrustedServer {
	servers := tentacleconfig.Without(l.configMap, func(s tentacleconfig.TrustedServer) bool { return s.Address == "" })
	model := slices.IndexFunc(servers, tentacleconfig.TrustedServer.Subscribes)
	if model < 0 {
		return servers
	}
	for _, list := range append([][]string{l.environment, l.helm}, l.pending...) {
		for _, text := range list {
			if address := stored(text); !slices.ContainsFunc(servers, at(address)) {
				servers = append(servers, servers[model].With(address))
			}
		}
	}
	return servers
}

// lost says that no entry is left from which a start of the agent could make others.
func (l agentLists) lost() bool {
	return !slices.ContainsFunc(l.configMap, tentacleconfig.TrustedServer.Subscribes)
}

// remembering are the lists with the entries that a command decided on, if the ConfigMap has lost
// its own.
func (l agentLists) remembering(wanted []tentacleconfig.TrustedServer) agentLists {
	if l.lost() {
		l.configMap = wanted
	}
	return l
}

// at says whether an entry has an address.
func at(address string) func(tentacleconfig.TrustedServer) bool {
	return func(s tentacleconfig.TrustedServer) bool { return s.IsAt([]string{address}) }
}

// agentPlan is how an agent comes to have other trusted servers.
type agentPlan struct {
	addresses []string                       // that it polls in the end, the first one in front
	servers   []tentacleconfig.TrustedServer // of the ConfigMap in the end
	// together are old and new: whichever pod starts while the change is under way finds the entry
	// of its first address.
	together []tentacleconfig.TrustedServer
	stages   [][]string // lists for Helm, one rollout each
	restart  bool       // no list changes, and the agent has to start again all the same
	saves    bool       // the ConfigMap changes
}

// nothing says that the agent is as it should be.
func (p agentPlan) nothing() bool { return len(p.stages) == 0 && !p.restart && !p.saves }

// plan plans how the agent comes to trust the servers that a command decided on.
func (l agentLists) plan(wanted []tentacleconfig.TrustedServer) agentPlan {
	var addresses []string
	for _, s := range wanted {
		if s.Polls() && !tentacleconfig.ContainsAddress(addresses, s.Address) {
			addresses = append(addresses, s.Address)
		}
	}
	p := agentPlan{addresses: addresses, stages: kubernetes.Stages(l.environment, addresses)}
	switch {
	case len(p.stages) > 0:
		p.addresses = p.stages[len(p.stages)-1]
	case len(l.environment) > 0:
		p.addresses = l.environment // in the order of the environment, which stays
		if l.helm != nil && !kubernetes.SameAddresses(l.helm, addresses) || len(l.pending) > 0 {
			p.stages = [][]string{l.environment}
		}
	}
	p.servers = afterStart(wanted, p.addresses)
	p.together = slices.Clone(wanted)
	for _, s := range l.remembering(wanted).servers() {
		if !slices.ContainsFunc(wanted, at(s.Address)) {
			p.together = append(p.together, s)
		}
	}
	changes := !sameEntries(l.configMap, p.servers)
	p.saves = changes
	p.restart = len(p.stages) == 0 && (l.polls != nil && !polledAs(l.polls, p.servers) || l.polls == nil && changes)
	return p
}

// afterStart are the entries that the start of a pod with these addresses leaves: those of the
// first one, and one for each other address like the first of them.
func afterStart(servers []tentacleconfig.TrustedServer, addresses []string) (left []tentacleconfig.TrustedServer) {
	for i, address := range addresses {
		address = stored(address)
		switch {
		case i == 0:
			left = tentacleconfig.Without(servers, func(s tentacleconfig.TrustedServer) bool { return !at(address)(s) })
		case len(left) > 0 && !slices.ContainsFunc(left, at(address)):
			left = append(left, like(servers, left[0], address))
		}
	}
	return left
}

// like is an entry for an address with the thumbprint and the subscription of another one: the one
// that there is, if there is one.
func like(servers []tentacleconfig.TrustedServer, model tentacleconfig.TrustedServer, address string) tentacleconfig.TrustedServer {
	for _, s := range servers {
		if at(address)(s) && sameEntry(s, model.With(address)) {
			return s
		}
	}
	return model.With(address)
}

// sameEntry says whether an agent polls the same with two entries.
func sameEntry(a, b tentacleconfig.TrustedServer) bool {
	return tentacleconfig.SameAddress(a.Address, b.Address) && thumbprint.Same(a.Thumbprint, b.Thumbprint) && octoapi.SameSubscription(a.SubscriptionID, b.SubscriptionID)
}

// sameEntries says whether an agent polls the same with two lists.
func sameEntries(a, b []tentacleconfig.TrustedServer) bool {
	within := func(list, other []tentacleconfig.TrustedServer) bool {
		return !slices.ContainsFunc(list, func(s tentacleconfig.TrustedServer) bool {
			return !slices.ContainsFunc(other, func(o tentacleconfig.TrustedServer) bool { return sameEntry(s, o) })
		})
	}
	return within(a, b) && within(b, a)
}

// polledAs says whether what a running agent says is what it polls with these entries.
func polledAs(polls []kubernetes.Poll, servers []tentacleconfig.TrustedServer) bool {
	entries := make([]tentacleconfig.TrustedServer, len(polls))
	for i, p := range polls {
		entries[i] = tentacleconfig.TrustedServer{Address: p.Address, Thumbprint: p.Thumbprint, SubscriptionID: p.Subscription}
	}
	return sameEntries(entries, servers)
}

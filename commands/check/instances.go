package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// instances compares the Tentacle with the other instances on this machine.
func (r *report) instances() {
	if r.Machine == nil || r.Machine.count < 2 {
		return
	}
	name := r.Tentacle.Instance.Name
	has, compared := r.groups()
	seen := map[*Snapshot]bool{}
	for _, key := range compared {
		g := r.Machine.groups[key]
		if g == nil { // nobody is in it
			continue
		}
		others := len(g.members)
		if has[key] != "" {
			others--
		}
		left := mostCompared
		for _, other := range g.members {
			if left == 0 {
				break
			}
			if other == r.Snapshot {
				continue
			}
			if left--; !seen[other] {
				r.beside(other)
			}
			seen[other] = true
		}
		if more := others - mostCompared; more > 0 {
			r.warning(idInstances, fmt.Sprintf("the instance %s has %s in common with %s", name, g.what, plural.Of(more, "more instance", "more instances")), "", "")
		}
	}
	unread := slices.DeleteFunc(slices.Clone(r.Machine.unread), func(other string) bool { return other == name })
	switch {
	case r.found(idInstances):
	case r.ConfigurationErr != nil:
		r.skipped(idInstances, "it was not compared with the other instances", "first repair its configuration")
	case len(unread) > 0:
		r.skipped(idInstances, "it was not compared with "+strings.Join(unread, ", "), "first repair the configuration there")
	default:
		r.ok(idInstances, "it shares no file, port, certificate or subscription with another instance")
	}
}

func (r *report) beside(other *Snapshot) {
	both := fmt.Sprintf("the instances %s and %s", r.Tentacle.Instance.Name, other.Tentacle.Instance.Name)
	if r.sharedFile != "" && r.sharedFile == other.sharedFile {
		r.problem(idInstances, both+" have the same configuration: "+r.Tentacle.Instance.ConfigPath,
			"they are one Tentacle, run by two services"+nextLine+"remove the wrong one from the index with delete-instance, or give it a file of its own with create-instance", "")
		return // they have everything in common
	}
	if r.ConfigurationErr != nil || other.ConfigurationErr != nil {
		return
	}
	if r.Listens && other.Listens && r.ListenPort == other.ListenPort && (r.ListenIP == other.ListenIP || anyAddress(r.ListenIP) || anyAddress(other.ListenIP)) {
		why, fix := r.leavePort(other)
		r.problem(idInstances, both+" listen on the same port: "+r.ListenPort, "only the one that starts first runs"+nextLine+why, fix)
	}
	subscription := r.sharedSubscription(other)
	switch sameCertificate := r.OwnThumbprint() != "" && thumbprint.Same(r.OwnThumbprint(), other.OwnThumbprint()); {
	case subscription != "":
		r.problem(idInstances, both+" poll one cluster with the same subscription: "+subscription,
			"the server hands out work by subscription alone, so each gets some of the other's"+nextLine+makeItsOwn, "")
	case sameCertificate:
		r.warning(idInstances, both+" have the same certificate: "+r.OwnThumbprint(),
			"a server cannot tell them apart by it, and what is done to the registration of one may hit the other's"+nextLine+makeItsOwn, "")
	}
}

// leavePort ends that two instances listen on one port. One that polls all its servers has no need
// to listen.
func (r *report) leavePort(other *Snapshot) (why, fix string) {
	for _, s := range []*Snapshot{r.Snapshot, other} {
		listens := func(server tentacleconfig.TrustedServer) bool { return !server.Polls() }
		if len(s.Servers) > 0 && !slices.ContainsFunc(s.Servers, listens) {
			return s.Tentacle.Instance.Name + " polls all its servers and need not listen", s.Tentacle.Command("configure", "--noListen=true")
		}
	}
	return "give one of them another port, and register it again: the server connects to the old one", r.Tentacle.Command("configure", "--port=PORT")
}

// sharedSubscription is one with which both poll one cluster; "" if there is none.
func (s *Snapshot) sharedSubscription(other *Snapshot) string {
	for _, cluster := range s.polledThumbprints() {
		for _, one := range s.subscriptionsOf(cluster) {
			for _, same := range other.subscriptionsOf(cluster) {
				if one.id == same.id {
					return one.id + "/"
				}
			}
		}
	}
	return ""
}

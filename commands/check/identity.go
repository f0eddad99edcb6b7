package check

import (
	"net/url"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// identity says whose the registrations with this Tentacle's certificate are. Fleets share one
// certificate on purpose, so it takes more to be sure: the subscription (octoapi.Own), or the name.
type identity struct {
	own    []octoapi.Registration // this Tentacle's, as far as is known
	sure   bool                   // more than the certificate says that own are this Tentacle's
	others []octoapi.Registration // of other Tentacles
}

func (s *Snapshot) identity() identity {
	all, subscriptions := s.API.Registrations, s.clusterSubscriptions()
	// Registrations with one address are one Tentacle's, whatever their names. One that is named
	// like this machine may be that of another instance on it.
	var addresses []string
	for _, one := range all {
		if one.PolledWith(subscriptions) || s.Alone && s.isNamedLikeThisMachine(one) {
			addresses = append(addresses, one.Machine.Endpoint.URI)
		}
	}
	if len(addresses) == 0 && len(subscriptions) > 0 && !octoapi.OfOneTentacle(all) {
		return identity{others: all}
	}
	if len(addresses) == 0 {
		return identity{own: all}
	}
	who := identity{sure: true}
	for _, one := range all {
		if slices.ContainsFunc(addresses, func(address string) bool { return octoapi.SameSubscription(address, one.Machine.Endpoint.URI) }) {
			who.own = append(who.own, one)
		} else {
			who.others = append(who.others, one)
		}
	}
	return who
}

// isNamedLikeThisMachine says whether a registration has one of this machine's names, or the
// address of a Tentacle that listens on it.
func (s *Snapshot) isNamedLikeThisMachine(one octoapi.Registration) bool {
	is := func(name string) bool {
		label := coverage.FirstLabel(name)
		return s.HostName != "" && (strings.EqualFold(label, s.HostName) || strings.EqualFold(label, coverage.FirstLabel(s.DNSName)))
	}
	at, err := url.Parse(one.Machine.Endpoint.URI)
	return is(one.Machine.Name) || err == nil && !one.Machine.Endpoint.Polls() && is(at.Hostname())
}

// Subscriptions are all with which the Tentacle polls, whichever the cluster.
func (s *Snapshot) Subscriptions() (subscriptions []string) {
	for _, server := range s.Servers {
		if server.Subscribes() && !slices.Contains(subscriptions, server.SubscriptionID) {
			subscriptions = append(subscriptions, server.SubscriptionID)
		}
	}
	return subscriptions
}

// registered is the subscription under which the server knows the Tentacle; "" where that is not
// known.
func (s *Snapshot) registered() string {
	if who := s.identity(); who.sure {
		for _, one := range who.own {
			if one.Machine.Endpoint.Polls() {
				return one.Machine.Endpoint.URI
			}
		}
	}
	return ""
}

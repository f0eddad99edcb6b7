package commands

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// deregisterChoice is all that decides which registrations are deleted. Fleets share certificates
// on purpose, so a thumbprint alone does not say that a registration is this Tentacle's.
type deregisterChoice struct {
	kind        octoapi.Kind
	space       string // its name; "" of a server without spaces
	everySpace  bool
	name        string // "" for none
	multiple    bool
	removeTrust bool
	agent       bool   // its settings say that it is registered
	own         string // the Tentacle's thumbprint
	trust       clusterTrust
	suggest     deregisterSuggestion

	found []octoapi.Registration // those of the kind in the space, or in every space, with the thumbprint

	// What all spaces have with the thumbprint, if that was asked; hidden says that the account
	// does not see them everywhere.
	everywhere    []octoapi.Registration
	asked, hidden bool
}

// decide says what to delete. Nothing, without an error, is that only the trust is left to end, or
// that an agent's settings say that it is registered.
func (c deregisterChoice) decide() ([]octoapi.Registration, error) {
	chosen, err := c.choose()
	switch {
	case len(chosen) == 0 && (c.removeTrust || c.agent && c.asked) && len(c.anywhere()) == 0:
		return nil, nil
	case err != nil:
		return nil, err
	case len(chosen) == 0:
		return nil, c.notRegistered()
	}
	if left := withoutRegistrations(c.anywhere(), chosen); c.removeTrust && c.trust.trusted && len(left) > 0 {
		return nil, stillRegisteredError{left, len(c.polled(left)) == len(left), c.endTrust(), c.suggest}
	}
	return chosen, nil
}

// choose finds the registrations that are meant, or refuses to guess.
func (c deregisterChoice) choose() ([]octoapi.Registration, error) {
	if c.name != "" && len(c.found) > 0 {
		named := registrationsThat(c.found, func(r octoapi.Registration) bool {
			return strings.EqualFold(strings.TrimSpace(r.Machine.Name), strings.TrimSpace(c.name))
		})
		if len(named) == 0 {
			return nil, c.unknownName()
		}
		return named, nil
	}
	if c.multiple {
		return c.found, nil
	}
	mine := c.found
	if len(c.trust.subscriptions) > 0 {
		mine = c.polled(c.found)
	}
	if c.ambiguous(mine) {
		return nil, ambiguousError{c.kind, mine, len(c.found)}
	}
	return mine, nil
}

// polled are those of a list that this Tentacle polls.
func (c deregisterChoice) polled(list []octoapi.Registration) []octoapi.Registration {
	return registrationsThat(list, func(r octoapi.Registration) bool { return r.PolledWith(c.trust.subscriptions) })
}

// ambiguous says that one space has several, or, where this Tentacle has no subscription that tells
// them apart, that they lead to several Tentacles.
func (c deregisterChoice) ambiguous(list []octoapi.Registration) bool {
	for i, r := range list {
		for _, other := range list[:i] {
			same := len(c.trust.subscriptions) > 0 || octoapi.SameSubscription(other.Machine.Endpoint.URI, r.Machine.Endpoint.URI)
			if !same || other.Space.ID == r.Space.ID {
				return true
			}
		}
	}
	return false
}

// anywhere are this Tentacle's registrations of either kind in all spaces.
func (c deregisterChoice) anywhere() []octoapi.Registration {
	if !c.trust.trusted && len(c.trust.subscriptions) > 0 {
		return c.polled(c.everywhere) // it polled, and is not registered any more where none of them is
	}
	own, others := octoapi.Own(c.everywhere, c.trust.subscriptions)
	if c.trust.listens { // it may poll as one, and listen as another
		others = registrationsThat(others, func(r octoapi.Registration) bool { return !r.Machine.Endpoint.Polls() })
		return append(slices.Clone(own), others...)
	}
	return own
}

func (c deregisterChoice) notRegistered() notRegisteredError {
	elsewhere := withoutRegistrations(c.anywhere(), c.found)
	if len(c.found) > 0 {
		elsewhere = c.polled(elsewhere)
	}
	return notRegisteredError{
		kind: c.kind, space: c.space, everySpace: c.everySpace, thumbprint: c.own, others: c.found, elsewhere: elsewhere,
		nowhere: c.asked && !c.hidden, endTrust: c.endTrust(), suggest: c.suggest,
	}
}

func (c deregisterChoice) unknownName() unknownNameError {
	e := unknownNameError{kind: c.kind, name: c.name, found: c.found, suggest: c.suggest}
	if len(c.polled(c.everywhere)) == 0 {
		e.endTrust = c.endTrust()
	}
	return e
}

// endTrust is the cluster to stop trusting if this Tentacle is not registered any more, whatever
// has its thumbprint; "" for none.
func (c deregisterChoice) endTrust() string {
	if c.removeTrust && c.trust.trusted {
		return c.trust.cluster
	}
	return ""
}

func registrationsThat(list []octoapi.Registration, hold func(octoapi.Registration) bool) []octoapi.Registration {
	return slices.DeleteFunc(slices.Clone(list), func(r octoapi.Registration) bool { return !hold(r) })
}

func withoutRegistrations(list, others []octoapi.Registration) []octoapi.Registration {
	return registrationsThat(list, func(r octoapi.Registration) bool {
		return !slices.ContainsFunc(others, func(o octoapi.Registration) bool { return o.Machine.ID == r.Machine.ID && o.Kind == r.Kind })
	})
}

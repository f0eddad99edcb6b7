package check

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// onlyOne checks that no other machine is this Tentacle to the server, and that this Tentacle is
// not registered twice.
func (r *report) onlyOne(who identity) {
	subscriptions := r.clusterSubscriptions()
	r.twins(who)
	r.foreignName(who)
	r.sharers(who, subscriptions)
	if len(who.own) > 0 && len(who.others) > 0 {
		r.ok(idIdentity, "other Tentacles seem to share its certificate: %s", someOf(who.others))
	}
}

// twins looks for several registrations of this Tentacle that get the same deployments.
func (r *report) twins(who identity) {
	mayBeAnothers := func(one octoapi.Registration) bool {
		return one.Machine.Endpoint.Polls() || !octoapi.SameSubscription(one.Machine.Endpoint.URI, who.own[0].Machine.Endpoint.URI)
	}
	if !who.sure && slices.ContainsFunc(who.own, mayBeAnothers) {
		return
	}
	type place struct {
		space string
		kind  octoapi.Kind
		at    string
	}
	groups := map[place][]octoapi.Registration{}
	var places []place // in the order of the registrations
	for _, one := range who.own {
		at := place{one.Space.ID, one.Kind, strings.ToLower(strings.TrimRight(one.Machine.Endpoint.URI, "/"))}
		if len(groups[at]) == 0 {
			places = append(places, at)
		}
		groups[at] = append(groups[at], one)
	}
	for _, at := range places {
		if group := groups[at]; len(group) > 1 {
			r.registeredTwice(group)
		}
	}
}

func (r *report) registeredTwice(group []octoapi.Registration) {
	times, all := fmt.Sprintf("%d times", len(group)), "all of them"
	if len(group) == 2 {
		times, all = "twice", "both"
	}
	r.warning(idIdentity, fmt.Sprintf("this Tentacle is registered %s%s as a %s: %s", times, inSpace(group[0]), group[0].Kind, someOf(group)),
		fmt.Sprintf("a deployment to %s runs %s on this machine"+nextLine, all, times)+
			"replace NAME below with the superfluous one, unless that is another machine: then one of the two machines is a copy, and each gets some of the other's work"+nextLine+
			makeItsOwn, r.deregister(group[0], "NAME")).Space = group[0].Space.ID
}

func inSpace(one octoapi.Registration) string {
	if one.Space.Name == "" {
		return ""
	}
	return " in space " + one.Space.Name
}

// makeItsOwn is how a copy becomes a Tentacle of its own.
const makeItsOwn = "on the copy, new-certificate and then register-with, under a name of its own, make it another Tentacle with a new subscription"

// foreignName warns where this machine may be a copy of one that is registered.
func (r *report) foreignName(who identity) {
	if !r.found(idIdentity) && r.isNamedForeign(who.own) {
		r.warning(idIdentity, fmt.Sprintf("this machine is called %s, unlike every registration with its subscription: %s", r.HostName, someOf(who.own)),
			"if it is a copy of another machine, each of them gets some of the other's work"+nextLine+makeItsOwn, "")
	}
}

// isNamedForeign says whether there are registrations under several names, all of them unlike this
// machine's.
func (s *Snapshot) isNamedForeign(own []octoapi.Registration) bool {
	several := func(one octoapi.Registration) bool { return !strings.EqualFold(one.Machine.Name, own[0].Machine.Name) }
	return slices.ContainsFunc(own, several) && s.isNamedUnlike(own)
}

// isNamedUnlike says whether this machine has a name that appears in none of the registrations that
// it polls for. A target and a worker of one Tentacle are often called web1 and web1-worker.
func (s *Snapshot) isNamedUnlike(registrations []octoapi.Registration) bool {
	subscriptions := s.clusterSubscriptions()
	return s.HostName != "" && !slices.ContainsFunc(registrations, func(one octoapi.Registration) bool {
		return !one.PolledWith(subscriptions) || strings.Contains(strings.ToLower(one.Machine.Name), strings.ToLower(s.HostName))
	})
}

// sharers looks for other Tentacles with this one's subscription. Octopus hands out work by
// subscription alone, and only asks whether the certificate is trusted at all (Halibut,
// MessageExchangeProtocol.cs and SecureListener.cs).
func (r *report) sharers(who identity, subscriptions []string) {
	if len(subscriptions) == 0 {
		return
	}
	sharers := r.sharing(subscriptions)
	const notChecked = "it was not checked whether another Tentacle has this one's subscription: "
	switch err := r.API.SubscribersErr; {
	case len(sharers) > 0:
		why, fix := r.separate(who, sharers)
		found := r.problem(idIdentity, fmt.Sprintf("%s this Tentacle's subscription %s, but another thumbprint: %s",
			plural.Of(len(sharers), "registration has", "registrations have"), sharers[0].Machine.Endpoint.URI, someOf(sharers)), why, fix)
		if len(sharers) == 1 {
			one := sharers[0]
			found.Thumbprint, found.Registration, found.Space = one.Machine.Endpoint.Thumbprint, one.Machine.ID, one.Space.ID
		}
	case errors.Is(err, octoapi.ErrForbidden):
		r.skipped(idIdentity, notChecked+"the account may not see all deployment targets and workers", needsViews)
	case err != nil:
		r.skipped(idIdentity, notChecked+err.Error(), cmp.Or(hints(err), "a copy of this Tentacle would get some of its work"))
	default:
		r.ok(idIdentity, "no other Tentacle has its subscription")
	}
}

// sharing are the registrations of other Tentacles with one of these subscriptions.
func (s *Snapshot) sharing(subscriptions []string) (sharers []octoapi.Registration) {
	for _, one := range s.API.Subscribers {
		if one.PolledWith(subscriptions) && !thumbprint.Same(one.Machine.Endpoint.Thumbprint, s.OwnThumbprint()) {
			sharers = append(sharers, one)
		}
	}
	return sharers
}

// separate is why it matters that another Tentacle has this one's subscription, and what ends it.
func (r *report) separate(who identity, sharers []octoapi.Registration) (why, fix string) {
	why = "the server hands out work by subscription alone, so each of these Tentacles gets some of the other's" + nextLine +
		"one is a copy of another: show-thumbprint on each machine tells which is which" + nextLine
	switch {
	case r.Agent:
		return why + "a Kubernetes agent gets a new subscription when it is installed again", ""
	case len(who.own) == 1 && who.sure && who.own[0].Machine.Endpoint.Polls():
		return why + "the command gives this one a new subscription", r.update(who.own[0], r.NewSubscription, r.answeringAddresses())
	case len(who.own) == 0:
		return why + "if this is the copy: registering it gives it a new subscription" + nextLine +
			fmt.Sprintf("if this is %s, and its certificate was replaced: register it again with --force and %s", sharers[0].Machine.Name,
				suggest.Quote(r.Tentacle.GOOS, "--name="+sharers[0].Machine.Name)), ""
	}
	return why + "check shows the command that gives a Tentacle with one registration a new subscription; of one with several, delete the others first", ""
}

// someOf names the first registrations: a fleet may share one certificate.
func someOf(registrations []octoapi.Registration) string {
	const most = 3
	var names []string
	for _, one := range registrations[:min(most, len(registrations))] {
		names = append(names, fmt.Sprintf("%s (%s)", one.Machine.Name, one.Machine.ID))
	}
	text := strings.Join(names, ", ")
	if more := len(registrations) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

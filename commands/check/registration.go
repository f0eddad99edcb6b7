package check

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// needsViews is what an account needs to see registrations.
const needsViews = "give the account the permissions MachineView and WorkerView"

func (r *report) registrations() {
	own := r.OwnThumbprint()
	switch err := r.API.RegistrationsErr; {
	case errors.Is(err, octoapi.ErrForbidden):
		r.skipped(idRegistration, "the registration was not checked: the account may not see deployment targets and workers", needsViews)
	case err != nil:
		r.warning(idRegistration, err.Error(), "it is not known whether the Tentacle is registered", "").Unknown = true
	case own == "": // it has no certificate; another finding says so
	case len(r.API.Registrations) == 0 && r.API.Unread != nil && r.API.Unread.Forbidden():
		r.warning(idRegistration, "no deployment target or worker that the account may see has this Tentacle's thumbprint "+own,
			"it is not known whether the Tentacle is registered: the account may not see "+r.API.Unread.Where()+" (permissions MachineView and WorkerView)", "").Unknown = true
	case len(r.API.Registrations) == 0 && r.API.Unread != nil:
		r.warning(idRegistration, r.API.Unread.Error(), "it is not known whether the Tentacle is registered: no deployment target or worker elsewhere has its thumbprint "+own, "").Unknown = true
	case len(r.API.Registrations) == 0:
		why := "the Tentacle gets no work: it was never registered, its registration was deleted, its certificate was replaced, or the account may not see its space"
		if r.Agent {
			why += nextLine + agentRegisters
		}
		fix := r.register("", r.answeringAddresses())
		if r.Agent && r.Kubernetes != nil {
			fix = r.registerAgain()
		}
		r.problem(idRegistration, "the Octopus Server has no deployment target or worker with this Tentacle's thumbprint "+own, why, fix)
	case r.Kubernetes != nil && len(r.Servers) == 0: // it polls nobody; another finding says so
	case len(r.clusterSubscriptions()) == 0 && len(r.clusterAddresses()) > 0: // it polls under no subscription; another finding says so
	default:
		r.known(r.identity())
	}
	if len(r.API.Registrations) > 0 && r.API.Unread != nil && !r.API.Unread.Forbidden() {
		r.warning(idRegistration, r.API.Unread.Error(), "the Tentacle may have more registrations, which were not checked", "").Unknown = true
	}
	if own != "" && r.API.RegistrationsErr == nil {
		r.onlyOne(r.identity())
	}
}

// known looks at the registrations that have this Tentacle's certificate.
func (r *report) known(who identity) {
	for _, one := range who.own {
		r.eachAbout(Finding{Registration: one.Machine.ID, Space: one.Space.ID}, func() { r.registration(one, who.sure) })
	}
	if len(who.own) == 0 {
		r.problem(idRegistration, fmt.Sprintf("no registration has this Tentacle's subscription %s; %s its certificate, but another subscription: %s",
			strings.Join(r.clusterSubscriptions(), ", "), plural.Of(len(who.others), "has", "have"), someOf(who.others)),
			"the Tentacle gets no work: these belong to other Tentacles that share its certificate, or one is its own, from before its subscription changed"+nextLine+
				"if one of them is its own, add --update and --name with that name; else add --name, or it is registered under the name of this machine", r.register("", r.answeringAddresses()))
	}
}

// registration looks at one registration, which is this Tentacle's if that is sure.
func (r *report) registration(one octoapi.Registration, sure bool) {
	before := len(r.findings)
	if text := one.Mismatch(r.clusterSubscriptions()); text != "" {
		why, fix := r.reconnect(one, sure)
		r.problem(idRegistration, fmt.Sprintf("%v: %s", one, text), "its work does not reach this Tentacle"+nextLine+why, fix)
	}
	if text := one.Disabled(); text != "" {
		r.warning(idRegistration, fmt.Sprintf("%v: %s", one, text), "it gets no work until it is enabled in the web portal", "")
	} else if text := one.Unhealthy(); text != "" {
		r.problem(idRegistration, fmt.Sprintf("%v: %s", one, text), "deployments skip it or fail: see its last health check in the web portal", "")
	} else if one.Machine.HealthStatus == "HasWarnings" {
		r.warning(idRegistration, fmt.Sprintf("%v: its health check has warnings", one), "see them in the web portal", "")
	}
	if len(r.findings) == before {
		r.ok(idRegistration, "%v matches, is enabled and %s", one, health(one))
	}
}

// reconnect is how the work for a registration reaches this Tentacle again.
func (r *report) reconnect(one octoapi.Registration, sure bool) (why, fix string) {
	addresses := r.answeringAddresses()
	endpoint := one.Machine.Endpoint
	switch {
	case r.Agent && r.Kubernetes != nil:
		return agentRegisters, r.registerAgain()
	case r.Agent:
		return agentRegisters, ""
	case !sure:
		return fmt.Sprintf("if %s is this Tentacle: %s"+nextLine, one.Machine.Name, r.own(one, addresses)) +
			"if it is another one that shares the certificate, register this one as well", r.register("", addresses)
	case endpoint.CommunicationStyle == octoapi.Listening && one.Machine.IsDisabled:
		return "a server does not turn a listening registration into a polling one, and a new one is not disabled: delete this one, then register again", ""
	case endpoint.CommunicationStyle == octoapi.Listening:
		return "a server does not turn a listening registration into a polling one: the command makes another, deletes this one and takes its name" + nextLine +
			"its history, and variables scoped to it, do not follow", r.own(one, addresses)
	case len(r.clusterAddresses()) == 0:
		return "the command makes the Tentacle poll; if it is to listen, delete the registration and register again", r.own(one, addresses)
	}
	return "the command makes them match", r.own(one, addresses)
}

// own makes this Tentacle's registration match it.
func (r *report) own(one octoapi.Registration, addresses []string) string {
	if one.Machine.Endpoint.CommunicationStyle == octoapi.Listening {
		return r.replace(one, addresses)
	}
	return r.update(one, "", addresses)
}

func health(one octoapi.Registration) string {
	if one.Machine.HealthStatus == "Healthy" {
		return "healthy"
	}
	return "has had no health check yet"
}

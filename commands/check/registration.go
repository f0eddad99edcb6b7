package check

import (
	"errors"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

func (r *report) registrations() {
	own := r.OwnThumbprint()
	switch err := r.API.RegistrationsErr; {
	case errors.Is(err, octoapi.ErrForbidden):
		r.ok(idRegistration, "the registration was not checked: the account may not see deployment targets and workers (permissions MachineView and WorkerView)")
	case err != nil:
		r.warning(idRegistration, err.Error(), "it is not known whether the Tentacle is registered", "")
	case own == "": // it has no certificate; another finding says so
	case len(r.API.Registrations) == 0 && r.API.Hidden:
		r.warning(idRegistration, "no deployment target or worker that the account may see has this Tentacle's thumbprint "+own,
			"it is not known whether the Tentacle is registered: the account may not see all of them (permissions MachineView and WorkerView)", "")
	case len(r.API.Registrations) == 0:
		r.problem(idRegistration, "the Octopus Server has no deployment target or worker with this Tentacle's thumbprint "+own,
			"the Tentacle gets no work: it was never registered, its registration was deleted, its certificate was replaced, or the account may not see its space",
			r.registerAgain("", r.clusterAddresses()))
	default:
		subscriptions := r.clusterSubscriptions()
		if len(subscriptions) == 0 && len(r.clusterAddresses()) > 0 {
			return // it polls under no subscription; another finding says so
		}
		for _, one := range r.API.Registrations {
			r.registration(one, subscriptions)
		}
	}
}

func (r *report) registration(one octoapi.Registration, subscriptions []string) {
	before := len(r.findings)
	if text := one.Mismatch(subscriptions); text != "" {
		r.problem(idRegistration, fmt.Sprintf("%v: %s", one, text), "its work does not reach this Tentacle", r.registerOneAgain(one, "", r.clusterAddresses()))
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

func health(one octoapi.Registration) string {
	if one.Machine.HealthStatus == "Healthy" {
		return "healthy"
	}
	return "has had no health check yet"
}

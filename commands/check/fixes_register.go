package check

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// The commands that register the Tentacle. None takes what may be another Tentacle's registration.

// server names the Octopus Server in a command.
func (r *report) server() []string {
	if len(r.ServerOptions) > 0 {
		return slices.Clone(r.ServerOptions)
	}
	return []string{"--server=URL", "--apikey-file=FILE"}
}

// register registers a Tentacle of which nothing is known. What it is for must be filled in. It is
// "" for a Kubernetes agent, which registers itself.
func (r *report) register(subscription string, addresses []string) string {
	if r.Agent || r.Kubernetes != nil {
		return ""
	}
	options := append(r.server(), "--environment=ENVIRONMENT", "--role=ROLE")
	return r.Tentacle.Command("register-with", append(options, polling(subscription, addresses)...)...)
}

// update makes a registration match this Tentacle, whose it is. What is not named in the command
// stays. It is "" for a Kubernetes agent that has registered itself: the command would do nothing.
func (r *report) update(one octoapi.Registration, subscription string, addresses []string) string {
	if r.Agent || r.Kubernetes != nil {
		return ""
	}
	options := slices.Concat(r.server(), []string{"--update", "--name=" + one.Machine.Name}, placeOf(one), polling(subscription, addresses))
	return r.Tentacle.Command(registerCommand(one), options...)
}

// replace registers a polling Tentacle that is registered as listening, which a server does not
// change. The listening registration is deleted only when the polling one is there, and no step
// loses anything if it fails.
func (r *report) replace(one octoapi.Registration, addresses []string) string {
	name, polls := one.Machine.Name, polling("", addresses)
	create := slices.Concat(r.server(), []string{"--name=" + name + "-polling"}, placeOf(one), restOf(one), polls)
	rename := slices.Concat(r.server(), []string{"--rename", "--name=" + name}, placeOf(one), polls)
	return r.Tentacle.Command(registerCommand(one), create...) + " && " +
		r.deregister(one, name) + " && " +
		r.Tentacle.Command(registerCommand(one), rename...)
}

// deregister deletes the registration with the name, of the kind of one and in its space.
func (r *report) deregister(one octoapi.Registration, name string) string {
	return r.Tentacle.Command(suggest.Deregister(one.Kind), append(r.server(), "--space="+one.Space.ID, "--name="+name)...)
}

func registerCommand(one octoapi.Registration) string {
	kubernetes := one.Machine.Endpoint.CommunicationStyle == octoapi.Kubernetes
	switch worker := one.Kind == octoapi.Worker; {
	case worker && kubernetes:
		return "register-k8s-worker"
	case worker:
		return "register-worker"
	case kubernetes:
		return "register-k8s-target"
	}
	return "register-with"
}

// placeOf are the options that every registration needs.
func placeOf(one octoapi.Registration) []string {
	m := one.Machine
	return slices.Concat(each("--space=", one.Space.ID), each("--environment=", m.EnvironmentIDs...), each("--role=", m.Roles...),
		each("--workerpool=", m.WorkerPoolIDs...))
}

// restOf are the options for what else a new registration needs to be like one.
func restOf(one octoapi.Registration) []string {
	m := one.Machine
	return slices.Concat(each("--policy=", m.PolicyID), each("--tenanted-deployment-participation=", m.TenantedDeploymentParticipation),
		each("--tenant=", m.TenantIDs...), each("--tenanttag=", m.TenantTags...))
}

// each is an option for each value that is not empty.
func each(option string, values ...string) (options []string) {
	for _, value := range values {
		if value != "" {
			options = append(options, option+value)
		}
	}
	return options
}

// polling are the options that make a registered Tentacle poll. One command polls either web
// sockets or other addresses; those that are polled already stay in either case.
func polling(subscription string, addresses []string) []string {
	options := append([]string{"--comms-style=TentacleActive"}, each("--server-subscription-id=", subscription)...)
	isWebSocket := func(address string) bool { return strings.HasPrefix(address, "wss:") }
	others := slices.DeleteFunc(slices.Clone(addresses), isWebSocket)
	switch {
	case len(others) > 0:
		return append(options, "--server-comms-address="+strings.Join(others, ","))
	case len(addresses) > 0:
		return append(options, "--server-web-socket="+addresses[0])
	}
	return append(options, "--server-comms-address=ADDRESS")
}

// agentRegisters is how a Kubernetes agent is registered again (OctopusTentacle,
// configure-and-run.sh of the agent).
const agentRegisters = "a Kubernetes agent registers itself when it starts, but only once: " +
	"remove the setting Tentacle.Services.IsRegistered (in the ConfigMap tentacle-config), and restart its pod"

package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// The errors of a registration that is refused because of those that exist.

// nameTakenError is the name of another Tentacle's registration.
type nameTakenError struct {
	space string
	kind  octoapi.Kind
	taken octoapi.Machine
	own   string // this Tentacle's thumbprint
	same  bool   // it has this Tentacle's subscription
}

// Scripts that run a registration again look for "already exists", the words of the Tentacle CLI
// (OctopusClients, RegisterMachineOperation.cs).
func (e nameTakenError) Error() string {
	whose := "and belongs to another Tentacle"
	if e.same {
		whose = "with this Tentacle's subscription, but another certificate"
	}
	return fmt.Sprintf("the %s %s (%s) already exists in space %s %s: its thumbprint is %s (health: %s), this Tentacle's is %s",
		e.kind, e.taken.Name, e.taken.ID, e.space, whose, cmp.Or(e.taken.Endpoint.Thumbprint, "none"), cmp.Or(e.taken.HealthStatus, "not known"), e.own)
}

func (e nameTakenError) Hints() []string {
	if e.same {
		return []string{"if this Tentacle's certificate was replaced, use --force; if this is a clone of that machine, give another --name"}
	}
	return []string{"give another --name, or, if this machine replaces that one, take its registration over with --force"}
}

// otherNameError is this Tentacle's registration under another name.
type otherNameError struct {
	space    string
	kind     octoapi.Kind
	own      []octoapi.Machine
	taken    bool // the name it is to have is another registration's
	tentacle suggest.Tentacle
	server   []string // the options that lead to the server
}

func (e otherNameError) Error() string {
	return fmt.Sprintf("this Tentacle is registered in space %s under another name: %s %s", e.space, e.kind, namesOf(e.own))
}

func (e otherNameError) Hints() []string {
	hints := []string{
		"to have both, add --additional: a deployment to both then runs twice on this Tentacle",
		"if this machine is a clone of that one, give it its own certificate first: " + e.tentacle.Command("new-certificate"),
	}
	if e.taken {
		return hints
	}
	return append([]string{"to give that registration the new name, add --rename"}, hints...)
}

// ambiguousRenameError is that several registrations could be the one to rename.
type ambiguousRenameError otherNameError

func (e ambiguousRenameError) Error() string {
	return fmt.Sprintf("this Tentacle is registered in space %s as several %ss, so it is not known which one to rename: %s", e.space, e.kind, namesOf(e.own))
}

func (e ambiguousRenameError) Hints() []string {
	return []string{"delete the superfluous ones first: " + deregisterNamed(e.tentacle, e.server, e.kind, e.space, "NAME")}
}

// deregisterNamed deletes this Tentacle's registration with a name.
func deregisterNamed(t suggest.Tentacle, server []string, kind octoapi.Kind, space, name string) string {
	options := slices.Clone(server)
	if space != "" {
		options = append(options, "--space="+space)
	}
	return t.Command(suggest.Deregister(kind), append(options, "--name="+name)...)
}

// otherStyleError is the name of a registration that is reached in another way. Newer servers
// refuse to change that: "Model Endpoint type does not match incoming type" (OctopusDeploy/Issues
// 9613).
type otherStyleError struct {
	space string
	kind  octoapi.Kind
	taken octoapi.Machine
	own   bool

	tentacle suggest.Tentacle
	server   []string // the options that lead to the server
}

func (e otherStyleError) Error() string {
	whose := "it belongs to another Tentacle or host"
	if e.own {
		whose = "it is this Tentacle's"
	}
	return fmt.Sprintf("the %s %s (%s) already exists in space %s as %s (%s), and an Octopus Server does not change that",
		e.kind, e.taken.Name, e.taken.ID, e.space, styleName(e.taken.Endpoint), whose)
}

func (e otherStyleError) Hints() []string {
	if e.own {
		return []string{"give another --name, or delete it first: " + deregisterNamed(e.tentacle, e.server, e.kind, e.space, e.taken.Name)}
	}
	return []string{"give another --name, or delete it in the Octopus web portal first"}
}

// styleName is how a person calls what is reached through the endpoint.
func styleName(e octoapi.Endpoint) string {
	switch e.CommunicationStyle {
	case octoapi.Polling:
		return "a polling Tentacle"
	case octoapi.Listening:
		return "a listening Tentacle"
	case octoapi.Kubernetes:
		return "a Kubernetes agent"
	case "Ssh":
		return "an SSH connection"
	}
	return "one of style " + cmp.Or(e.CommunicationStyle, "None")
}

// differsError is this Tentacle's registration, but with other values.
type differsError struct {
	plan    registrationPlan
	space   string
	kind    octoapi.Kind
	changes []fieldChange // with names
}

func (e differsError) Error() string { return strings.Join(e.MessageLines(), "\n") }

// MessageLines has what differs, a line each.
func (e differsError) MessageLines() []string {
	lines := []string{fmt.Sprintf("the %s %s (%s) already exists in space %s and is this Tentacle's, but differs from what is asked for:",
		e.kind, e.plan.before.Name, e.plan.before.ID, e.space)}
	for _, change := range e.changes {
		lines = append(lines, "    "+change.line())
	}
	return lines
}

func (differsError) Hints() []string { return []string{"to change it, add --update"} }

// namesOf are the names and IDs of the first of them: a fleet may share one certificate.
func namesOf(machines []octoapi.Machine) string {
	names := make([]string, len(machines))
	for i, m := range machines {
		names[i] = fmt.Sprintf("%s (%s)", m.Name, m.ID)
	}
	return shortList(names)
}

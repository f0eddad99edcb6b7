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
	wish  registrationWish
	taken octoapi.Machine
	own   string // this Tentacle's thumbprint
	isNew bool   // its certificate was to be made by this change: nobody has seen the thumbprint
	same  bool   // it has this Tentacle's subscription
}

// Scripts that run a registration again look for "already exists", the words of the Tentacle CLI
// (OctopusClients, RegisterMachineOperation.cs).
func (e nameTakenError) Error() string {
	whose := "and belongs to another Tentacle"
	if e.same {
		whose = "with this Tentacle's subscription, but another certificate"
	}
	own := "this Tentacle's is " + e.own
	if e.isNew {
		own = "this Tentacle has no certificate yet"
	}
	return fmt.Sprintf("the %s %s (%s) already exists in space %s %s: its thumbprint is %s (health: %s), %s",
		e.wish.kind.machine, e.taken.Name, e.taken.ID, e.space, whose, cmp.Or(e.taken.Endpoint.Thumbprint, "none"), cmp.Or(e.taken.HealthStatus, "not known"), own)
}

func (e nameTakenError) Hints() []string {
	if e.same {
		return []string{"if this Tentacle's certificate was replaced, use --force; if this is a clone of that machine, " + e.wish.suggestName()}
	}
	return []string{e.wish.suggestName() + ", or, if this machine replaces that one, take its registration over with --force"}
}

// otherNameError is this Tentacle's registration under another name.
type otherNameError struct {
	space    string
	wish     registrationWish
	own      []octoapi.Machine
	taken    bool // the name it is to have is another registration's
	tentacle suggest.Tentacle
	server   []string // the options that lead to the server
}

func (e otherNameError) Error() string {
	return fmt.Sprintf("this Tentacle is registered in space %s under another name: %s %s", e.space, e.wish.kind.machine, namesOf(e.own))
}

func (e otherNameError) Hints() []string {
	both := "add --additional"
	if e.wish.inFile() {
		both = "name both in the file"
	}
	hints := []string{
		"to have both, " + both + ": a deployment to both then runs twice on this Tentacle",
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
	return fmt.Sprintf("this Tentacle is registered in space %s as several %ss, so it is not known which one to rename: %s", e.space, e.wish.kind.machine, namesOf(e.own))
}

func (e ambiguousRenameError) Hints() []string {
	hints := []string{"delete the superfluous ones first: " + deregisterNamed(e.tentacle, e.server, e.wish.kind.machine, e.space, "NAME")}
	if e.wish.inFile() {
		hints = append(hints, "or name in the file those that stay")
	}
	return hints
}

// unnamedError is that several registrations could be the one that a file means, without its name.
type unnamedError otherNameError

func (e unnamedError) Error() string {
	return fmt.Sprintf("this Tentacle is registered in space %s as several %ss, so it is not known which one is meant: %s", e.space, e.wish.kind.machine, namesOf(e.own))
}

func (unnamedError) Hints() []string { return []string{"give its name in the file"} }

// sameWishError is that two registrations of a file are the same one.
type sameWishError struct {
	kind        octoapi.Kind
	name, space string
	other       string // where it is in the file
}

func (e sameWishError) Error() string {
	return fmt.Sprintf("it is the %s %s in space %s, and so is %s", e.kind, e.name, e.space, e.other)
}

// incompleteError is a new registration of a file that lacks what it needs.
type incompleteError struct {
	space string
	wish  registrationWish
}

func (e incompleteError) Error() string {
	return fmt.Sprintf("there is no %s %s of this Tentacle in space %s yet, and a new one needs %s", e.wish.kind.machine, e.wish.called(), e.space, inWords(e.wish.missing()))
}

// deregisterNamed deletes this Tentacle's registration with a name.
func deregisterNamed(t suggest.Tentacle, server []string, kind octoapi.Kind, space, name string) string {
	options := slices.Clone(server)
	if space != "" {
		options = append(options, "--space="+space)
	}
	return t.Command(suggest.Deregister(kind), append(options, "--name="+name)...)
}

// otherSubscriptionError is the name of a registration with this Tentacle's certificate that
// another subscription gets the work of.
type otherSubscriptionError struct {
	space string
	wish  registrationWish
	named octoapi.Machine
	own   string // this Tentacle's subscription
}

func (e otherSubscriptionError) Error() string {
	return fmt.Sprintf("the %s %s (%s) already exists in space %s with this Tentacle's certificate, but with the subscription %s: this Tentacle polls with %s",
		e.wish.kind.machine, e.named.Name, e.named.ID, e.space, e.named.Endpoint.URI, e.own)
}

func (e otherSubscriptionError) Hints() []string {
	return []string{"if it is of another Tentacle that shares the certificate, " + e.wish.suggestName() + "; if it is this one's, use --force"}
}

// otherStyleError is the name of a registration that is reached in another way. Newer servers
// refuse to change that: "Model Endpoint type does not match incoming type" (OctopusDeploy/Issues
// 9613).
type otherStyleError struct {
	space string
	wish  registrationWish
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
		e.wish.kind.machine, e.taken.Name, e.taken.ID, e.space, styleName(e.taken.Endpoint), whose)
}

func (e otherStyleError) Hints() []string {
	if e.own {
		return []string{e.wish.suggestName() + ", or delete it first: " + deregisterNamed(e.tentacle, e.server, e.wish.kind.machine, e.space, e.taken.Name)}
	}
	return []string{e.wish.suggestName() + ", or delete it in the Octopus web portal first"}
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

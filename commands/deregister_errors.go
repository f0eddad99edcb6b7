package commands

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// The errors of deleting a registration where it is not known which, or not safe.

// notRegisteredError says that there is no registration of this Tentacle to delete.
type notRegisteredError struct {
	kind       octoapi.Kind
	space      string
	everySpace bool
	thumbprint string
	others     []octoapi.Registration // with the thumbprint, but not with the subscription
	elsewhere  []octoapi.Registration // this Tentacle's of another kind or in another space
	nowhere    bool                   // all spaces were asked, and seen
	endTrust   string                 // the cluster that may be left to stop trusting; "" for none
	suggest    deregisterSuggestion
}

func (e notRegisteredError) Error() string {
	where := "the Octopus Server"
	if e.space != "" && !e.everySpace {
		where = "space " + e.space
	}
	text := fmt.Sprintf("%s has no %s with this Tentacle's thumbprint %s", where, e.kind, e.thumbprint)
	switch others := registrationList(e.others, e.everySpace); len(e.others) {
	case 0:
	case 1:
		text += " and subscription: " + others + " has only the thumbprint"
	default:
		text += " and subscription: " + others + " have only the thumbprint"
	}
	if len(e.elsewhere) > 0 {
		text += "; it is registered as " + registrationTexts(e.elsewhere)
	}
	return text
}

// Hints name what else may be the case.
func (e notRegisteredError) Hints() []string {
	var hints []string
	switch len(e.others) {
	case 0:
	case 1:
		name := e.others[0].Machine.Name
		hints = append(hints, fmt.Sprintf("machines can share a certificate; if %s is this Tentacle's, add %s", name, suggest.Quote(runtime.GOOS, "--name="+name)))
	default:
		hints = append(hints, "machines can share a certificate; if one of these is this Tentacle's, add --name=NAME")
	}
	hints = append(hints, e.suggest.hints("to delete that: ", e.elsewhere)...)
	switch {
	case len(e.others) > 0 && len(e.elsewhere) == 0:
		hints = append(hints, e.suggest.endTrust(e.endTrust)...)
	case len(hints) > 0:
	case e.nowhere:
		hints = append(hints, "no space that the account may see has a deployment target or worker with this thumbprint")
	default:
		hints = append(hints, "it may be registered in another space (--space), or not at all")
	}
	return hints
}

// unknownNameError is a name that none of those with the thumbprint has.
type unknownNameError struct {
	kind     octoapi.Kind
	name     string
	found    []octoapi.Registration
	endTrust string // the cluster that may be left to stop trusting; "" for none
	suggest  deregisterSuggestion
}

func (e unknownNameError) Error() string {
	return fmt.Sprintf("no %s with this Tentacle's thumbprint has the name %q", e.kind, e.name)
}

// Hints name those that there are.
func (e unknownNameError) Hints() []string {
	return append([]string{"available: " + registrationList(e.found, true)}, e.suggest.endTrust(e.endTrust)...)
}

// ambiguousError says that it is not known which of several registrations is meant.
type ambiguousError struct {
	kind           octoapi.Kind
	mine           []octoapi.Registration
	withThumbprint int // others' included
}

func (e ambiguousError) Error() string {
	return fmt.Sprintf("it is not clear which %s to delete; several may be this Tentacle's: %s", e.kind, registrationList(e.mine, true))
}

func (e ambiguousError) Hints() []string {
	return []string{
		"to delete one of them, add --name=NAME",
		fmt.Sprintf("to delete all %d with this thumbprint, also those of machines that share the certificate, add --multiple", e.withThumbprint),
	}
}

// stillRegisteredError refuses to end the trust that other registrations of this Tentacle need.
type stillRegisteredError struct {
	left     []octoapi.Registration
	certain  bool   // they have its subscription, too, and not only its thumbprint
	endTrust string // the cluster
	suggest  deregisterSuggestion
}

func (e stillRegisteredError) Error() string {
	return fmt.Sprintf("the trust is still needed, so nothing was changed: this Tentacle is also registered as %s", registrationTexts(e.left))
}

func (e stillRegisteredError) Hints() []string {
	hints := append(e.suggest.hints("deregister that first: ", e.left), "or omit --remove-trust")
	if !e.certain {
		hints = append(hints, "machines can share a certificate; if that is another machine, omit --remove-trust, and afterwards: "+
			e.suggest.tentacle.Command("configure", "--remove-trust="+e.endTrust))
	}
	return hints
}

// deregisterSuggestion makes the commands that deregister this Tentacle.
type deregisterSuggestion struct {
	tentacle suggest.Tentacle
	server   []string // the options that lead to the server
}

// hints are the commands that delete registrations, one for each kind.
func (s deregisterSuggestion) hints(prefix string, list []octoapi.Registration) []string {
	var hints []string
	for _, kind := range []octoapi.Kind{octoapi.Target, octoapi.Worker} {
		var of []octoapi.Registration
		for _, r := range list {
			if r.Kind == kind {
				of = append(of, r)
			}
		}
		if len(of) == 0 {
			continue
		}
		options := s.server[:len(s.server):len(s.server)]
		if len(of) > 1 {
			options = append(options, "--all-spaces")
		} else if space := of[0].Space.Name; space != "" {
			options = append(options, "--space="+space)
		}
		if len(of) == 1 {
			options = append(options, "--name="+of[0].Machine.Name)
		}
		hints = append(hints, prefix+s.tentacle.Command(suggest.Deregister(kind), options...))
	}
	return hints
}

// endTrust is the hint that stops trusting a cluster where others have this Tentacle's thumbprint.
func (s deregisterSuggestion) endTrust(cluster string) []string {
	if cluster == "" {
		return nil
	}
	return []string{"if this Tentacle is not registered any more, stop trusting the cluster: " + s.tentacle.Command("configure", "--remove-trust="+cluster)}
}

// registrationList names registrations of one kind, with their spaces where they may differ.
func registrationList(list []octoapi.Registration, spaces bool) string {
	names := make([]string, len(list))
	for i, r := range list {
		if !spaces {
			r.Space.Name = ""
		}
		names[i] = strings.TrimPrefix(r.String(), r.Kind.String()+" ")
	}
	return shortList(names)
}

// registrationTexts names registrations of any kind.
func registrationTexts(list []octoapi.Registration) string {
	texts := make([]string, len(list))
	for i, r := range list {
		texts[i] = r.String()
	}
	return shortList(texts)
}

package check

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// accepted judges which polling ports accept this Tentacle. It is about ports that present what is
// trusted there: of the others, the findings about the ports say enough.
func (r *report) accepted() {
	if r.ProxyErr != nil {
		return
	}
	ports, accepting, unasked := 0, 0, 0
	for _, p := range r.Ports {
		isPort := p.Err == nil || errors.As(p.Err, new(*octoapi.PortError))
		switch {
		case !isPort:
		case strings.HasPrefix(p.Address, "wss:"):
			r.skipped(idAccepted, "whether "+p.Address+" accepts this Tentacle is not known", "a web socket cannot be asked").Address = p.Address
		case !rightly(p):
			ports++
		case !p.AskedIt:
			unasked++
		case !thumbprint.Contains(p.Trusted, p.Trust.Thumbprint) || p.Trust.Trust == octoapi.NoAnswer:
			r.about(p, r.noAnswer(p))
		case p.Trust.Trust == octoapi.NotTrusted:
			r.about(p, r.refusal(p))
		default:
			ports++
			accepting++
		}
	}
	switch {
	case unasked > 0 && r.Kubernetes != nil && r.Kubernetes.SecretErr != nil:
		r.skipped(idAccepted, "the polling ports were not asked whether they accept this agent", "that takes its certificate: "+r.whyNoSecret())
	case unasked > 0:
		r.skipped(idAccepted, "the polling ports were not asked whether they accept this Tentacle", "to ask, its certificate must be readable on this machine")
	case r.found(idAccepted) || accepting == 0:
	case accepting < ports:
		r.ok(idAccepted, "every polling port that answers accepts this Tentacle: %d of %d", accepting, ports)
	default:
		r.ok(idAccepted, "%d of %s this Tentacle", accepting, plural.Of(ports, "polling port accepts", "polling ports accept"))
	}
}

// rightly says whether the port responds, and presents what is trusted there.
func rightly(p Port) bool {
	return p.Err == nil && thumbprint.Contains(p.Trusted, p.Answer.Thumbprint)
}

// about notes the port and this Tentacle in a finding.
func (r *report) about(p Port, f *Finding) {
	f.Address, f.Node, f.Thumbprint = p.Address, r.places()[p.Address].Node, r.OwnThumbprint()
}

// refusal is about a port that turns this Tentacle away. Why depends on whether the server knows
// the Tentacle.
func (r *report) refusal(p Port) *Finding {
	what := fmt.Sprintf("%s refuses this Tentacle's certificate %s", p.Address, r.OwnThumbprint())
	const noWork = "no work arrives from that node" + nextLine
	const eitherWay = "its registration was deleted, was never made or has another certificate, or the node has not heard of it yet"
	known := r.API.Registrations
	switch {
	case r.Server == "" || r.API.Err != nil:
		return r.problem(idAccepted, what, noWork+eitherWay+nextLine+"ask the Octopus Server to find out which", r.Tentacle.Command("check", r.server()...))
	case !tentacleconfig.ContainsAddress(r.clusterAddresses(), p.Address):
		return r.problem(idAccepted, what, noWork+eitherWay+"; the server that was asked is another cluster's", "")
	case r.API.RegistrationsErr != nil, len(known) == 0 && r.API.Unread != nil:
		return r.problem(idAccepted, what, noWork+eitherWay+"; it is not known how the Tentacle is registered", "")
	case len(known) == 0: // a finding says so, with its fix
		return r.warning(idAccepted, what, "the server has no registration with it", "")
	}
	return r.problem(idAccepted, what, noWork+
		fmt.Sprintf("the server knows it, as %s, but this node has not heard of that"+nextLine, someOf(known))+
		"if it was registered just now, wait a minute and check again; else restart the node, which reads the registrations when it starts", "")
}

// noAnswer is about a port that responds, but does not say whether it accepts this Tentacle.
func (r *report) noAnswer(p Port) *Finding {
	cause := "it presents " + p.Trust.Thumbprint + " now"
	if failure, is := errors.AsType[*octoapi.PortError](p.Trust.Err); is {
		cause = failure.Cause
	} else if p.Trust.Err != nil {
		cause = p.Trust.Err.Error()
	}
	return r.warning(idAccepted, fmt.Sprintf("%s responds, but does not say whether it accepts this Tentacle: %s", p.Address, cause),
		"the node was just stopped or is overloaded, or something in between lets only web requests through"+nextLine+"check again: if that stays so, no work arrives from that node", "")
}

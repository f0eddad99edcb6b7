package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// After a registration, and after a change of what is polled, the polled ports are asked whether
// they accept this Tentacle: a node that refuses it hands it no work, and nothing else says so.

// learnTime is how long a command waits for a node that refuses a Tentacle which is registered.
// Each node keeps a list of the thumbprints that it trusts, and may learn of a new one later than
// the node that registered it (OctopusDeploy/Issues, 5545). For a node that hangs it does not wait
// longer either: the change is done, and many Tentacles may be waiting for their turn.
const learnTime = 5 * time.Second

// Between two questions, a node has time to read the registrations again.
const (
	firstTrustPause = 500 * time.Millisecond
	maxTrustPause   = 5 * time.Second
)

// acceptance asks the polled ports of a cluster whether they accept this Tentacle.
type acceptance struct {
	*network
	tentacle *tentacle
	check    []string // the options with which check asks the cluster's server; none without one

	registered   bool          // the server has a registration of this Tentacle: a port that refuses it is asked again
	unregistered bool          // it has none, which was said
	leftOut      bool          // the file that is applied would register it, and was not to
	wait         bool          // whatever the reason, a port that does not accept it is asked again
	patience     time.Duration // for how long, and how long a port may take to answer
}

// acceptance asks the ports of the cluster that this is connected to.
func (s *connection) acceptance(t *tentacle, api *apiOptions, health healthOptions) acceptance {
	a := acceptance{network: s.network, tentacle: t, check: api.suggestedOptions(), patience: learnTime}
	if health.waitHealthy {
		a.wait, a.patience = true, s.timeout
	}
	return a
}

// ask notes in out which ports accept this Tentacle, and warns of the others. Those that have just
// been asked are not asked again: they confirmed a restart, or were allowed not to answer. It says
// nothing of a certificate that cannot be used: the command has done so before.
func (a acceptance) ask(ctx context.Context, out *outcome) {
	certificate, err := ownCertificate(a.tentacle.document)
	if err != nil {
		return
	}
	polled := slices.DeleteFunc(out.polledAddresses(), isWebSocket) // these cannot be asked
	if len(polled) == 0 {
		return
	}
	var proved []string
	if out.Service.Confirmed {
		proved = out.Service.proof.answered
	}
	unknown := notPolled(notPolled(polled, proved), out.Unverified)
	refusals := a.askUntilAccepted(ctx, unknown, certificate, out)
	if ctx.Err() != nil {
		a.console.warn("interrupted: it was not found out whether every polled port accepts this Tentacle")
		return
	}
	for _, address := range polled {
		port := portEntry{Address: address}
		switch err := refusals[address]; {
		case tentacleconfig.ContainsAddress(out.Unverified, address):
			port.Problem = "it did not answer when it was added"
		case errors.As(err, new(refusedError)):
			port.Accepted, port.Problem = new(false), "it refuses this Tentacle's certificate "+certificate.Thumbprint()
		case err != nil:
			port.Problem = portCause(err)
		default:
			port.Accepted = new(true)
		}
		out.Ports = append(out.Ports, port)
	}
	a.warn(out, certificate.Thumbprint())
}

// askUntilAccepted returns why those addresses do not accept the certificate that do not.
func (a acceptance) askUntilAccepted(ctx context.Context, addresses []string, certificate *tentacleconfig.Certificate, out *outcome) map[string]error {
	defer a.console.endProgress()
	a.console.progress("asking " + plural.Of(len(addresses), "polling port", "polling ports") + " whether this Tentacle is accepted")
	refusals := map[string]error{}
	end := time.Now().Add(a.patience)
	for pause := firstTrustPause; len(addresses) > 0; pause = min(2*pause, maxTrustPause) {
		var again []string
		for _, port := range a.askOnce(ctx, addresses, certificate) {
			why := whyNotAccepted(port, out.trustedAt(port.Address))
			refusals[port.Address] = why
			if _, refused := why.(refusedError); why != nil && (a.wait || refused && a.registered) {
				again = append(again, port.Address)
			}
		}
		if addresses = again; len(again) == 0 || time.Now().Add(pause).After(end) {
			break
		}
		a.console.progress(fmt.Sprintf("waiting for %s to accept this Tentacle", plural.Of(len(again), "polling port", "polling ports")))
		select {
		case <-ctx.Done():
			return refusals
		case <-time.After(pause):
		}
	}
	return refusals
}

func (a acceptance) askOnce(ctx context.Context, addresses []string, certificate *tentacleconfig.Certificate) []octoapi.PortTrust {
	ctx, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	return a.askTrust(ctx, addresses, certificate)
}

// warn warns of the ports that do not accept the certificate, except of those that did not answer
// before.
func (a acceptance) warn(out *outcome, own string) {
	var refuse []string
	for _, port := range out.Ports {
		switch {
		case port.refuses():
			refuse = append(refuse, port.Address)
		case !port.accepts() && !tentacleconfig.ContainsAddress(out.Unverified, port.Address):
			a.console.warn("it is not known whether %s accepts this Tentacle: %s", port.Address, port.Problem)
		}
	}
	if len(refuse) == 0 || a.unregistered {
		return
	}
	verb := "refuse"
	if len(refuse) == 1 {
		verb = "refuses"
	}
	ask := a.tentacle.suggest().Command("check", a.check...)
	because := "the server has no registration with this certificate, or the node has not heard of it yet: " + ask
	switch {
	case a.leftOut && !a.registered:
		because = registrationsLeftOut
	case a.registered:
		because = "a node may learn of a registration later than the others; to ask again: " + ask
	}
	a.console.warnOf(hint.Errorf(because, "%s %s this Tentacle's certificate %s: no work arrives from there", strings.Join(refuse, ", "), verb, own))
}

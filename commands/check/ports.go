package check

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func (r *report) ports() {
	if r.ProxyErr != nil {
		options := []string{"--proxyEnable=true", "--proxyHost=HOST", "--proxyPort=PORT"}
		if errors.As(r.ProxyErr, new(*tentacleconfig.SecretError)) {
			options = []string{"--proxyPassword-file=FILE"}
		}
		r.problem(idPollingProxy, r.ProxyErr.Error(), "the Tentacle cannot poll through it", r.Tentacle.Command("polling-proxy", options...))
		if len(r.Ports) > 0 {
			r.skipped(idPollingPort, "the polled ports were not tried", "they are polled through the proxy")
		}
		return
	}
	for _, p := range r.Ports {
		before := len(r.findings)
		r.port(p)
		for i := before; i < len(r.findings); i++ {
			r.findings[i].Address, r.findings[i].Thumbprint = p.Address, p.Answer.Thumbprint
		}
	}
}

func (r *report) port(p Port) {
	var noAnswer *octoapi.PortError
	presented := p.Answer.Thumbprint
	switch {
	case errors.As(p.Err, &noAnswer) && r.idleNode(p) != "":
		r.warning(idPollingPort, p.Address+" does not respond: "+noAnswer.Cause,
			r.idleNode(p)+": no work waits there now"+nextLine+"once it hands out work again, it has to respond", "")
	case errors.As(p.Err, &noAnswer) && r.isOneOfSeveral(p):
		r.warning(idPollingPort, p.Address+" does not respond: "+noAnswer.Cause,
			r.whyOneIsEnough(p)+triesAgain(noAnswer), "")
	case errors.As(p.Err, &noAnswer):
		r.problem(idPollingPort, p.Address+" does not respond: "+noAnswer.Cause,
			"work queued on that node waits until the Tentacle reaches it: check that the node is running and that nothing blocks the port"+triesAgain(noAnswer), "")
	case p.Err != nil: // not an address; the finding about its entry says so
	case thumbprint.Contains(p.Trusted, presented):
		r.ok(idPollingPort, "%s presents the trusted certificate (%s)", p.Address, milliseconds(p.Answer.Latency))
	default:
		r.untrustedPort(p)
	}
}

// triesAgain says how soon a running Tentacle finds a node that is back. It tries each address by
// itself, with pauses that grow to two minutes, and waits a minute for a connection (Halibut,
// RetryPolicy.cs, HalibutTimeoutsAndLimits.cs).
func triesAgain(failure *octoapi.PortError) string {
	if !failure.Silent() {
		return ""
	}
	text := nextLine + "once it responds, a running Tentacle finds it within 120 seconds, without a restart"
	if failure.Reason == octoapi.TimedOut {
		text += nextLine + "until then, each try takes the Tentacle up to 60 seconds; its other addresses are polled meanwhile"
	}
	return text
}

func milliseconds(d time.Duration) string {
	if ms := d.Seconds() * 1000; ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// untrustedPort is a port that presents a certificate which the Tentacle does not trust there.
func (r *report) untrustedPort(p Port) {
	presented, trusted := p.Answer.Thumbprint, strings.Join(p.Trusted, ", ")
	what := fmt.Sprintf("%s presents the certificate %s, but %s is trusted", p.Address, presented, trusted)
	const refuses = "the Tentacle refuses to talk to it, and work queued there waits" + nextLine
	const passThrough = "make a load balancer pass the port through as TCP, and check the address"
	asked := r.API.Thumbprint != ""
	age, same := r.ageOf(p)
	switch {
	case same && age > 0:
		r.problem(idPollingPort, what, refuses+"it is the cluster's new certificate, which is already trusted at the cluster's other addresses", r.updateTrust(p.Trusted[0], presented))
	case same:
		r.problem(idPollingPort, what, refuses+"it is the cluster's old certificate: restart the node, so that it presents the new one", "")
	case r.renewed(p) && thumbprint.Contains(r.polledThumbprints(), presented): // not update-trust: the other thumbprint may be another cluster's
		r.problem(idPollingPort, what, refuses+"it is the cluster's own certificate, which is already trusted at the cluster's other addresses",
			r.Tentacle.Command("poll-server", append(r.server(), "--server-comms-address="+p.Address)...)+" && "+r.Tentacle.Command("remove-server", p.Address, "--thumbprint="+p.Trusted[0]))
		if _, err := tentacleconfig.AddressOf(p.Address); err != nil { // the command refuses it
			r.notComplete("first repair the address")
		}
	case r.renewed(p):
		r.problem(idPollingPort, what, refuses+"it is the cluster's own certificate, which was renewed", r.updateTrust(p.Trusted[0], presented))
	case thumbprint.Contains(tentacleconfig.Thumbprints(r.Servers), presented):
		r.problem(idPollingPort, what, refuses+"another server that this Tentacle trusts responds there: the address is wrong or now leads elsewhere",
			r.removeEntry(p))
		if asked && thumbprint.Contains(p.Trusted, r.API.Thumbprint) { // the entry is right, and the node may be late
			r.notComplete("only if no node of the cluster is at that address")
		}
	case asked && thumbprint.Same(presented, r.API.Thumbprint):
		r.problem(idPollingPort, what, refuses+"it belongs to the cluster at "+r.Server+", which does not know this Tentacle: the address leads to another cluster", "")
	case asked:
		r.problem(idPollingPort, what, refuses+"it is not the cluster's: a load balancer or proxy terminates TLS, another cluster responds there,"+nextLine+
			"or the node has not been restarted since the cluster's certificate was renewed"+nextLine+passThrough, "")
	default:
		r.problem(idPollingPort, what, refuses+"the cluster's certificate was renewed, a load balancer or proxy terminates TLS, or another cluster responds there"+nextLine+"ask the Octopus Server to find out which"+nextLine+passThrough,
			r.Tentacle.Command("check", r.server()...))
	}
}

// removeEntry stops polling an address with a thumbprint that is not presented there, if others are
// polled: the last one is worth correcting.
func (r *report) removeEntry(p Port) string {
	if len(r.Ports) == 1 {
		return ""
	}
	return r.Tentacle.Command("remove-server", p.Address, "--thumbprint="+p.Trusted[0])
}

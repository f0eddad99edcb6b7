package check

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// agentPorts judges the polled addresses by what the agent's log says: only the pod knows what it
// reaches. A try from this machine is a hint.
func (r *report) agentPorts() {
	if r.ProxyErr != nil {
		r.agentProxyUnusable()
		return
	}
	for _, p := range r.Ports {
		r.eachAbout(Finding{Address: p.Address, Thumbprint: p.Answer.Thumbprint}, func() { r.agentPort(p) })
	}
}

func (r *report) agentProxyUnusable() {
	if r.Kubernetes.SecretErr != nil && errors.As(r.ProxyErr, new(*tentacleconfig.SecretError)) {
		r.skipped(idPollingProxy, "the polling proxy was not looked at", r.whyNoSecret())
	} else {
		r.problem(idPollingProxy, r.ProxyErr.Error(), "the agent cannot poll through it: set it again with agent.pollingProxy of the chart", "")
	}
	if len(r.Ports) > 0 {
		r.skipped(idPollingPort, "the polled ports were not tried", "they are polled through the proxy")
	}
}

const onlyAHint = "this was tried from here, which is only a hint: the pod may reach it another way"

func (r *report) agentPort(p Port) {
	a := r.Kubernetes
	from := r.fromHere(p)
	if _, err := tentacleconfig.AddressOf(p.Address); err != nil {
		return // the finding about its entry says so
	}
	switch failure := a.fails(p.Address); {
	case failure != nil:
		r.agentFails(p, *failure)
	case a.polls(p.Address) && p.Err == nil && !r.presentsTrusted(p):
		r.warning(idPollingPort, p.Address+": the agent's log has no error, but "+from,
			onlyAHint+nextLine+"a proxy between here and the node may end TLS, or another machine has that name here", "")
	case a.polls(p.Address):
		r.ok(idPollingPort, "%s: the agent's log has no error; %s", p.Address, from)
	case p.Err == nil && r.presentsTrusted(p):
		r.ok(idPollingPort, "%s presents the trusted certificate (%s, from here)", p.Address, milliseconds(p.Answer.Latency))
	case p.Err == nil:
		r.untrustedPort(p)
		last := &r.findings[len(r.findings)-1]
		last.Level = Warning
		last.addReason(onlyAHint)
	default:
		r.warning(idPollingPort, p.Address+": "+from+", and the agent's log does not tell", onlyAHint, "").Unknown = true
	}
}

func (r *report) presentsTrusted(p Port) bool {
	return thumbprint.Contains(p.Trusted, p.Answer.Thumbprint)
}

// fromHere is what a try from this machine found.
func (r *report) fromHere(p Port) string {
	failure, is := errors.AsType[*octoapi.PortError](p.Err)
	switch {
	case is:
		return "from here it does not respond: " + failure.Cause
	case p.Err != nil:
		return "it was not tried from here: " + p.Err.Error()
	case !r.presentsTrusted(p):
		return "from here it presents the certificate " + p.Answer.Thumbprint
	}
	return "from here it presents the trusted certificate"
}

// agentFails is about an address that the pod does not reach.
func (r *report) agentFails(p Port, failure LogFailure) {
	what := "the agent does not reach " + p.Address + ": " + strings.TrimSuffix(failure.Cause, ".")
	said := "the log of its pod says so"
	if !failure.At.IsZero() {
		said += ", last at " + failure.At.UTC().Format(time.RFC3339)
	}
	said += "; " + r.fromHere(p)
	switch {
	case failure.Silent && r.idleNode(p) != "":
		r.warning(idPollingPort, what, r.idleNode(p)+": no work waits there now"+nextLine+said, "")
	case failure.Silent && r.isOneOfSeveral(p):
		r.warning(idPollingPort, what, r.whyOneIsEnough(p)+nextLine+said, "")
	default:
		r.problem(idPollingPort, what, "work queued on that node waits until the agent reaches it: check that the node is running and that nothing blocks the port, such as a NetworkPolicy"+nextLine+said, "")
	}
}

// agentPolls compares what the running agent said that it polls with the ConfigMap: it stands for
// the connections that only the pod sees.
func (r *report) agentPolls() {
	a := r.Kubernetes
	const unknown = "what the running agent polls is not known"
	switch {
	case !a.runs() || r.ServersErr != nil || len(r.Ports) == 0 && len(a.Log.Polls) == 0:
		return // which other findings say
	case a.Log.Err != nil:
		r.skipped(idConnections, unknown, r.refused(a.Log.Err))
		return
	case !a.says():
		r.skipped(idConnections, unknown, "its log no longer has what it said when it started")
		return
	}
	fix, open := r.restartAgent()
	bad := func(f *Finding, address string) {
		if f.Address = address; open != "" {
			r.notComplete(open)
		}
	}
	right := 0
	for _, p := range r.Ports {
		switch said, polled := a.saidOf(p); {
		case !polled && !a.Log.Complete:
			r.skipped(idConnections, "whether the running agent polls "+p.Address+" is not known", "its log no longer has all that it said when it started").Address = p.Address
		case !polled:
			bad(r.problem(idConnections, "the running agent does not poll "+p.Address, "work queued on that node waits: the agent started with another list", fix), p.Address)
		case said.differs(p):
			bad(r.problem(idConnections, "the running agent polls "+p.Address+" under another subscription or thumbprint than the ConfigMap has",
				"it says "+said.Subscription+", expecting "+said.Thumbprint+": it started before the last change", fix), p.Address)
		default:
			right++
		}
	}
	var lacking []string
	for _, said := range a.Log.Polls {
		if address := strings.TrimSuffix(said.Address, "/"); !r.pollsAt(address) && !slices.Contains(lacking, address) {
			lacking = append(lacking, address)
		}
	}
	if len(lacking) > 0 && len(r.Servers) > 0 { // else there is a finding about the empty list
		address := ""
		if len(lacking) == 1 {
			address = lacking[0]
		}
		bad(r.warning(idConnections, "the running agent also polls "+list(lacking)+", which the ConfigMap lacks", "it started with another list: a start makes it use the present one", fix), address)
	}
	if right > 0 && right == len(r.Ports) && !r.found(idConnections) {
		r.ok(idConnections, "the running agent says that it polls %d of %d addresses", right, len(r.Ports))
	}
}

// sees is what is known about an address once the agent's log has its say: what this machine
// reaches is a hint.
func (a *Agent) sees(address coverage.Address) coverage.Address {
	switch failure := a.fails(address.URL); {
	case failure != nil:
		address.Answers, address.Silent = false, failure.Silent
	case a.reaches(address.URL) && !address.Answers:
		address.Answers, address.Silent, address.Mute = true, false, false
		address.Remote, address.Host = "", octoapi.NodeAtHost{}
	}
	return address
}

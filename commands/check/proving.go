package check

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// ToProve are the names of the nodes which a health check would prove to be polled, and the
// registration whose health it is about. The error is why no health check would prove anything.
func (s *Snapshot) ToProve() (nodes []string, of octoapi.Registration, err error) {
	const nothing = ", so a health check proves nothing"
	if s.Server == "" || s.API.Err != nil || s.ServersErr != nil || s.ConfigurationErr != nil {
		return nil, of, errors.New("it is not known what is polled, or which nodes there are: see the other findings")
	}
	cover := s.Coverage()
	switch state := s.Service.State; {
	case len(s.clusterPorts()) == 0:
		return nil, of, errors.New("this Tentacle does not poll the cluster")
	case s.API.NodesErr != nil:
		return nil, of, fmt.Errorf("the nodes of the cluster are not known: %w", s.API.NodesErr)
	case cover.Queues.State == coverage.Unknown:
		return nil, of, errors.New(cmp.Or(cover.Queues.Why, "it is not known whether the nodes share their queues") + nothing)
	case cover.Queues.State != coverage.NotShared:
		return nil, of, errors.New("nodes share their queues: any of them may hand over the work of another" + nothing)
	case s.mayBeCopied():
		return nil, of, errors.New("another Tentacle may have this one's subscription, and do the work in its place" + nothing)
	case state == service.Stopped || state == service.Failed || state == service.Crashing:
		return nil, of, fmt.Errorf("%s is %s: no health check reaches a Tentacle that does not run", s.runner(), state)
	case s.RestartPending():
		return nil, of, hint.New("the Tentacle still polls what it polled before the last change", "restart it first: "+s.Tentacle.Restart())
	}
	if of, err = s.provable(); err != nil {
		return nil, of, err
	}
	for _, n := range cover.Working() {
		if len(n.Proof) == 0 && !n.Unpolled && !n.Mute && n.Accepted != octoapi.NotTrusted && !seemsBroken(cover, n) {
			nodes = append(nodes, n.Name)
		}
	}
	return nodes, of, nil
}

// runner is what runs the Tentacle.
func (s *Snapshot) runner() string {
	if s.Kubernetes != nil {
		return s.Kubernetes.what()
	}
	return "service " + s.Service.Name
}

// seemsBroken says whether an address that does not answer seems to be the node's.
func seemsBroken(cover coverage.Result, n coverage.Node) bool {
	return slices.ContainsFunc(cover.Places, func(p coverage.Place) bool { return !p.Answers && slices.Contains(n.Perhaps, p.URL) })
}

// provable is a registration with which the server reaches this Tentacle.
func (s *Snapshot) provable() (of octoapi.Registration, err error) {
	switch {
	case errors.Is(s.API.RegistrationsErr, octoapi.ErrForbidden): // the finding about it says what is missing
		return of, errors.New("it is not known how the Tentacle is registered, so no health check can be started")
	case s.API.RegistrationsErr != nil:
		return of, fmt.Errorf("it is not known how the Tentacle is registered: %w", s.API.RegistrationsErr)
	}
	subscriptions := s.clusterSubscriptions()
	own := slices.DeleteFunc(slices.Clone(s.identity().own), func(one octoapi.Registration) bool { return !one.PolledWith(subscriptions) })
	if len(own) == 0 {
		return of, errors.New("no registration that the account may see has this Tentacle's certificate and subscription")
	}
	i := slices.IndexFunc(own, func(one octoapi.Registration) bool { return !one.Machine.IsDisabled })
	if i < 0 {
		return of, fmt.Errorf("%v is disabled: health checks may pass it over", own[0])
	}
	return own[i], nil
}

// proving reports what the health checks found that were started. Which nodes they proved is part
// of what is known about the nodes.
func (r *report) proving() {
	p := r.Proving
	if p == nil {
		return
	}
	var proved []string
	for _, node := range p.Nodes {
		switch found := r.lastCheckBy(node); {
		case found == nil:
		case found.Reached():
			proved = append(proved, node)
		default:
			r.notReached(node, *found)
		}
	}
	run, prove := plural.Of(len(p.Checks), "health check was", "health checks were"), "prove"
	if len(p.Checks) == 1 {
		prove = "proves"
	}
	switch {
	case errors.Is(p.Err, octoapi.ErrOutcomeUnknown):
		r.warning(idProve, p.Err.Error(), hints(p.Err), "")
	case p.Err != nil && len(p.Checks) == 0:
		r.skipped(idProve, "no health check was started", strings.TrimSpace(p.Err.Error()+nextLine+hints(p.Err)))
	case p.Err != nil:
		r.warning(idProve, run+" run, and then no more", strings.TrimSpace(p.Err.Error()+nextLine+hints(p.Err)), "")
	case len(p.Nodes) == 0:
		r.ok(idProve, "no health check was started: none is needed, or none would prove more")
	case len(proved) == len(p.Nodes):
		r.ok(idProve, "%s run, and %s that %s %s polled", run, prove, list(proved), areOrIs(len(proved)))
	}
}

// lastCheckBy is the last health check that a node ran, or one that reached this Tentacle; nil for
// none.
func (r *report) lastCheckBy(node string) (last *HealthCheck) {
	cover := r.coverage()
	for i, c := range r.Proving.Checks {
		if n := cover.NodeCalled(c.ServerNode); n != nil && n.Name == node && (last == nil || !last.Reached()) {
			last = &r.Proving.Checks[i]
		}
	}
	return last
}

// notReached reports a node whose health check did not reach this Tentacle, or found it unhealthy.
func (r *report) notReached(node string, c HealthCheck) {
	run := fmt.Sprintf("the health check %s, run by %s,", c.ID, node)
	how := "it ended as " + c.State
	if c.ErrorMessage != "" {
		how += ": " + c.ErrorMessage
	}
	if !c.Missed() {
		r.warning(idProve, fmt.Sprintf("%s does not tell whether the node is polled: the Tentacle is %s", run, cmp.Or(strings.ToLower(c.Health), "not known to the server")), how+nextLine+c.Log, "").Node = node
		return
	}
	why := "either no polled address leads to the node, or the Tentacle does not run"
	if i := slices.IndexFunc(r.Proving.Checks, HealthCheck.Reached); i >= 0 {
		why = fmt.Sprintf("%s reached it, so it runs, but no polled address leads to this node: %s", r.Proving.Checks[i].ID, lookAtNames)
	}
	r.problem(idProve, run+" did not reach this Tentacle", how+nextLine+why+nextLine+waitsForever+nextLine+c.Log, "").Node = node
}

// failedToProve says whether a health check of the node did not reach this Tentacle, of which there
// is a finding.
func (r *report) failedToProve(n coverage.Node) bool {
	if r.Proving == nil {
		return false
	}
	last := r.lastCheckBy(n.Name)
	return last != nil && !last.Reached()
}

// neverChosen is why health checks prove nothing about a node.
func (r *report) neverChosen() string {
	if r.Proving.Err != nil {
		return "a health check that the node runs is a proof, too: see what came of those that were to be started"
	}
	return fmt.Sprintf("no such node ran any of the %s, and nobody can choose it: run the command again, or look whether the node runs tasks at all",
		plural.Of(len(r.Proving.Checks), "health check", "health checks"))
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// outsideTentacle is an agent as a Tentacle that commands change.
func outsideTentacle(ctx context.Context, c *console, a *kubernetes.Agent, o changeOptions) (*tentacle, error) {
	t, err := lookAtAgent(ctx, a, o.agents)
	if err != nil {
		return nil, err
	}
	t.place = &outsidePlace{console: c, agent: a, tentacle: t.suggest(), options: o}
	if !o.dryRun && !o.prepare {
		switch revisions, err := a.SupersedeLeft(ctx); {
		case err != nil:
			return nil, about(t.suggest(), err)
		case len(revisions) > 0:
			c.warn("finished a change that was interrupted at its end: revision %s of the Helm release %s is superseded now", strings.Trim(fmt.Sprint(revisions), "[]"), a.Release.Name)
		}
	}
	return t, t.read(ctx)
}

// read refuses an agent that has no identity which it could keep.
func (p *outsidePlace) read(ctx context.Context) (*tentacleconfig.Document, error) {
	configMap, err := lookAtAgent(ctx, p.agent, p.options.agents)
	if err != nil {
		return nil, err
	}
	if p.lists, err = p.readLists(ctx, configMap.servers); err != nil {
		return nil, err
	}
	servers := p.lists.servers()
	switch {
	case !configMap.isRegistered():
		return nil, hint.New("the agent in namespace "+p.agent.Namespace+" is not registered with an Octopus Server yet: its first start does that",
			"see what it says: "+p.tentacle.Kubectl("logs", "deployment/"+p.agent.Deployment.Meta.Name))
	case !slices.ContainsFunc(servers, tentacleconfig.TrustedServer.Subscribes):
		return nil, hint.New(p.name()+" has no entry that polls: with the entries, the agent has lost its subscription, and no start of it brings that back",
			"what else is wrong with it, and how to repair it: "+p.tentacle.Command("check"))
	}
	configMap.document.SetTrustedServers(servers)
	return configMap.document, nil
}

// surviving is a decision as the start of the agent leaves it: under several thumbprints, as while
// a certificate is renewed, it polls its first address alone.
func (p *outsidePlace) surviving(how decide) decide {
	if how == nil {
		return nil
	}
	return func(now []tentacleconfig.TrustedServer) (decision, error) {
		d, err := how(now)
		if err != nil {
			return d, err
		}
		left := p.lists.plan(d.servers).servers
		if lost := tentacleconfig.Diff(d.servers, left); len(left) > 0 && len(lost.Removed) > 0 && !p.warned {
			p.warned = true
			p.console.warnOf(hint.With(fmt.Errorf("the start of an agent keeps several thumbprints at its first address alone: it polls the others under %s", left[0].Thumbprint),
				"when every node presents the new certificate: "+p.tentacle.Command("update-trust", "--retire")))
		}
		if len(left) > 0 {
			d.servers = left
		}
		return d, nil
	}
}

// update writes old and new together into the ConfigMap. From then on, whichever pod starts finds
// the entry of its first address.
func (p *outsidePlace) update(ctx context.Context, change tentacleconfig.Change) (changed bool, err error) {
	for range mostStarts {
		if p.decided {
			if err := p.readAgain(ctx); err != nil {
				return false, err
			}
		}
		p.decided = true
		document, err := p.read(ctx)
		if err != nil {
			return false, err
		}
		if err := change.Edit(document); err != nil {
			return false, err
		}
		if err := p.decide(document); err != nil {
			return false, err
		}
		if p.plan.nothing() {
			return false, nil
		}
		if err := p.refuse(ctx); err != nil {
			return false, hint.With(err, "nothing was changed")
		}
		changed, err := p.save(ctx, p.plan.together)
		switch {
		case err == nil:
			return changed || !p.options.prepare, nil
		case errors.Is(err, kubernetes.ErrConflict): // decide again
		case isRefused(err):
			return false, hint.With(err, "nothing was changed")
		default:
			return false, finishedBySame("it is not known whether "+p.name()+" has old and new addresses together now; the agent keeps its identity in any case", err)
		}
	}
	return false, hint.Errorf("find out what writes to it, then try again", "%s was changed by others %d times while it was being changed", p.name(), mostStarts)
}

// decide plans how the agent comes to what a document says.
func (p *outsidePlace) decide(document *tentacleconfig.Document) (err error) {
	if p.wanted, err = document.TrustedServers(); err != nil {
		return err
	}
	p.plan = p.lists.plan(p.wanted)
	if len(p.plan.addresses) == 0 {
		return hint.New("an agent has to poll something: with no address, its start drops its entries, and its identity with them",
			"to end it: helm uninstall, and delete its registration in Octopus")
	}
	return nil
}

// refuseUseless: what is refused is so in update, on what the agent is then.
func (p *outsidePlace) refuseUseless(context.Context, changeOptions) error { return nil }

// use has the agent use what update began.
func (p *outsidePlace) use(ctx context.Context, c *console, _ saved, o changeOptions, out *outcome) (err error) {
	defer func() { p.report(out) }()
	if out.saved && o.reason != "" && (o.prepare || len(p.plan.stages) == 0) {
		c.warn("--reason is not kept: it would be in the description of a revision of the Helm release, and none is made")
	}
	switch {
	case o.prepare:
		out.Prepared = p.prepared()
		return nil
	case !out.saved:
		return nil
	}
	p.former = eachStored(p.lists.environment)
	if r := p.agent.Release; r != nil {
		out.Backup, p.revision = r.SecretName(), r.Revision
	}
	err = p.rollOut(ctx, c)
	if errors.As(err, new(undoneError)) {
		out.saved = false
	}
	if err == nil {
		out.Service.Restarted = true
	}
	return err
}

// look reports what a change would do.
func (p *outsidePlace) look(_ context.Context, after *tentacleconfig.Document, out *outcome) error {
	defer func() { p.report(out) }()
	if err := p.decide(after); err != nil {
		return err
	}
	out.saved = !p.plan.nothing()
	if !out.saved {
		return nil
	}
	if p.options.prepare {
		out.Prepared = p.prepared()
	}
	return p.refuseAltogether()
}

// mayUpdate says what the account may not do, and what the API would not take.
func (p *outsidePlace) mayUpdate(ctx context.Context) error { return p.refuseForbidden(ctx) }

// report says in an outcome how the agent is.
func (p *outsidePlace) report(out *outcome) {
	a := p.agent
	state, _ := deploymentState(a)
	out.Service.Name, out.Service.State = a.Deployment.Meta.Name, state
	at := agentOutcome{Context: a.Cluster.Context, Namespace: a.Namespace, Places: places{
		Environment: eachStored(p.lists.environment), ConfigMap: known(polledAddresses(p.lists.configMap)),
	}}
	if p.lists.helm != nil {
		at.Places.Helm = eachStored(p.lists.helm)
	}
	if p.lists.polls != nil {
		at.Places.Running = known(polledIn(&kubernetes.Log{Polls: p.lists.polls}))
	}
	if r := a.Release; r != nil {
		at.Release = &agentRelease{r.Name, r.Revision, r.Status, r.Chart, r.ChartVersion}
	}
	at.plan, at.former, at.revision, at.upgraded = p.plan, p.former, p.revision, p.stages > 0
	out.agentOutcome = &at
}

// note: the index of this machine has its own Tentacles only.
func (p *outsidePlace) note(*console) {}

// status: no service manager runs the agent.
func (p *outsidePlace) status(context.Context) (service.Status, error) {
	return service.Status{State: service.Unmanaged}, nil
}

// environment is that of the agent's container.
func (p *outsidePlace) environment(context.Context) (variables []service.Variable, err error) {
	for _, container := range p.agent.Deployment.Spec.Template.Spec.Containers {
		if container.Name == p.agent.Container {
			for _, e := range container.Env {
				variables = append(variables, service.Variable{Name: e.Name, Value: e.Value, Source: service.SourceContainer})
			}
		}
	}
	return variables, nil
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
)

// agentRestart is the JSON of restart-service about a Kubernetes agent.
type agentRestart struct {
	Context   string `json:"context"` // of the kubeconfig; "" in a pod
	Namespace string `json:"namespace"`
	restartOutcome
	Error string `json:"error"` // why it was not restarted; "" if it was

	err      error
	warnings string
}

// restartAgents restarts agents, as kubectl rollout restart does, if their identity survives that.
func restartAgents(ctx context.Context, c *console, o restartServiceOptions) error {
	if o.restart.now || o.restart.splay > 0 || o.restart.confirm > 0 {
		return errors.New("--restart-now, --restart-splay and --confirm are about a service: a Kubernetes agent has none")
	}
	if o.rollout <= 0 {
		return fmt.Errorf("--rollout-timeout %v: give a duration like 5m", o.rollout)
	}
	agents, err := agentsOf(ctx, c, o.agents)
	if len(agents) == 0 && err != nil {
		return err
	}
	if !o.agents.severalPossible() {
		r := restartOneAgent(ctx, c, agents[0], o)
		switch {
		case r.err != nil && !o.outcome.printsDespite(r.err):
			return r.err
		case o.outcome.json():
			return errors.Join(c.printJSON(r), r.err)
		}
		r.print(c)
		return nil
	}
	restarts := make([]agentRestart, len(agents))
	c.progress("restarting " + plural.Of(len(agents), "agent", "agents"))
	eachAgent(len(agents), func(i int) {
		own, warnings := c.quietly()
		restarts[i] = restartOneAgent(ctx, own, agents[i], o)
		restarts[i].warnings = warnings.String()
	})
	c.endProgress()
	failures := joined(err)
	for i, r := range restarts {
		c.passOn(r.warnings)
		if r.err != nil {
			failures = append(failures, failureOf(agents[i], o.agents, r.err))
			restarts[i].Error = r.err.Error()
		}
	}
	if o.outcome.json() {
		return errors.Join(append([]error{c.printJSON(restarts)}, failures...)...)
	}
	if len(restarts) == 0 {
		printNoAgent(c)
	} else {
		printTable(c, withContexts(restartColumns, restarts, func(r agentRestart) string { return r.Context }), restarts)
	}
	return errors.Join(failures...)
}

var restartColumns = []column[agentRestart]{
	{"NAMESPACE", func(r agentRestart) string { return r.Namespace }},
	{"OUTCOME", func(r agentRestart) string { return string(r.Result) }},
	{"STATE", func(r agentRestart) string { return string(r.Service.State) }},
}

// print says in a sentence what happened to one agent.
func (r agentRestart) print(c *console) {
	name := r.Service.Name
	switch {
	case r.DryRun && r.Changed:
		c.printf("Deployment %s would be restarted.\n%s\n", name, dryRunLine)
	case r.DryRun:
		c.printf("Deployment %s is %s and would be left alone.\n%s\n", name, r.Service.State, dryRunUnchangedLine)
	case r.Service.Restarted:
		c.printf("Deployment %s was restarted.\n", name)
	default:
		c.printf("Deployment %s is %s and was left alone.\n", name, r.Service.State)
	}
}

// restartOneAgent restarts one agent.
func restartOneAgent(ctx context.Context, c *console, a *kubernetes.Agent, o restartServiceOptions) (r agentRestart) {
	state, _ := deploymentState(a)
	r = agentRestart{Context: a.Cluster.Context, Namespace: a.Namespace, restartOutcome: restartOutcome{
		DryRun: o.outcome.dryRun, Changed: a.Deployment.Spec.Replicas > 0, Service: serviceEntry{Name: a.Deployment.Meta.Name, State: state},
	}}
	defer func() { r.Result = resultOf(r.DryRun, r.Changed, r.err) }()
	t, err := lookAtAgent(ctx, a, o.agents)
	if err == nil {
		err = refuseLastStart(a, t)
	}
	if r.err = about(o.agents.named(a.Namespace, a.Cluster.Context), err); r.err != nil || !r.Changed || r.DryRun {
		r.Changed = r.Changed && r.err == nil
		return r
	}
	p := &outsidePlace{console: c, agent: a, tentacle: t.suggest(), options: changeOptions{agents: o.agents, rolloutTimeout: o.rollout, restart: o.restart}}
	r.err = p.restartAlone(ctx, c)
	r.Service.Restarted = r.err == nil
	r.Service.State, _ = deploymentState(p.agent)
	r.Changed = r.err == nil || errors.As(r.err, new(unfinishedError))
	return r
}

// refuseLastStart refuses a restart after which the agent would poll nobody.
func refuseLastStart(a *kubernetes.Agent, t *tentacle) error {
	next := startOf(a.Environment(), t.servers, t.isRegistered())
	switch {
	case next.end == startFails:
		return fmt.Errorf("the agent in namespace %s would not start again: %s", a.Namespace, next.reason)
	case next.end == startEndsTrust && len(t.servers) == 0: // the agent that runs may still poll, and its log has the subscription
		return hint.Errorf("how to repair it: "+t.suggest().Command("check"),
			"the agent in namespace %s has lost its list, and no restart brings it back", a.Namespace)
	case next.end == startEndsTrust:
		return hint.Errorf("bring the list in order first: "+t.suggest().Command("sync-servers", "--server-comms-address="+strings.Join(eachStored(a.Environment().List()), ",")),
			"a restart would end all trust of the agent in namespace %s: %s, the first address of its environment, is not in %s", a.Namespace, next.first, t.instance.ConfigPath)
	}
	return nil
}

// restartAlone restarts the agent, and waits until it runs again.
func (p *outsidePlace) restartAlone(ctx context.Context, c *console) error {
	defer c.endProgress()
	wanted := slices.DeleteFunc(p.agent.UpgradeAccess(), func(a kubernetes.Access) bool { return a.Resource != "deployments" })
	if denied := p.agent.Cluster.Denied(ctx, wanted); len(denied) > 0 {
		return deniedError{p.agent.Namespace, denied, wanted}
	}
	if err := p.waitForScripts(ctx); err != nil {
		return hint.With(err, "the agent was not restarted")
	}
	if err := p.agent.Restart(ctx); err != nil {
		return err
	}
	if err := p.agent.Wait(ctx, p.options.rolloutTimeout, p.progress(c, "restart")); err != nil {
		return unfinishedError{done: "the restart of the agent has begun, but:",
			cause: hint.With(err, "what is wrong with it: "+p.tentacle.Command("check"))}
	}
	return nil
}

package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
)

// named is an agent in suggested commands: with the options that were needed to find it.
func (o *agentOptions) named(namespace, context string) suggest.Tentacle {
	agent := suggest.Agent{Namespace: namespace, Kubeconfig: o.kubeconfig}
	if len(o.contexts) > 0 {
		agent.Context = context
	}
	return suggest.Tentacle{Agent: agent}
}

// agentsOf finds the agents that the options choose, in the order of the contexts, then of the
// namespaces. Its error has what went wrong; there are the other agents all the same.
func agentsOf(ctx context.Context, c *console, o agentOptions) ([]*kubernetes.Agent, error) {
	contexts := slices.Clone(o.contexts)
	if len(contexts) == 0 {
		contexts = []string{""}
	}
	c.progress(lookingForAgents(o))
	defer c.endProgress()
	found := make([][]*kubernetes.Agent, len(contexts))
	failed := make([]error, len(contexts))
	var group sync.WaitGroup
	for i, name := range contexts {
		group.Go(func() { found[i], failed[i] = o.agentsIn(ctx, name) })
	}
	group.Wait()
	var failures []error // not joined in joined ones: each is about one agent
	for _, err := range failed {
		failures = append(failures, joined(err)...)
	}
	return slices.Concat(found...), errors.Join(failures...)
}

func lookingForAgents(o agentOptions) string {
	what := "looking for the agent in namespace " + o.namespace
	if o.all {
		what = "looking for agents"
	}
	if len(o.contexts) > 0 {
		what += " (" + strings.Join(o.contexts, ", ") + ")"
	}
	return what
}

// agentsIn finds the agents in the cluster of one context.
func (o *agentOptions) agentsIn(ctx context.Context, name string) ([]*kubernetes.Agent, error) {
	cluster, err := boundedread.Await(ctx, func() (*kubernetes.Cluster, error) { // the file may be a pipe
		return kubernetes.Connect(kubernetes.Kubeconfig{File: o.kubeconfig, Context: name, UserAgent: userAgent()})
	})
	if err != nil {
		return nil, o.about(name, err)
	}
	if o.all {
		agents, err := cluster.Agents(ctx)
		return agents, o.about(cluster.Context, err)
	}
	agent, err := cluster.Agent(ctx, o.namespace)
	if err != nil {
		return nil, o.about(cluster.Context, err)
	}
	return []*kubernetes.Agent{agent}, nil
}

// about says in which cluster and namespace something went wrong, and names the agent for hints.
func (o *agentOptions) about(context string, err error) error {
	var errs []error
	for _, one := range oneRefusal(joined(err)) {
		failure := agentFailure{context: context, namespace: o.namespace, several: len(o.contexts) > 1, error: one}
		if agent, is := errors.AsType[*kubernetes.AgentError](one); is {
			failure.namespace = agent.Namespace
		} else if refusal, is := errors.AsType[*kubernetes.APIError](one); is {
			failure.namespace = refusal.Namespace
		}
		errs = append(errs, about(o.named(failure.namespace, context), failure))
	}
	return errors.Join(errs...)
}

// agentFailure says in which cluster, and where that is known in which namespace, something went
// wrong.
type agentFailure struct {
	context, namespace string
	several            bool // contexts
	error
}

func (e agentFailure) Error() string {
	if e.several {
		return "context " + e.context + ": " + e.error.Error()
	}
	return e.error.Error()
}

func (e agentFailure) Unwrap() error { return e.error }

// eachAgent calls do for the number of each of n agents, a few at the same time, and returns when
// all are done.
func eachAgent(n int, do func(i int)) { kubernetes.AtOnce(n, do) }

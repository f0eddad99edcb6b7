package commands

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/urfave/cli/v2"
)

// agentOptions choose Kubernetes agents, instead of a Tentacle on this machine.
type agentOptions struct {
	namespace   string
	all         bool
	contextList cli.StringSlice
	kubeconfig  string

	contexts []string // none: the current one
}

func (o *agentOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "namespace", Category: whichAgent, Destination: &o.namespace,
			Usage: "`NS` of the Kubernetes agent that is meant, instead of a Tentacle on this machine"},
		&cli.BoolFlag{Name: "all-agents", Category: whichAgent, Destination: &o.all, DisableDefaultText: true,
			Usage: "all Kubernetes agents that this account can see"},
		&cli.StringSliceFlag{Name: "context", Category: whichAgent, Destination: &o.contextList,
			Usage: "`NAME` of the kubeconfig's context, and so of the cluster; repeatable, or with commas (default: the current one; in a pod, its own account)"},
		&cli.StringFlag{Name: "kubeconfig", Category: whichAgent, Destination: &o.kubeconfig,
			Usage: "kubeconfig `FILE` (default: $KUBECONFIG, else ~/.kube/config)"},
	}
}

// given says whether agents are meant.
func (o *agentOptions) given() bool { return o.namespace != "" || o.all }

// severalPossible says whether the options may mean several agents, even if they find one: what is
// printed has the form of a list then.
func (o *agentOptions) severalPossible() bool { return o.all || len(o.contexts) > 1 }

// complete checks the options beside those that choose a Tentacle on this machine. allInstances is
// that option, where the command has it.
func (o *agentOptions) complete(t tentacleOptions, allInstances bool) error {
	o.contexts = commaSeparated(o.contextList.Value())
	switch {
	case o.namespace != "" && o.all:
		return errors.New("--namespace and --all-agents cannot be combined: one agent, or all of them")
	case !o.given() && (len(o.contexts) > 0 || o.kubeconfig != ""):
		return hint.New("--context and --kubeconfig only say where a Kubernetes agent is looked for", "add --namespace=NS for the agent there, or --all-agents")
	case !o.given():
		return nil
	case allInstances || t != (tentacleOptions{}):
		return errors.New("--namespace and --all-agents cannot be combined with --instance, --config, --service and --all-instances, which mean Tentacles on this machine")
	case o.namespace != "" && !namespaceName.MatchString(o.namespace):
		return hint.Errorf("give it as kubectl get namespaces lists it", "--namespace %q is not the name of a namespace", o.namespace)
	}
	if o.kubeconfig == "" {
		return nil
	}
	absolute, err := filepath.Abs(o.kubeconfig) // for what is suggested: it is pasted elsewhere
	o.kubeconfig = absolute
	return err
}

// namespaceName is the form of a namespace's name (RFC 1123 label).
var namespaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

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
	return slices.Concat(found...), errors.Join(failed...)
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
	cluster, err := kubernetes.Connect(kubernetes.Kubeconfig{File: o.kubeconfig, Context: name, UserAgent: userAgent()})
	if err != nil {
		return nil, o.about(name, err)
	}
	if o.all {
		agents, err := cluster.Agents(ctx)
		return agents, o.about(name, err)
	}
	agent, err := cluster.Agent(ctx, o.namespace)
	if err != nil {
		return nil, o.about(name, err)
	}
	return []*kubernetes.Agent{agent}, nil
}

// about says in which cluster and namespace something went wrong, and names the agent for hints.
func (o *agentOptions) about(context string, err error) error {
	var errs []error
	for _, one := range joined(err) {
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

// agentsAtATime is how many agents are dealt with at the same time.
const agentsAtATime = 8

// eachAgent calls do for the number of each of n agents, a few at the same time, and returns when
// all are done.
func eachAgent(n int, do func(i int)) {
	var group sync.WaitGroup
	free := make(chan struct{}, agentsAtATime)
	for i := range n {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			do(i)
		})
	}
	group.Wait()
}

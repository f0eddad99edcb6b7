package commands

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
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
			Usage: "`NS`: the namespace of a Kubernetes agent, instead of a Tentacle on this machine"},
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
	o.contexts = nil
	for _, name := range commaSeparated(o.contextList.Value()) {
		if !slices.Contains(o.contexts, name) {
			o.contexts = append(o.contexts, name)
		}
	}
	switch {
	case o.namespace != "" && o.all:
		return errors.New("--namespace and --all-agents cannot be combined: one agent, or all of them")
	case !o.given() && (len(o.contexts) > 0 || o.kubeconfig != ""):
		return hint.New("--context and --kubeconfig only say where a Kubernetes agent is looked for", "add --namespace=NS for the agent there, or --all-agents")
	case !o.given():
		return nil
	case allInstances || t != (tentacleOptions{}):
		return errors.New("--namespace and --all-agents cannot be combined with --instance, --config, --service and --all-instances, which mean Tentacles on this machine")
	case o.namespace != "" && !namespaceName().MatchString(o.namespace):
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
var namespaceName = lazyregexp.New(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

package commands

import (
	"context"

	"github.com/octo-tentacle/octo-tentacle/kubernetes"
)

// lookAtAgent reads the configuration of a Kubernetes agent from outside its container. Its
// configuration is its ConfigMap, which was read when the agent was found, and its service the
// Deployment. The Secret with the key of its secrets is read when one is needed: not every account
// may read it.
func lookAtAgent(ctx context.Context, a *kubernetes.Agent, o agentOptions) (*tentacle, error) {
	p := agentPlaceOf(a)
	named := o.named(a.Namespace, a.Cluster.Context)
	named.Instance.ConfigPath = p.name()
	document := p.document(ctx, &a.ConfigMap)
	servers, err := document.TrustedServers()
	if err != nil {
		return nil, about(named, agentFailure{a.Cluster.Context, a.Namespace, len(o.contexts) > 1, err})
	}
	return &tentacle{
		instance: named.Instance,
		place:    p,
		document: document,
		servers:  servers,
		service:  a.Deployment.Meta.Name,
		agent:    a,
		outside:  named.Agent,
	}, nil
}

// agentPlaceOf is the ConfigMap of an agent, from outside its container.
func agentPlaceOf(a *kubernetes.Agent) *configMapPlace {
	return &configMapPlace{agentLocation: agentLocation{a.Namespace, a.ConfigMap.Meta.Name, a.SecretName()}, cluster: a.Cluster}
}

package commands

import (
	"context"

	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// lookAtAgent reads the configuration of a Kubernetes agent from outside its container. Its
// configuration is its ConfigMap, which was read when the agent was found, and its service the
// Deployment. The Secret with the key of its secrets is read when one is needed: not every account
// may read it.
func lookAtAgent(ctx context.Context, a *kubernetes.Agent, o agentOptions) (*tentacle, error) {
	p := &configMapPlace{namespace: a.Namespace, configMap: a.ConfigMap.Meta.Name, secret: a.SecretName(), cluster: a.Cluster}
	named := o.named(a.Namespace, a.Cluster.Context)
	named.Instance.ConfigPath = p.name()
	document := tentacleconfig.FromMap(p.name(), a.ConfigMap.Data, &agentSecrets{ctx, p})
	servers, err := document.TrustedServers()
	if err != nil {
		return nil, about(named, err)
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

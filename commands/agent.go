package commands

import (
	"context"
	"fmt"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// configMapPlace is a ConfigMap as messages and JSON name it.
func configMapPlace(namespace, name string) string { return "configmap/" + namespace + "/" + name }

// lookAtAgent reads the configuration of a Kubernetes agent from outside its container. Its
// configuration is its ConfigMap, and its service the Deployment.
func lookAtAgent(ctx context.Context, a *kubernetes.Agent, o agentOptions) (*tentacle, error) {
	named := o.named(a.Namespace, a.Cluster.Context)
	place := configMapPlace(a.Namespace, a.ConfigMap.Meta.Name)
	named.Instance.ConfigPath = place
	document := tentacleconfig.FromMap(place, a.ConfigMap.Data, &agentSecrets{ctx: ctx, agent: a})
	servers, err := document.TrustedServers()
	if err != nil {
		return nil, about(named, err)
	}
	return &tentacle{
		instance: named.Instance,
		document: document,
		servers:  servers,
		service:  a.Deployment.Meta.Name,
		agent:    a,
		outside:  named.Agent,
	}, nil
}

// agentSecrets are the secrets of an agent. Its Secret, which has their key, is read when one is
// needed: not every account may read it.
type agentSecrets struct {
	ctx   context.Context
	agent *kubernetes.Agent

	once sync.Once
	key  tentacleconfig.Key
	err  error
}

func (s *agentSecrets) read() (tentacleconfig.Key, error) {
	s.once.Do(func() {
		name := s.agent.SecretName()
		secret, err := s.agent.Cluster.Secret(s.ctx, s.agent.Namespace, name)
		if err == nil {
			s.key, err = tentacleconfig.NewKey(secret.Data["machine-key"], secret.Data["machine-iv"])
		}
		if err != nil {
			s.err = fmt.Errorf("the key in secret/%s/%s: %w", s.agent.Namespace, name, err)
		}
	})
	return s.key, s.err
}

// Encrypt protects a secret with the agent's key. It makes none.
func (s *agentSecrets) Encrypt(plain []byte) (string, error) {
	key, err := s.read()
	if err != nil {
		return "", err
	}
	return key.Encrypt(plain)
}

// Decrypt reads a secret of the agent.
func (s *agentSecrets) Decrypt(text string) ([]byte, error) {
	key, err := s.read()
	if err != nil {
		return nil, err
	}
	return key.Decrypt(text)
}

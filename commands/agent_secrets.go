package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Keys of an agent's Secret (OctopusTentacle, Kubernetes/Crypto).
const (
	machineKey = "machine-key"
	machineIV  = "machine-iv"
)

// agentSecrets are the secrets of an agent: the key for them is in its Secret, which is read when
// the first of them is needed.
type agentSecrets struct {
	ctx   context.Context // of the command: a Document asks without one
	place *configMapPlace
}

func (s *agentSecrets) Encrypt(plain []byte) (string, error) {
	key, err := s.key(true)
	if err != nil {
		return "", err
	}
	return key.Encrypt(plain)
}

func (s *agentSecrets) Decrypt(text string) ([]byte, error) {
	key, err := s.key(false)
	if err != nil {
		return nil, err
	}
	return key.Decrypt(text)
}

// key is the key in the Secret. One that has none yet, as the chart makes it, gets one if create
// says so. Half a key is never replaced: what it encrypted would be lost.
func (s *agentSecrets) key(create bool) (tentacleconfig.Key, error) {
	p := s.place
	p.secrets.Lock()
	defer p.secrets.Unlock()
	if p.key != nil {
		return *p.key, nil
	}
	cluster, err := p.connect()
	if err != nil {
		return tentacleconfig.Key{}, err
	}
	name := "secret/" + p.namespace + "/" + p.secret
	for range mostStarts {
		secret, err := cluster.Secret(s.ctx, p.namespace, p.secret)
		if err != nil {
			return tentacleconfig.Key{}, err
		}
		key, iv := secret.Data[machineKey], secret.Data[machineIV]
		switch {
		case len(key) > 0 || len(iv) > 0:
			return p.keep(name, key, iv)
		case !create:
			return tentacleconfig.Key{}, fmt.Errorf("%s has no key: %s and %s are missing", name, machineKey, machineIV)
		}
		key, iv = tentacleconfig.RandomKey()
		_, err = cluster.PatchSecret(s.ctx, secret, map[string][]byte{machineKey: key, machineIV: iv})
		if err == nil {
			return p.keep(name, key, iv)
		}
		if !errors.Is(err, kubernetes.ErrConflict) {
			return tentacleconfig.Key{}, err
		}
	}
	return tentacleconfig.Key{}, fmt.Errorf("%s was changed by others %d times while a key was being made", name, mostStarts)
}

func (p *configMapPlace) keep(name string, key, iv []byte) (tentacleconfig.Key, error) {
	usable, err := tentacleconfig.NewKey(key, iv)
	if err != nil {
		return usable, hint.With(fmt.Errorf("%s is damaged: %s and %s are not a key: %w", name, machineKey, machineIV, err), "restore the Secret")
	}
	p.key = &usable
	return usable, nil
}

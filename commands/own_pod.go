package commands

import (
	"context"
	"fmt"
	"os"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// ownStart are the addresses that the start script of this pod's agent takes: those of the
// variables here or, in a container that runs before or beside the agent's, of the agent's own.
func ownStart(ctx context.Context) ([]string, error) {
	names := givenAddresses()
	if len(names) == 0 {
		cluster, err := kubernetes.ConnectInPod(userAgent())
		if err != nil {
			return nil, err
		}
		pod, err := os.Hostname() // which Kubernetes makes the name of the pod
		if err != nil {
			return nil, err
		}
		own, _ := agentContainer()
		addresses, found, err := cluster.StartAddresses(ctx, own.namespace, pod)
		switch {
		case err != nil:
			return nil, hint.With(err, "give the address of each node, like --server-comms-address=https://octo1.example.com:10943")
		case !found:
			return nil, fmt.Errorf("the pod %s has no container of an agent: none has the variable %s", pod, kubernetes.VariableNamespace)
		}
		names = nonEmpty(addresses.List())
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("the agent of this pod is given no address: %s and %s are empty", kubernetes.VariableAddress, kubernetes.VariableAddresses)
	}
	all, err := eachAddress(names, nil)
	if err != nil {
		return nil, fmt.Errorf("the addresses of this pod's agent: %w", err)
	}
	return all, nil
}

// notYetRegistered says whether an agent in whose pod this process runs is still to be registered:
// by the start script of its container, which also makes the list of what it polls.
func (t *tentacle) notYetRegistered() bool {
	return t.isOwnAgent() && !t.isRegistered() && len(t.servers) == 0
}

// isOwnAgent says whether this is the agent of the pod in which this process runs.
func (t *tentacle) isOwnAgent() bool {
	_, is := t.place.(*configMapPlace)
	return is
}

// lostTrust is the error of an agent of this pod that is registered, but polls nobody: its list was
// emptied. Nil for others.
func (t *tentacle) lostTrust() error {
	if !t.isOwnAgent() || !t.isRegistered() || len(t.servers) > 0 {
		return nil
	}
	own, _ := agentContainer()
	return hint.Errorf(
		"to have its next start register it again, with the environments and roles that it has: "+
			"kubectl --namespace="+own.namespace+" patch configmap "+own.configMap+" --type=merge "+
			suggest.Quote("linux", `--patch={"data":{"`+tentacleconfig.KeyIsRegistered+`":null}}`),
		"the agent is registered, but trusts no Octopus Server: its trust was lost, and with it its subscription")
}

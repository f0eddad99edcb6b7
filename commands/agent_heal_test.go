package commands_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

// TestAListThatIsLostDuringAChangeIsWrittenAgain: the ConfigMap loses its entries just before each
// request in turn that counts, as by a pod that is killed while it starts, and the pods start
// again, or not. As long as the program looks at it once more, nothing is lost in the end.
func TestAListThatIsLostDuringAChangeIsWrittenAgain(t *testing.T) {
	t.Parallel()
	changes := append(changesOfAgents[:len(changesOfAgents):len(changesOfAgents)], changeOfAgent{
		"one node by another", kubetest.Agent{Addresses: octos("1")}, []string{"poll-server", "--reuse-server-thumbprint", "--replace", "--server-comms-address=https://octo4:10943"}, octos("4"),
	})
	for i, c := range changes {
		for _, starts := range []bool{false, true} {
			if !starts && i != 3 && i != len(changes)-1 { // two rollouts, and three
				continue
			}
			t.Run(fmt.Sprintf("%s, starts %v", c.name, starts), func(t *testing.T) {
				t.Parallel()
				healed := 0
				for moment, requests := 0, 1; moment < requests; moment++ {
					s := newRolloutScene(t, c.agent)
					requests = 0
					began, lost, seen := false, false, false
					var oneByOne sync.Mutex // several requests may be on their way
					s.cluster.Hook(func(r kubetest.Request) {
						isConfigMap := r.Resource == "configmaps"
						if r.Account != "operator" || !isConfigMap && !r.Changes() {
							return // it makes no difference before such a request
						}
						oneByOne.Lock()
						defer oneByOne.Unlock()
						if requests == moment && began {
							lost = true
							s.edit(t, "Tentacle.Communication.TrustedOctopusServers", "[]")
							if starts {
								s.cluster.Restart("octopus")
							}
						}
						seen = seen || lost && isConfigMap
						began = began || r.Changes()
						requests++
					}, nil)
					code, output := s.run(t, c.command...)
					s.cluster.Hook(nil, nil)
					if !seen {
						continue
					}
					healed++
					when := fmt.Sprintf("lost before request %d (exit code %d)\n%s", moment, code, output)
					s.keepsIdentity(t, when)
					if code != 0 || !strings.Contains(output, "warning: configmap/octopus/tentacle-config had lost its entries") {
						t.Errorf("%s", when)
					}
					s.polls(t, when, c.want)
				}
				if healed < 2 {
					t.Errorf("it was healed %d times only", healed)
				}
			})
		}
	}
}

// TestAListThatIsLostWhileAChangeIsUndoneIsWrittenAgain: with the former addresses alone.
func TestAListThatIsLostWhileAChangeIsUndoneIsWrittenAgain(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	s.cluster.SetRollout("octopus", kubetest.Rollout{Fails: "out of luck"})
	patches := 0
	s.cluster.Hook(nil, func(r kubetest.Request) {
		if r.Account == "operator" && r.Changes() && r.Resource == "deployments" {
			if patches++; patches == 2 {
				s.edit(t, "Tentacle.Communication.TrustedOctopusServers", "[]")
			}
		}
	})
	code, output := s.run(t, adds()...)
	s.cluster.Hook(nil, nil)
	if code != 1 || !strings.Contains(output, "the change was undone") || !strings.Contains(output, "had lost its entries") {
		t.Errorf("exit code %d: %s", code, output)
	}
	s.keepsIdentity(t, output)
	if got := s.polledNow(t); !kubernetes.SameAddresses(got, octos("1,2,3")) {
		t.Errorf("it polls %v", got)
	}
}

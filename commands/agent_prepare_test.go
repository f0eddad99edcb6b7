package commands_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"go.yaml.in/yaml/v3"
)

// preparedStep is a step that --prepare prints.
type preparedStep struct{ Helm, Values string }

// prepare runs a command with --prepare, and returns the steps that are left.
func (s *rolloutScene) prepare(t *testing.T, command ...string) []preparedStep {
	t.Helper()
	code, output := s.run(t, append(command, "--prepare", "--format=json")...)
	var said struct {
		Prepared struct {
			preparedStep
			Further []preparedStep
		}
	}
	start := strings.Index(output, "{") // after warnings
	if err := json.Unmarshal([]byte(output[max(start, 0):]), &said); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, output)
	}
	return append([]preparedStep{said.Prepared.preparedStep}, said.Prepared.Further...)
}

// values sets the variables of the Deployment as Helm does with these values.
func (s *rolloutScene) values(t *testing.T, text string) (addresses []string) {
	t.Helper()
	var values struct {
		Agent struct {
			One  *string  `yaml:"serverCommsAddress"`
			Many []string `yaml:"serverCommsAddresses"`
		}
	}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil || len(values.Agent.Many) == 0 {
		t.Fatalf("%v: %s", err, text)
	}
	env := []any{map[string]any{"name": kubernetes.VariableAddresses, "value": strings.Join(values.Agent.Many, ",")}}
	if one := values.Agent.One; one != nil {
		env = append(env, map[string]any{"name": kubernetes.VariableAddress, "value": *one})
	}
	s.request(t, "PATCH", "/apis/apps/v1/namespaces/octopus/deployments/"+kubetest.DeploymentName+"?fieldManager=helm", "application/strategic-merge-patch+json",
		map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": kubetest.ContainerName, "env": env}}}}}}, nil)
	return values.Agent.Many
}

func (s *rolloutScene) podNames(t *testing.T) (names []string) {
	t.Helper()
	var list struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	s.request(t, "GET", "/api/v1/namespaces/octopus/pods", "", nil, &list)
	for _, pod := range list.Items {
		names = append(names, pod.Metadata.Name)
	}
	return names
}

// rollOut carries out a step: while its new pod is there beside the old one, they start in an order
// such as "onno", o for the old one, until the new one has started and replaces it.
func (s *rolloutScene) rollOut(t *testing.T, values, order, when string) (addresses []string) {
	t.Helper()
	old := s.podNames(t)
	s.cluster.SetRollout("octopus", kubetest.Rollout{Delay: time.Hour})
	addresses = s.values(t, values)
	s.cluster.SetRollout("octopus", kubetest.Rollout{})
	made := slices.DeleteFunc(s.podNames(t), func(name string) bool { return slices.Contains(old, name) })
	if len(old) != 1 || len(made) != 1 {
		t.Fatalf("%s: old pods %q, new pods %q", when, old, made)
	}
	for i, who := range order {
		s.cluster.StartPod("octopus", map[rune]string{'o': old[0], 'n': made[0]}[who])
		s.keepsIdentity(t, fmt.Sprintf("%s, start %d of %s", when, i+1, order))
	}
	s.request(t, "DELETE", "/api/v1/namespaces/octopus/pods/"+old[0], "", nil, nil)
	s.cluster.Restart("octopus")
	s.keepsIdentity(t, when+", rolled out after "+order)
	return addresses
}

// startOrders are orders in which the old and the new pod of a rollout start.
var startOrders = []string{"", "o", "n", "on", "no", "ono", "non", "noon"}

// TestThePreparedStepsKeepTheIdentityWhateverStarts: after --prepare, its steps are carried out as
// the values say. Before the first one the old pod starts again, or not; during each, both pods
// start in any order; then the way is gone back, a step at a time.
func TestThePreparedStepsKeepTheIdentityWhateverStarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		agent   kubetest.Agent
		command []string
		steps   int
		want    []string
	}{
		{"another node", kubetest.Agent{}, adds(), 1, octos("1,2,3,4")},
		{"the first node goes", kubetest.Agent{}, []string{"remove-server", "https://octo1:10943"}, 2, octos("2,3")},
		{"the first node is replaced", kubetest.Agent{}, changesOfAgents[3].command, 2, octos("4,2,3")},
		{"from a load balancer to the nodes", kubetest.Agent{Address: "https://octo9:10943"}, changesOfAgents[4].command, 3, octos("1,2")},
		{"all nodes are replaced", kubetest.Agent{Addresses: octos("1,2")}, []string{"poll-server", "--reuse-server-thumbprint", "--replace", "--server-comms-address=https://octo4:10943,https://octo5:10943"}, 3, octos("4,5")},
	} {
		for _, restarts := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, %d starts before", c.name, restarts), func(t *testing.T) {
				t.Parallel()
				for _, order := range startOrders {
					s := newRolloutScene(t, c.agent)
					before := s.polledNow(t)
					steps := s.prepare(t, c.command...)
					if len(steps) != c.steps {
						t.Fatalf("%d steps: %+v", len(steps), steps)
					}
					for range restarts {
						s.cluster.Restart("octopus")
						s.keepsIdentity(t, "before the first step")
					}
					var polled []string
					for i, step := range steps {
						if c.steps > 1 != strings.Contains(step.Helm, " --wait") {
							t.Errorf("step %d: %s", i+1, step.Helm)
						}
						polled = s.rollOut(t, step.Values, order, fmt.Sprintf("step %d", i+1))
					}
					if now := s.polledNow(t); !kubernetes.SameAddresses(polled, c.want) || !kubernetes.SameAddresses(now, c.want) {
						t.Errorf("in the end it is to poll %v, and polls %v", polled, now)
					}
					for i := len(steps) - 2; i >= 0; i-- {
						s.rollOut(t, steps[i].Values, order, fmt.Sprintf("back to step %d", i+1))
					}
					former := "agent: {serverCommsAddress: \"\", serverCommsAddresses: [" + strings.Join(before, ", ") + "]}"
					s.rollOut(t, former, order, "back to the beginning")
					if now := s.polledNow(t); !kubernetes.SameAddresses(now, before) {
						t.Errorf("it went back to %v, not %v", now, before)
					}
				}
			})
		}
	}
}

// polledNow are the addresses of the ConfigMap.
func (s *rolloutScene) polledNow(t *testing.T) (addresses []string) {
	t.Helper()
	var servers []struct{ Address string }
	if err := json.Unmarshal([]byte(s.get(t, "Tentacle.Communication.TrustedOctopusServers")), &servers); err != nil {
		t.Fatal(err)
	}
	for _, server := range servers {
		addresses = append(addresses, server.Address)
	}
	return addresses
}

// TestPreparedStepsGoOnWhereTheyAre: after each step, the same command prints those that are left.
func TestPreparedStepsGoOnWhereTheyAre(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{Address: "https://octo9:10943"})
	command := changesOfAgents[4].command
	all := s.prepare(t, command...)
	for left := len(all); left > 0; left-- {
		steps := s.prepare(t, command...)
		if len(steps) != left {
			t.Fatalf("%d steps are left instead of %d: %+v", len(steps), left, steps)
		}
		s.values(t, steps[0].Values)
		s.keepsIdentity(t, "then")
	}
	if got := s.polledNow(t); !kubernetes.SameAddresses(got, octos("1,2")) {
		t.Errorf("in the end it polls %v", got)
	}
}

// TestTheLastStepAloneIsTheTrap: without the steps before it, one start of the old pod is enough.
func TestTheLastStepAloneIsTheTrap(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{Addresses: octos("1")})
	steps := s.prepare(t, "poll-server", "--reuse-server-thumbprint", "--replace", "--server-comms-address=https://octo4:10943")
	s.cluster.Restart("octopus")
	s.values(t, steps[len(steps)-1].Values)
	if got := s.polledNow(t); len(got) > 0 {
		t.Errorf("it polls %v", got)
	}
}

package commands_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

// rolloutScene is a Kubernetes cluster with an agent in namespace octopus, which polls octo1 to
// octo3.
type rolloutScene struct {
	cluster    *kubetest.Cluster
	kubeconfig string
}

const (
	agentSubscription = "poll://g3662re9njtelsyfhm7t/"
	agentServer       = "A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1"
	renewedServer     = "B2B2B2B2B2B2B2B2B2B2B2B2B2B2B2B2B2B2B2B2"
)

func newRolloutScene(t *testing.T, a kubetest.Agent) *rolloutScene {
	t.Helper()
	cluster, err := kubetest.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	a.Namespace, a.Thumbprint, a.Subscription = "octopus", agentServer, agentSubscription
	if a.Addresses == nil && a.Address == "" {
		a.Addresses = octos("1,2,3")
	}
	a.Data = map[string]string{"Tentacle.CertificateThumbprint": tentacleThumbprint()}
	if err := a.Install(cluster.Client()); err != nil {
		t.Fatal(err)
	}
	s := &rolloutScene{cluster: cluster, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if err := os.WriteFile(s.kubeconfig, []byte(cluster.Kubeconfig("operator")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Allow("operator", `{kind: ClusterRole, rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]}`); err != nil {
		t.Fatal(err)
	}
	return s
}

// octos are the addresses of nodes by their numbers.
func octos(numbers string) (addresses []string) {
	for _, n := range strings.Split(numbers, ",") {
		addresses = append(addresses, "https://octo"+n+":10943")
	}
	return addresses
}

// run runs a command line about the agent.
func (s *rolloutScene) run(t *testing.T, arguments ...string) (code int, output string) {
	t.Helper()
	var out bytes.Buffer
	code = commands.Run(t.Context(), strings.NewReader(""), &out, &out, append(arguments, "--namespace=octopus", "--kubeconfig="+s.kubeconfig))
	return code, out.String()
}

// writes counts what the program has changed since the last time.
func (s *rolloutScene) writes() (n int) {
	for _, r := range s.cluster.Requests() {
		if r.Account == "operator" && r.Changes() {
			n++
		}
	}
	s.cluster.ResetRequests()
	return n
}

// keepsIdentity fails unless the agent has entries, and its subscription in each of them.
func (s *rolloutScene) keepsIdentity(t *testing.T, when string) {
	t.Helper()
	var m struct{ Data map[string]string }
	if err := s.cluster.Client().Do("GET", "/api/v1/namespaces/octopus/configmaps/tentacle-config", "", nil, &m); err != nil {
		t.Fatal(err)
	}
	var servers []struct{ Thumbprint, SubscriptionId string }
	if err := json.Unmarshal([]byte(m.Data["Tentacle.Communication.TrustedOctopusServers"]), &servers); err != nil || len(servers) == 0 {
		t.Fatalf("%s: the agent has lost its entries: %v %v", when, servers, err)
	}
	for _, server := range servers {
		if server.SubscriptionId != agentSubscription || server.Thumbprint != agentServer && server.Thumbprint != renewedServer {
			t.Fatalf("%s: an entry is %+v", when, server)
		}
	}
}

// polls fails unless all four places have these addresses, and no revision is left pending.
func (s *rolloutScene) polls(t *testing.T, when string, want []string) {
	t.Helper()
	_, text := s.run(t, "list-servers", "--format=json")
	var list struct {
		Release struct{ Status string }
		Places  map[string][]string
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%s: %v: %s", when, err, text)
	}
	for place, addresses := range list.Places {
		if !kubernetes.SameAddresses(addresses, want) {
			t.Errorf("%s: %s has %v, want %v", when, place, addresses, want)
		}
	}
	var deployed struct{ Items []any }
	if err := s.cluster.Client().Do("GET", "/api/v1/namespaces/octopus/secrets?labelSelector=status%3Ddeployed", "", nil, &deployed); err != nil || len(deployed.Items) != 1 {
		t.Errorf("%s: %d revisions are deployed, %v", when, len(deployed.Items), err)
	}
	if list.Release.Status != "deployed" || len(list.Places) != 4 {
		t.Errorf("%s: the release is %s, places %v", when, list.Release.Status, list.Places)
	}
}

// changeOfAgent is a way in which the list of an agent changes, with what it polls then.
type changeOfAgent struct {
	name    string
	agent   kubetest.Agent
	command []string
	want    []string
}

var changesOfAgents = []changeOfAgent{
	{"another node", kubetest.Agent{}, []string{"poll-server", "--reuse-server-thumbprint", "--server-comms-address=https://octo4:10943"}, octos("1,2,3,4")},
	{"another node, applied by Helm 4", kubetest.Agent{ServerSide: true}, []string{"poll-server", "--reuse-server-thumbprint", "--server-comms-address=https://octo4:10943"}, octos("1,2,3,4")},
	{"the first node goes", kubetest.Agent{}, []string{"remove-server", "https://octo1:10943"}, octos("2,3")},
	{"the first node is replaced", kubetest.Agent{}, []string{"poll-server", "--reuse-server-thumbprint", "--replace", "--server-comms-address=https://octo4:10943,https://octo2:10943,https://octo3:10943"}, octos("4,2,3")},
	{"from a load balancer to the nodes", kubetest.Agent{Address: "https://octo9:10943"}, []string{"poll-server", "--reuse-server-thumbprint", "--replace", "--server-comms-address=https://octo1:10943,https://octo2:10943"}, octos("1,2")},
	{"a renewed certificate", kubetest.Agent{}, []string{"update-trust", "--force", "--oldThumbprint=" + agentServer, "--newThumbprint=" + renewedServer}, octos("1,2,3")},
}

// TestAChangeOfAnAgentSurvivesACrashAtEveryRequest: the program ends after each of its requests in
// turn, and the agent's container starts again at that moment, or not. The identity is kept, the
// same command finishes the change, and run once more it changes nothing.
func TestAChangeOfAnAgentSurvivesACrashAtEveryRequest(t *testing.T) {
	t.Parallel()
	commands.TriesEverything(t)
	for i, c := range changesOfAgents {
		for _, restarts := range []bool{false, true} {
			if !restarts && i != 0 && i != 3 { // one rollout, and two
				continue
			}
			t.Run(fmt.Sprintf("%s, restarts %v", c.name, restarts), func(t *testing.T) {
				t.Parallel()
				for after := 0; ; after++ {
					s := newRolloutScene(t, c.agent)
					s.cluster.Break(kubetest.Fault{After: after, Status: 403, Message: "the program has ended"})
					code, output := s.run(t, c.command...)
					s.cluster.Repair()
					when := fmt.Sprintf("after %d requests (exit code %d)\n%s", after, code, output)
					if restarts {
						s.cluster.Restart("octopus")
					}
					s.keepsIdentity(t, when)
					ended := code == 0
					code, again := s.run(t, c.command...)
					isDone := strings.Contains(again, "is not polled") // what was to be removed
					if code != 0 && !isDone {
						t.Fatalf("%s\nthe second run ends with %d: %s", when, code, again)
					}
					s.keepsIdentity(t, when+", second run")
					s.polls(t, when+", second run", c.want)
					if s.writes(); after%4 == 0 || ended {
						if code, again := s.run(t, c.command...); !strings.Contains(again, "is not polled") && (code != 0 || !strings.Contains(again, "Nothing to change.")) {
							t.Fatalf("%s\nthe third run ends with %d: %s", when, code, again)
						}
						if n := s.writes(); n > 0 {
							t.Fatalf("%s\nthe third run changes %d objects", when, n)
						}
					}
					if ended {
						if after < 15 {
							t.Errorf("the change has %d requests only", after)
						}
						return
					}
				}
			})
		}
	}
}

// TestAnAgentMayStartAtEveryMomentOfAChange: after each request in turn the container starts again,
// with the environment that its pod has at that moment.
func TestAnAgentMayStartAtEveryMomentOfAChange(t *testing.T) {
	t.Parallel()
	for _, c := range changesOfAgents {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for moment, requests := 0, 1; moment < requests; moment++ {
				s := newRolloutScene(t, c.agent)
				requests = 0
				var oneByOne sync.Mutex // several requests may be on their way
				s.cluster.Hook(nil, func(r kubetest.Request) {
					if r.Account != "operator" {
						return
					}
					oneByOne.Lock()
					defer oneByOne.Unlock()
					if requests == moment {
						s.cluster.Restart("octopus")
					}
					requests++
				})
				code, output := s.run(t, c.command...)
				s.cluster.Hook(nil, nil)
				when := fmt.Sprintf("a start after request %d (exit code %d)\n%s", moment, code, output)
				s.keepsIdentity(t, when)
				if code != 0 {
					t.Errorf("%s", when)
				}
				s.polls(t, when, c.want)
			}
		})
	}
}

// TestTheDocumentedWayLosesTheIdentity: what helm upgrade does with a new first address, beside it.
func TestTheDocumentedWayLosesTheIdentity(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	env := []any{map[string]any{"name": kubernetes.VariableAddresses, "value": strings.Join(octos("4,2,3"), ",")}}
	patch := map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": kubetest.ContainerName, "env": env}}}}}}
	if err := s.cluster.Client().Do("PATCH", "/apis/apps/v1/namespaces/octopus/deployments/"+kubetest.DeploymentName+"?fieldManager=helm", "application/strategic-merge-patch+json", patch, nil); err != nil {
		t.Fatal(err)
	}
	var m struct{ Data map[string]string }
	if err := s.cluster.Client().Do("GET", "/api/v1/namespaces/octopus/configmaps/tentacle-config", "", nil, &m); err != nil {
		t.Fatal(err)
	}
	if left := m.Data["Tentacle.Communication.TrustedOctopusServers"]; left != "[]" {
		t.Errorf("it leaves %s", left)
	}
	if code, output := s.run(t, slices.Concat(changesOfAgents[3].command)...); code != 1 || !strings.Contains(output, "has lost its subscription") {
		t.Errorf("a change of such an agent ends with %d: %s", code, output)
	}
}

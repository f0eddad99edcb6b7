package commands_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/octo-tentacle/octo-tentacle/internal/podaccount"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// initContainer is that of the values in docs/kubernetes-container.md.
type initContainer struct {
	Name, Image string
	Args        []string
	Env         []struct {
		Name      string
		ValueFrom struct {
			FieldRef struct {
				FieldPath string `yaml:"fieldPath"`
			} `yaml:"fieldRef"`
		} `yaml:"valueFrom"`
	}
}

func documentedInitContainer(t *testing.T) initContainer {
	t.Helper()
	page, err := os.ReadFile("../docs/kubernetes-container.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(strings.ReplaceAll(string(page), "\r\n", "\n"), "```yaml\n")
	text, _, found := strings.Cut(text, "```")
	if !found {
		t.Fatal("docs/kubernetes-container.md has no values")
	}
	var values struct {
		Agent struct {
			Spec struct {
				InitContainers []initContainer `yaml:"initContainers"`
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&values); err != nil || len(values.Agent.Spec.InitContainers) != 1 {
		t.Fatalf("%v %+v", err, values)
	}
	return values.Agent.Spec.InitContainers[0]
}

// TestTheInitContainerOfTheDocumentsKeepsAnAgentFromLosingItsTrust changes the first address of an
// agent's list, with the init container and without.
func TestTheInitContainerOfTheDocumentsKeepsAnAgentFromLosingItsTrust(t *testing.T) {
	container := documentedInitContainer(t)
	if len(container.Env) != 1 || container.Env[0].Name != kubernetes.VariableNamespace || container.Env[0].ValueFrom.FieldRef.FieldPath != "metadata.namespace" {
		t.Fatalf("its variables: %+v", container.Env)
	}
	cluster, err := octotest.Start(octotest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	nodes := cluster.Addresses()
	p := newPod(t)
	for namespace, want := range map[string]string{"with": strings.Join([]string{nodes[2], nodes[1]}, ","), "without": ""} {
		agent := kubetest.Agent{Namespace: namespace, Addresses: nodes[:2], Thumbprint: cluster.Thumbprint(), Subscription: sceneSubscription}
		if err := agent.Install(p.api.Client()); err != nil {
			t.Fatal(err)
		}
		next := []string{nodes[2], nodes[1]} // what helm upgrade puts there
		p.replaceOwnPod(t, namespace, next)
		if namespace == "with" {
			for range 2 { // as a container is started again
				p.run(t, namespace, 0, container.Args...)
			}
			if patches := p.patches(); patches != 1 {
				t.Errorf("the ConfigMap was changed %d times by two runs", patches)
			}
		}
		p.rollOut(t, namespace, next)
		if got := p.polled(t, namespace); got != want {
			t.Errorf("%s the init container, the agent polls %q, not %q", namespace, got, want)
		}
	}
	if requests := asMeant(cluster.Requests()); len(requests) > 0 {
		t.Errorf("the Octopus Server was sent %v", requests)
	}
}

// TestTheInitContainerLeavesAnAgentThatIsNotRegisteredToItsStart is an installation: the ConfigMap
// has no data.
func TestTheInitContainerLeavesAnAgentThatIsNotRegisteredToItsStart(t *testing.T) {
	p := newPod(t)
	client := p.api.Client()
	for _, made := range [][2]string{{"namespaces", "new"}, {"namespaces/new/configmaps", kubernetes.ConfigMapName}} {
		if err := client.Do(http.MethodPost, "/api/v1/"+made[0], "", map[string]any{"metadata": map[string]any{"name": made[1]}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if out := p.run(t, "new", 0, documentedInitContainer(t).Args...); !strings.Contains(out, "not registered yet") || p.patches() != 0 {
		t.Errorf("%d changes: %s", p.patches(), out)
	}
}

// pod is a pod of agents in a cluster, in which this process runs.
type pod struct {
	*scene
	api    *kubetest.Cluster
	folder string
}

func newPod(t *testing.T) *pod {
	t.Helper()
	api, err := kubetest.Start("pods")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	p := &pod{scene: &scene{}, api: api, folder: t.TempDir()}
	t.Cleanup(podaccount.Use(p.folder))
	useHost(t, t.TempDir(), sceneMachineID)
	for _, name := range []string{kubernetes.VariableAddress, kubernetes.VariableAddresses, kubernetes.VariableConfigMap, kubernetes.VariableSecret} {
		t.Setenv(name, "")
	}
	return p
}

// run runs a command in the pod of an agent.
func (p *pod) run(t *testing.T, namespace string, code int, arguments ...string) (output string) {
	t.Helper()
	environment, err := p.api.WritePod(p.folder, p.api.AgentAccount(namespace), namespace)
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range append(environment, kubernetes.VariableNamespace+"="+namespace) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	got := p.try(t, arguments...)
	if got.code != code {
		t.Errorf("%s: exit code %d\n%s%s", strings.Join(arguments, " "), got.code, got.stdout, got.stderr)
	}
	return got.stdout + got.stderr
}

// patches is how often a ConfigMap was changed in pods.
func (p *pod) patches() (n int) {
	for _, r := range p.api.Requests() {
		if r.Account != kubetest.Admin && r.Resource == "configmaps" && r.Verb == "patch" {
			n++
		}
	}
	return n
}

// environment is that of an agent's container.
func environment(namespace string, addresses []string) []any {
	return []any{
		map[string]any{"name": kubernetes.VariableNamespace, "value": namespace},
		map[string]any{"name": kubernetes.VariableAddresses, "value": strings.Join(addresses, ",")},
	}
}

// replaceOwnPod is the new pod of a rollout, before the agent's container starts in it.
func (p *pod) replaceOwnPod(t *testing.T, namespace string, addresses []string) {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"metadata": map[string]any{"name": name}, "spec": map[string]any{
		"initContainers": []any{map[string]any{"name": "octo-tentacle"}},
		"containers":     []any{map[string]any{"name": kubetest.ContainerName, "env": environment(namespace, addresses)}},
	}}
	if err := p.api.Client().Do(http.MethodPost, "/api/v1/namespaces/"+namespace+"/pods", "", body, nil); err != nil {
		t.Fatal(err)
	}
}

// rollOut has the start script of the agent's image run with these addresses.
func (p *pod) rollOut(t *testing.T, namespace string, addresses []string) {
	t.Helper()
	client := p.api.Client()
	path := "/apis/apps/v1/namespaces/" + namespace + "/deployments/" + kubetest.DeploymentName
	patch := map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": kubetest.ContainerName, "env": environment(namespace, addresses)}},
	}}}}
	if err := client.Do(http.MethodPatch, path, "application/strategic-merge-patch+json", patch, nil); err != nil {
		t.Fatal(err)
	}
}

// polled are the addresses in the ConfigMap, with the scene's subscription and in order.
func (p *pod) polled(t *testing.T, namespace string) string {
	t.Helper()
	var m struct{ Data map[string]string }
	if err := p.api.Client().Do(http.MethodGet, "/api/v1/namespaces/"+namespace+"/configmaps/"+kubernetes.ConfigMapName, "", nil, &m); err != nil {
		t.Fatal(err)
	}
	servers, err := tentacleconfig.FromMap("", m.Data, nil).TrustedServers()
	if err != nil {
		t.Fatal(err)
	}
	var polled []string
	for _, s := range servers {
		if s.SubscriptionID == sceneSubscription {
			polled = append(polled, s.Address)
		}
	}
	return strings.Join(polled, ",")
}

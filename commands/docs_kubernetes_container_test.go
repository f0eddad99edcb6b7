package commands_test

import (
	"cmp"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
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

// documented are the blocks of a language in docs/kubernetes-container.md.
func documented(t *testing.T, language string) (blocks []string) {
	t.Helper()
	page, err := os.ReadFile("../docs/kubernetes-container.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Split(strings.ReplaceAll(string(page), "\r\n", "\n"), "```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(text, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

func documentedInitContainer(t *testing.T) initContainer {
	t.Helper()
	var values struct {
		Agent struct {
			Spec struct {
				InitContainers []initContainer `yaml:"initContainers"`
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(documented(t, "yaml")[0]))
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
			if patches, got := p.patches(), p.polled(t, namespace); patches != 1 || got != strings.Join(nodes[:3], ",") {
				t.Errorf("two runs changed the ConfigMap %d times, and it has %s", patches, got)
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

// TestTheScriptOfTheDocumentsLeavesTheAgentToTentacle runs the script that stands in for Tentacle.
func TestTheScriptOfTheDocumentsLeavesTheAgentToTentacle(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the container of an agent is one of Linux")
	}
	folder := t.TempDir()
	script := documented(t, "sh")[0]
	for _, program := range []string{"/opt/octopus/tentacle/Tentacle", "/usr/local/bin/octo-tentacle"} {
		own := filepath.Join(folder, filepath.Base(program))
		if !strings.Contains(script, program+` "$@"`) {
			t.Fatalf("the script does not run %s", program)
		}
		script = strings.ReplaceAll(script, program, own)
		if err := os.WriteFile(own, []byte("#!/bin/sh\necho "+filepath.Base(program)+" \"$@\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "tentacle")
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"agent --instance Tentacle --noninteractive": "Tentacle",
		"livez --max-age=60":                         "Tentacle",
		"clear-trusted-servers --keep https://octo1": "octo-tentacle",
		"migrate-preinstalled-k8s-config":            "octo-tentacle",
		"version":                                    "octo-tentacle",
	} {
		output, err := exec.Command(path, strings.Fields(line)...).CombinedOutput()
		if got := strings.TrimSpace(string(output)); err != nil || got != want+" "+line {
			t.Errorf("tentacle %s runs %s (%v), not %s", line, got, err, want)
		}
	}
}

// TestTheRoleOfTheDocumentsIsEnough runs what asks the API with no other rights than these.
func TestTheRoleOfTheDocumentsIsEnough(t *testing.T) {
	role := documented(t, "yaml")[1]
	p := newPod(t)
	p.account = "restricted"
	if err := p.api.Allow(p.account, role); err != nil {
		t.Fatal(err)
	}
	const namespace = "octopus-agent"
	p.preinstalled(t, namespace)
	p.replaceOwnPod(t, namespace, []string{"https://octo1:10943"})
	for _, arguments := range [][]string{
		{"new-certificate", "--instance=Tentacle"},
		{"migrate-preinstalled-k8s-config"},
		{"configure", "--instance=Tentacle", "--app=" + t.TempDir(), "--noListen=true"},
		{"configure", "--instance=Tentacle", "--trust=" + strings.Repeat("A1", 20)},
		{"server-comms", "--instance=Tentacle", "--thumbprint=" + strings.Repeat("A1", 20), "--style=TentacleActive", "--host=octo1"},
		{"sync-servers", "--instance=Tentacle"},
		{"list-servers", "--instance=Tentacle"},
	} {
		p.run(t, namespace, 0, arguments...)
	}
	given := 0
	for rule := range strings.Lines(role) {
		if _, verbs, is := strings.Cut(rule, "verbs: ["); is {
			given += strings.Count(verbs, ",") + 1
		}
	}
	used := map[string]bool{}
	for _, r := range p.api.Requests() {
		if r.Account == p.account && r.Status == http.StatusOK {
			used[r.Verb+" "+r.Resource+"/"+r.Name] = true
		}
	}
	if len(used) != given {
		t.Errorf("of the %d rights, these are used: %v", given, slices.Sorted(maps.Keys(used)))
	}
}

// pod is a pod of agents in a cluster, in which this process runs.
type pod struct {
	*scene
	api     *kubetest.Cluster
	folder  string
	account string // "" is the one that the chart gives an agent
}

func newPod(t *testing.T) *pod {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the container of an agent is one of Linux")
	}
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
	environment, err := p.api.WritePod(p.folder, cmp.Or(p.account, p.api.AgentAccount(namespace)), namespace)
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

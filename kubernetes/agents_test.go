package kubernetes_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

// started is a cluster, and how an account sees it.
func started(t testing.TB, account string) (*kubetest.Cluster, *kubernetes.Cluster) {
	t.Helper()
	cluster, err := kubetest.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(cluster.Kubeconfig(account)), 0o600); err != nil {
		t.Fatal(err)
	}
	seen, err := kubernetes.Connect(kubernetes.Kubeconfig{File: file})
	if err != nil {
		t.Fatal(err)
	}
	return cluster, seen
}

func install(t testing.TB, cluster *kubetest.Cluster, agents ...kubetest.Agent) {
	t.Helper()
	for _, a := range agents {
		if err := a.Install(cluster.Client()); err != nil {
			t.Fatal(err)
		}
	}
}

func request(t testing.TB, cluster *kubetest.Cluster, method, path string, body any) {
	t.Helper()
	contentType := ""
	if method == "PATCH" {
		contentType = "application/merge-patch+json"
	}
	if err := cluster.Client().Do(method, path, contentType, body, nil); err != nil {
		t.Fatal(err)
	}
}

type object = map[string]any

// deployment runs a container with this environment.
func deployment(name string, environment map[string]string) object {
	env := []any{}
	for key, value := range environment {
		env = append(env, object{"name": key, "value": value})
	}
	return object{"metadata": object{"name": name}, "spec": object{
		"replicas": 1, "selector": object{"matchLabels": object{"app": name}},
		"template": object{"metadata": object{"labels": object{"app": name}}, "spec": object{"containers": []any{object{"name": "own-name", "image": "own", "env": env}}}},
	}}
}

const (
	octo1 = "https://octo1:10943"
	octo2 = "https://octo2:10943"
)

func TestAnAgentIsFoundWithAllThatBelongsToIt(t *testing.T) {
	t.Parallel()
	cluster, seen := started(t, kubetest.Admin)
	install(t, cluster, kubetest.Agent{Namespace: "octopus", Release: "mine", Addresses: []string{octo1, octo2}, ChartVersion: "2.17.0", Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "x"}})
	a, err := seen.Agent(t.Context(), "octopus")
	if err != nil {
		t.Fatal(err)
	}
	if a.Namespace != "octopus" || a.ConfigMap.Meta.Name != kubernetes.ConfigMapName || a.Deployment.Meta.Name != kubetest.DeploymentName ||
		a.Container != kubetest.ContainerName || a.SecretName() != kubernetes.SecretName || a.Owner != kubernetes.OwnerArgoCD {
		t.Errorf("%+v", a)
	}
	want := []string{octo1, octo2}
	if got := a.Environment().List(); !slices.Equal(got, want) {
		t.Errorf("environment %q", got)
	}
	if a.Release == nil || a.Previous != nil || a.Release.Name != "mine" || a.Release.ChartVersion != "2.17.0" || !slices.Equal(a.Release.Addresses().List(), want) {
		t.Errorf("release %+v, previous %+v", a.Release, a.Previous)
	}
	pod := a.Running()
	if pod == nil || len(a.Pods) != 1 || !slices.Equal(pod.Environment(a.Container).List(), want) {
		t.Fatalf("pods %+v", a.Pods)
	}
	log, err := a.Log(t.Context(), pod)
	if err != nil {
		t.Fatal(err)
	}
	var polls []string
	for _, p := range log.Polls {
		polls = append(polls, strings.TrimSuffix(p.Address, "/"))
	}
	if !slices.Equal(polls, want) || log.Polls[0].Subscription != "poll://abcdefghijklmnopqrst/" {
		t.Errorf("the log has %+v", log.Polls)
	}
}

func TestTheNewestTwoRevisionsAreRead(t *testing.T) {
	t.Parallel()
	cluster, seen := started(t, kubetest.Admin)
	install(t, cluster, kubetest.Agent{Namespace: "octopus", Addresses: []string{octo1}})
	const secrets = "/api/v1/namespaces/octopus/secrets"
	// As a number, 10 is newer than 9. What cannot be read is not in the way of what can.
	for _, n := range []int{2, 9, 10} {
		release := []byte("no release")
		if n == 10 { // the first versions of Helm did not compress
			release = base64.StdEncoding.AppendEncode(nil, []byte(`{"name": "agent", "version": 10}`))
		}
		request(t, cluster, "POST", secrets, object{
			"type":     "helm.sh/release.v1",
			"metadata": object{"name": fmt.Sprintf("sh.helm.release.v1.agent.v%d", n), "labels": object{"owner": "helm", "name": "agent", "version": fmt.Sprint(n)}},
			"data":     object{"release": release},
		})
	}
	a, err := seen.Agent(t.Context(), "octopus")
	if err != nil {
		t.Fatal(err)
	}
	if a.Release == nil || a.Previous != nil || a.ReleaseErr != nil {
		t.Errorf("newest %+v, the one before %+v, error %v", a.Release, a.Previous, a.ReleaseErr)
	}
	request(t, cluster, "DELETE", secrets+"/sh.helm.release.v1.agent.v10", nil)
	a, err = seen.Agent(t.Context(), "octopus")
	if err != nil || a.Release != nil || a.ReleaseErr == nil || !strings.Contains(a.ReleaseErr.Error(), "secret/octopus/sh.helm.release.v1.agent.v9") {
		t.Errorf("release %+v, error %v", a.Release, a.ReleaseErr)
	}
}

func TestObjectsWithOtherNamesAreFound(t *testing.T) {
	t.Parallel()
	cluster, seen := started(t, kubetest.Admin)
	request(t, cluster, "POST", "/api/v1/namespaces", object{"metadata": object{"name": "own"}})
	request(t, cluster, "POST", "/api/v1/namespaces/own/configmaps", object{"metadata": object{"name": "own-config"}, "data": object{"a": "b"}})
	request(t, cluster, "POST", "/apis/apps/v1/namespaces/own/deployments", deployment("own", map[string]string{
		kubernetes.VariableNamespace: "own", kubernetes.VariableConfigMap: "own-config", kubernetes.VariableSecret: "own-secret", kubernetes.VariableAddress: octo1,
	}))
	request(t, cluster, "POST", "/apis/apps/v1/namespaces/own/deployments", deployment("another", nil))
	for name, find := range map[string]func() (*kubernetes.Agent, error){
		"one": func() (*kubernetes.Agent, error) { return seen.Agent(t.Context(), "own") },
		"all": func() (*kubernetes.Agent, error) {
			agents, err := seen.Agents(t.Context())
			return agents[0], err
		},
	} {
		a, err := find()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.ConfigMap.Data["a"] != "b" || a.SecretName() != "own-secret" || a.Container != "own-name" || a.Environment().One != octo1 || a.Release != nil || a.Owner != "" {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestWhatIsWrongInOneNamespaceStopsNoneOfTheOthers(t *testing.T) {
	t.Parallel()
	cluster, seen := started(t, kubetest.Admin)
	for _, namespace := range []string{"good", "two", "no-deployment", "no-configmap"} {
		install(t, cluster, kubetest.Agent{Namespace: namespace, Addresses: []string{octo1}})
	}
	request(t, cluster, "POST", "/apis/apps/v1/namespaces/two/deployments", deployment("another", map[string]string{kubernetes.VariableNamespace: "two"}))
	request(t, cluster, "DELETE", "/apis/apps/v1/namespaces/no-deployment/deployments/"+kubetest.DeploymentName, nil)
	request(t, cluster, "DELETE", "/api/v1/namespaces/no-configmap/configmaps/tentacle-config", nil)

	agents, err := seen.Agents(t.Context())
	if len(agents) != 1 || agents[0].Namespace != "good" {
		t.Errorf("%d agents", len(agents))
	}
	got := map[string]kubernetes.AgentProblem{}
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		if problem, is := errors.AsType[*kubernetes.AgentError](one); is {
			got[problem.Namespace] = problem.Problem
		} else {
			t.Error(one)
		}
	}
	want := map[string]kubernetes.AgentProblem{"two": kubernetes.SeveralAgents, "no-deployment": kubernetes.DeploymentGone, "no-configmap": kubernetes.ConfigMapGone}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	want["nowhere"] = kubernetes.NoAgent
	for namespace, problem := range want {
		_, err := seen.Agent(t.Context(), namespace)
		if is, _ := errors.AsType[*kubernetes.AgentError](err); is == nil || is.Problem != problem || is.Namespace != namespace {
			t.Errorf("%s: %v", namespace, err)
		}
	}
}

func TestAnAccountSeesWhatItMay(t *testing.T) {
	t.Parallel()
	cluster, seen := started(t, "reader")
	install(t, cluster, kubetest.Agent{Namespace: "octopus", Addresses: []string{octo1}})
	_, err := seen.Agents(t.Context())
	var refused []string
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		if refusal, is := errors.AsType[*kubernetes.APIError](one); is && errors.Is(one, kubernetes.ErrForbidden) {
			refused = append(refused, refusal.Resource)
		}
	}
	if diff := cmp.Diff([]string{"configmaps", "deployments"}, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}

	// The configuration and the Deployment, and nothing else.
	allow := func(resources string) {
		if err := cluster.Allow("reader", `{kind: ClusterRole, rules: [{apiGroups: ["", apps], resources: [`+resources+`], verbs: [get, list]}]}`); err != nil {
			t.Fatal(err)
		}
	}
	allow("configmaps, deployments")
	agents, err := seen.Agents(t.Context())
	if err != nil || len(agents) != 1 {
		t.Fatalf("%d agents, %v", len(agents), err)
	}
	a := agents[0]
	if !errors.Is(a.PodsErr, kubernetes.ErrForbidden) || !errors.Is(a.ReleaseErr, kubernetes.ErrForbidden) || len(a.Pods) > 0 || a.Release != nil || a.Environment().List()[0] != octo1 {
		t.Errorf("pods %v, release %v", a.PodsErr, a.ReleaseErr)
	}

	// What Reading says is all that is needed.
	role := kubernetes.RoleFor("reading", "reader-of-one", kubernetes.Reading("octopus"))
	if err := cluster.Allow("reader-of-one", role); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(cluster.Kubeconfig("reader-of-one")), 0o600); err != nil {
		t.Fatal(err)
	}
	seen, err = kubernetes.Connect(kubernetes.Kubeconfig{File: file})
	if err != nil {
		t.Fatal(err)
	}
	a, err = seen.Agent(t.Context(), "octopus")
	if err != nil || a.PodsErr != nil || a.ReleaseErr != nil || a.Release == nil {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := a.Log(t.Context(), a.Running()); err != nil {
		t.Error(err)
	}
	if _, err := a.ScriptPods(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestThePodsOfScriptsAreNotTheAgents(t *testing.T) {
	t.Parallel()
	cluster, seen := started(t, kubetest.Admin)
	install(t, cluster, kubetest.Agent{Namespace: "octopus", Addresses: []string{octo1}})
	request(t, cluster, "POST", "/api/v1/namespaces/octopus/pods", object{
		"metadata": object{"name": "script", "labels": object{kubernetes.ScriptTicket: "1"}},
		"spec":     object{"containers": []any{object{"name": "script"}}},
	})
	a, err := seen.Agent(t.Context(), "octopus")
	if err != nil {
		t.Fatal(err)
	}
	pods, err := a.ScriptPods(t.Context())
	if err != nil || len(pods) != 1 || pods[0].Meta.Name != "script" || len(a.Pods) != 1 || a.Pods[0].Meta.Name == "script" {
		t.Errorf("pods of scripts %+v, of the agent %+v, %v", pods, a.Pods, err)
	}
}

func TestOfALongLogTheStartAndTheEndAreRead(t *testing.T) {
	t.Parallel()
	cluster, seen := started(t, kubetest.Admin)
	install(t, cluster, kubetest.Agent{Namespace: "octopus", Addresses: []string{octo1}})
	filler := make([]string, 6000)
	for i := range filler {
		filler[i] = "2026-11-26 10:00:03.0000 | INFO  | " + strings.Repeat("x", 80)
	}
	cluster.Log("octopus", filler...)
	cluster.Log("octopus", "2027-11-26 10:00:05.0000 | ERROR | https://octo1:10943/    9  Halibut client exception: it is gone. Retrying in 5.0 seconds")
	a, err := seen.Agent(t.Context(), "octopus")
	if err != nil {
		t.Fatal(err)
	}
	log, err := a.Log(t.Context(), a.Running())
	if err != nil {
		t.Fatal(err)
	}
	n := log.Node(octo1)
	if !log.Started || len(log.Polls) != 1 || n == nil || n.Failures != 1 || n.Error != "it is gone" {
		t.Errorf("started %v, polls %v, node %+v", log.Started, log.Polls, n)
	}
}

// fifty installs agents in fifty namespaces.
func fifty(t testing.TB, cluster *kubetest.Cluster) {
	t.Helper()
	for i := range 50 {
		install(t, cluster, kubetest.Agent{Namespace: fmt.Sprintf("agent-%02d", i), Addresses: []string{octo1, octo2}})
	}
	cluster.ResetRequests()
}

func TestFiftyAgentsAreFoundInOnePass(t *testing.T) {
	t.Parallel()
	cluster, seen := started(t, kubetest.Admin)
	fifty(t, cluster)
	agents, err := seen.Agents(t.Context())
	if err != nil || len(agents) != 50 {
		t.Fatalf("%d agents, %v", len(agents), err)
	}
	for _, a := range agents {
		if a.Release == nil || a.Running() == nil {
			t.Errorf("%s: release %v, pods %v", a.Namespace, a.Release, a.Pods)
		}
	}
	counts := map[string]int{}
	for _, r := range cluster.Requests() {
		counts[r.Verb+" "+r.Resource]++
	}
	want := map[string]int{"list configmaps": 1, "list deployments": 1, "list pods": 1, "list secrets": 50}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func BenchmarkFiftyAgents(b *testing.B) {
	cluster, seen := started(b, kubetest.Admin)
	fifty(b, cluster)
	for b.Loop() {
		if agents, err := seen.Agents(context.Background()); err != nil || len(agents) != 50 {
			b.Fatalf("%d agents, %v", len(agents), err)
		}
	}
	b.ReportMetric(float64(len(cluster.Requests()))/float64(b.N), "requests/op")
}

func TestTheLogOfTheContainerBeforeIsRead(t *testing.T) {
	t.Parallel()
	cluster, seen := started(t, kubetest.Admin)
	install(t, cluster, kubetest.Agent{Namespace: "octopus", Addresses: []string{octo1}})
	cluster.Log("octopus", "the last words")
	cluster.Restart("octopus")
	a, err := seen.Agent(t.Context(), "octopus")
	if err != nil {
		t.Fatal(err)
	}
	before, err := a.PreviousLog(t.Context(), a.Running())
	if err != nil || before.LastLine != "the last words" {
		t.Errorf("the log before ends with %+v, %v", before, err)
	}
	now, err := a.Log(t.Context(), a.Running())
	if err != nil || now.LastLine == "the last words" || !now.Started {
		t.Errorf("the log is %+v, %v", now, err)
	}
}

package commands_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

// adds is the command that has the agent of a scene poll octo4, too.
func adds(more ...string) []string {
	return append([]string{"poll-server", "--reuse-server-thumbprint", "--server-comms-address=https://octo4:10943"}, more...)
}

// request asks the API as somebody else.
func (s *rolloutScene) request(t *testing.T, method, path, contentType string, body, answer any) {
	t.Helper()
	if err := s.cluster.Client().Do(method, path, contentType, body, answer); err != nil {
		t.Fatal(err)
	}
}

const agentConfigMap = "/api/v1/namespaces/octopus/configmaps/tentacle-config"

// edit sets a key of the ConfigMap, as somebody else does.
func (s *rolloutScene) edit(t *testing.T, key, value string) {
	t.Helper()
	s.request(t, "PATCH", agentConfigMap, "application/merge-patch+json", map[string]any{"data": map[string]any{key: value}}, nil)
}

func (s *rolloutScene) get(t *testing.T, key string) string {
	t.Helper()
	var m struct{ Data map[string]string }
	s.request(t, "GET", agentConfigMap, "", nil, &m)
	return m.Data[key]
}

func TestAConfigMapThatOthersEditMeanwhileIsReadAgain(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	var edited atomic.Int32
	s.cluster.Hook(func(r kubetest.Request) {
		if r.Account == "operator" && r.Changes() && r.Resource == "configmaps" && edited.Add(1) == 1 {
			s.edit(t, "Tentacle.Deployment.ApplicationDirectory", "/elsewhere")
		}
	}, nil)
	if code, output := s.run(t, adds()...); code != 0 {
		t.Fatalf("exit code %d: %s", code, output)
	}
	if edited.Load() < 2 {
		t.Error("the ConfigMap was not written again")
	}
	s.polls(t, "at the end", octos("1,2,3,4"))
	if got := s.get(t, "Tentacle.Deployment.ApplicationDirectory"); got != "/elsewhere" {
		t.Errorf("what others wrote is %q", got)
	}
}

// revise rewrites the newest revision of the release, as Helm does.
func (s *rolloutScene) revise(t *testing.T, name string, change func(revision map[string]any)) map[string]any {
	t.Helper()
	var secret map[string]any
	s.request(t, "GET", "/api/v1/namespaces/octopus/secrets/"+name, "", nil, &secret)
	data := secret["data"].(map[string]any)
	outer, err := base64.StdEncoding.DecodeString(data["release"].(string))
	if err != nil {
		t.Fatal(err)
	}
	inner, err := base64.StdEncoding.DecodeString(string(outer))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(inner))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var revision map[string]any
	if err := json.Unmarshal(plain, &revision); err != nil {
		t.Fatal(err)
	}
	change(revision)
	if plain, err = json.Marshal(revision); err != nil {
		t.Fatal(err)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(plain)))
	data["release"] = encoded
	return secret
}

// helmUpgrades begins an upgrade of Helm, as revision 2.
func (s *rolloutScene) helmUpgrades(t *testing.T) {
	t.Helper()
	secret := s.revise(t, "sh.helm.release.v1.agent.v1", func(revision map[string]any) {
		revision["version"] = 2
		info := revision["info"].(map[string]any)
		info["status"], info["description"] = "pending-upgrade", "Preparing upgrade"
	})
	metadata := secret["metadata"].(map[string]any)
	metadata["name"] = "sh.helm.release.v1.agent.v2"
	delete(metadata, "resourceVersion")
	labels := metadata["labels"].(map[string]any)
	labels["version"], labels["status"] = "2", "pending-upgrade"
	s.request(t, "POST", "/api/v1/namespaces/octopus/secrets?fieldManager=helm", "", secret, nil)
}

func TestAReleaseThatHelmChangesIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	s.helmUpgrades(t)
	for _, arguments := range [][]string{adds(), adds("--dry-run")} {
		code, output := s.run(t, arguments...)
		for _, want := range []string{
			"revision 2 of the Helm release agent is pending-upgrade since ", "(Preparing upgrade): Helm changes it now, or was interrupted\n",
			"helm history agent --namespace=octopus --kubeconfig=" + s.kubeconfig, "helm rollback agent --namespace=octopus --kubeconfig=" + s.kubeconfig,
		} {
			if code != 1 || !strings.Contains(output, want) {
				t.Errorf("%q: exit code %d, %q is missing:\n%s", arguments, code, want, output)
			}
		}
	}
	if code, output := s.run(t, adds("--context=test")...); code != 1 || !strings.Contains(output, "helm history agent --namespace=octopus --kube-context=test --kubeconfig=") {
		t.Errorf("exit code %d, the command does not name the cluster:\n%s", code, output)
	}
	if n := s.writes(); n != 0 {
		t.Errorf("%d changes were made", n)
	}
	if code, output := s.run(t, adds("--prepare")...); code != 0 {
		t.Errorf("--prepare ends with %d: %s", code, output)
	}
}

func TestAReleaseThatWasNeverDeployedIsForHelmToRepair(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	const name = "sh.helm.release.v1.agent.v1"
	secret := s.revise(t, name, func(revision map[string]any) { revision["info"].(map[string]any)["status"] = "failed" })
	patch := map[string]any{"data": secret["data"], "metadata": map[string]any{"labels": map[string]any{"status": "failed"}}}
	s.request(t, "PATCH", "/api/v1/namespaces/octopus/secrets/"+name, "application/merge-patch+json", patch, nil)
	code, output := s.run(t, adds()...)
	for _, want := range []string{
		"no revision of the Helm release agent is deployed: the newest, 1, is failed\n",
		"helm history agent --namespace=octopus --kubeconfig=", "helm rollback agent REVISION --namespace=octopus --kubeconfig=",
	} {
		if code != 1 || !strings.Contains(output, want) {
			t.Errorf("exit code %d, %q is missing:\n%s", code, want, output)
		}
	}
	if n := s.writes(); n != 0 {
		t.Errorf("%d changes were made", n)
	}
}

func TestHelmMayUpgradeAtTheSameMoment(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	s.cluster.Hook(func(r kubetest.Request) {
		if r.Account == "operator" && r.Changes() && r.Verb == "create" && r.Resource == "secrets" {
			s.cluster.Hook(nil, nil)
			s.helmUpgrades(t)
		}
	}, nil)
	code, output := s.run(t, adds()...)
	if code != 3 || !strings.Contains(output, "the release agent was changed by Helm at the same moment\n") || !strings.Contains(output, "to finish: run the same command again\n") {
		t.Errorf("exit code %d: %s", code, output)
	}
	s.keepsIdentity(t, "then")
}

func TestAQuotaIsSaidBeforeAnythingIsChangedOrUndone(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	s.cluster.SetQuotas(kubetest.Quota{Namespace: "octopus", Resource: "secrets", Most: 2})
	code, output := s.run(t, adds()...)
	if code != 1 || !strings.Contains(output, "exceeded quota") || !strings.Contains(output, "nothing was changed") || !strings.Contains(output, "raise the quota of the namespace") || s.writes() != 0 {
		t.Errorf("a revision more: exit code %d: %s", code, output)
	}
	s.cluster.SetQuotas(kubetest.Quota{Namespace: "octopus", Resource: "pods", Most: 1})
	code, output = s.run(t, adds()...)
	if code != 1 || !strings.Contains(output, "the change was undone: the rollout of Deployment octopus-agent-tentacle failed: FailedCreate: pods ") || !strings.Contains(output, "exceeded quota") {
		t.Errorf("a pod more: exit code %d: %s", code, output)
	}
	s.cluster.SetQuotas()
	if got := s.get(t, "Tentacle.Communication.TrustedOctopusServers"); strings.Contains(got, "octo4") {
		t.Errorf("the ConfigMap has %s", got)
	}
}

// TestAChangeMayBeInterruptedAtEveryStep: Ctrl-C during each request in turn. The program says that
// it was interrupted, and the same command finishes the change. With -short, every third request.
func TestAChangeMayBeInterruptedAtEveryStep(t *testing.T) {
	t.Parallel()
	every := 1
	if testing.Short() {
		every = 3
	}
	for moment, done := 0, false; !done; moment += every {
		s := newRolloutScene(t, kubetest.Agent{})
		ctx, interrupt := context.WithCancel(t.Context())
		var requests atomic.Int32
		s.cluster.Hook(nil, func(r kubetest.Request) {
			if requests.Add(1) == int32(moment)+1 {
				interrupt()
			}
		})
		var out bytes.Buffer
		code := commands.Run(ctx, strings.NewReader(""), &out, &out, append(adds(), "--namespace=octopus", "--kubeconfig="+s.kubeconfig))
		s.cluster.Hook(nil, nil)
		interrupt()
		when := fmt.Sprintf("Ctrl-C during request %d: exit code %d: %s", moment, code, out.String())
		changed := s.writes() > 0
		switch done = code == 0; {
		case done:
		case !changed && (code != 1 || !strings.Contains(out.String(), "interrupted; nothing was changed")):
			t.Errorf("nothing is changed, %s", when)
		case changed && (code != 3 || !strings.Contains(out.String(), "interrupted: ") || !strings.Contains(out.String(), "to finish: run the same command again")):
			t.Errorf("something is changed, %s", when)
		}
		s.keepsIdentity(t, when)
		if code, output := s.run(t, adds()...); code != 0 {
			t.Fatalf("%s\nthe second run: %d: %s", when, code, output)
		}
		s.polls(t, when, octos("1,2,3,4"))
	}
}

// scriptPod starts a pod as an agent does for a script.
func (s *rolloutScene) scriptPod(t *testing.T, name string) {
	t.Helper()
	s.request(t, "POST", "/api/v1/namespaces/octopus/pods", "", map[string]any{
		"metadata": map[string]any{"name": name, "labels": map[string]any{"octopus.com/scriptTicketId": name}},
		"spec":     map[string]any{"containers": []any{map[string]any{"name": "script"}}},
	}, nil)
}

func TestRunningScriptsAreWarnedOfOrWaitedFor(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	s.scriptPod(t, "script-1")
	code, output := s.run(t, adds("--restart-wait=1ms")...)
	if code != 1 || !strings.Contains(output, "1 deployment script runs in namespace octopus after 1ms\n") || s.writes() != 0 {
		t.Errorf("waiting in vain: exit code %d: %s", code, output)
	}
	code, output = s.run(t, adds()...)
	if code != 0 || !strings.Contains(output, "warning: 1 deployment script runs in namespace octopus") {
		t.Errorf("without waiting: exit code %d: %s", code, output)
	}
	time.AfterFunc(time.Second, func() {
		_ = s.cluster.Client().Do("DELETE", "/api/v1/namespaces/octopus/pods/script-1", "", nil, nil)
	})
	code, output = s.run(t, "remove-server", "https://octo4:10943", "--restart-wait=1m")
	if code != 0 || strings.Contains(output, "warning") {
		t.Errorf("waiting: exit code %d: %s", code, output)
	}
}

func TestARestartThatWouldEndAllTrustIsRefused(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	s.edit(t, "Tentacle.Communication.TrustedOctopusServers", `[{"Thumbprint":"`+agentServer+`","CommunicationStyle":2,"Address":"https://octo2:10943","SubscriptionId":"`+agentSubscription+`"}]`)
	code, output := s.run(t, "restart-service")
	if code != 1 || !strings.Contains(output, "a restart would end all trust of the agent in namespace octopus: https://octo1:10943, the first address of its environment, is not in configmap/octopus/tentacle-config\n") || s.writes() != 0 {
		t.Errorf("exit code %d: %s", code, output)
	}
	// The command that it suggests repairs it, although the list stays.
	if code, output = s.run(t, "poll-server", "--reuse-server-thumbprint", "--server-comms-address=https://octo1:10943"); code != 0 {
		t.Errorf("exit code %d: %s", code, output)
	}
	s.polls(t, "then", octos("1,2,3"))
	if code, output = s.run(t, "restart-service"); code != 0 {
		t.Errorf("exit code %d: %s", code, output)
	}
}

func TestAChangeThatOthersUndoIsNotTakenForDone(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	s.cluster.Hook(nil, func(r kubetest.Request) { // something that undoes it at once
		if r.Account == "operator" && r.Changes() && r.Resource == "configmaps" {
			s.edit(t, "Tentacle.Communication.TrustedOctopusServers", `[{"Thumbprint":"`+agentServer+`","CommunicationStyle":2,"Address":"https://octo1:10943","SubscriptionId":"`+agentSubscription+`"}]`)
		}
	})
	code, output := s.run(t, "update-trust", "--force", "--oldThumbprint="+agentServer, "--newThumbprint="+renewedServer)
	if code != 3 || !strings.Contains(output, "its ConfigMap is another one after its start than was wished") {
		t.Errorf("exit code %d: %s", code, output)
	}
}

func TestWhatIsLeftToDoAfterPreparing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		agent kubetest.Agent
		// others is who set the addresses beside Helm; "" for nobody.
		others string
		want   []string
		not    string
	}{
		{"installed by Helm 3", kubetest.Agent{ChartVersion: "2.17.0"}, "kubectl-set", []string{
			" helm upgrade agent oci://registry-1.docker.io/octopusdeploy/kubernetes-agent --version=2.17.0 --namespace=octopus --kubeconfig=", " --reuse-values ",
			"--set=agent.serverCommsAddresses={https://octo1:10943,https://octo2:10943,https://octo3:10943,https://octo4:10943}",
			"\n  agent:\n    serverCommsAddresses:\n      - https://octo1:10943\n",
		}, "--force-conflicts"},
		{"installed by Helm 4", kubetest.Agent{ServerSide: true}, "", []string{"helm upgrade agent "}, "--force-conflicts"},
		{"installed by Helm 4, and set by others", kubetest.Agent{ServerSide: true}, "kubectl-set", []string{
			" --force-conflicts\n", "--force-conflicts (Helm 4) takes the addresses back from kubectl-set.\n",
		}, "CHART"},
		{"with a single address", kubetest.Agent{Address: "https://octo9:10943", Addresses: octos("1")}, "", []string{
			"--set=agent.serverCommsAddresses={https://octo9:10943,https://octo1:10943,https://octo4:10943}", "--set=agent.serverCommsAddress=\n",
			"\n  agent:\n    serverCommsAddress: \"\"\n    serverCommsAddresses:\n",
		}, "Do it soon"},
		{"another chart", kubetest.Agent{Chart: "our-agent"}, "", []string{"helm upgrade agent CHART --version=3.13.2 ", "CHART is where this chart is installed from.\n"}, "oci://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newRolloutScene(t, c.agent)
			if c.others != "" {
				env := []any{map[string]any{"name": "ServerCommsAddresses", "value": strings.Join(octos("1,2,3"), ",") + ","}}
				s.request(t, "PATCH", "/apis/apps/v1/namespaces/octopus/deployments/"+kubetest.DeploymentName+"?fieldManager="+c.others, "application/strategic-merge-patch+json",
					map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": kubetest.ContainerName, "env": env}}}}}}, nil)
			}
			code, output := s.run(t, adds("--prepare")...)
			if code != 0 || strings.Contains(output, c.not) {
				t.Errorf("exit code %d, or %q: %s", code, c.not, output)
			}
			for _, want := range c.want {
				if !strings.Contains(output, want) {
					t.Errorf("%q is missing:\n%s", want, output)
				}
			}
			if n := s.writes(); n != 1 {
				t.Errorf("%d changes are made instead of one", n)
			}
		})
	}
}

// TestFiftyAgentsGetAListTogether: in fifty namespaces, a few at a time; one that fails stops none.
func TestFiftyAgentsGetAListTogether(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	const agents = 50
	for i := range agents - 1 {
		a := kubetest.Agent{Namespace: fmt.Sprintf("agent-%02d", i), Thumbprint: agentServer, Subscription: fmt.Sprintf("poll://%020d/", i), Addresses: octos("1,2")}
		if i == 7 {
			a.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "x"}
		}
		if err := a.Install(s.cluster.Client()); err != nil {
			t.Fatal(err)
		}
	}
	var now, most atomic.Int32
	s.cluster.Hook(func(r kubetest.Request) {
		if r.Account == "operator" {
			most.Store(max(most.Load(), now.Add(1)))
		}
	}, func(r kubetest.Request) {
		if r.Account == "operator" {
			now.Add(-1)
		}
	})
	s.cluster.ResetRequests()
	var out, problems bytes.Buffer
	code := commands.Run(t.Context(), strings.NewReader(""), &out, &problems, append(adds(), "--all-agents", "--kubeconfig="+s.kubeconfig, "--format=json"))
	s.cluster.Hook(nil, nil)
	var list []struct {
		Namespace, Outcome, Error string
		Places                    map[string][]string
	}
	if err := json.Unmarshal(out.Bytes(), &list); err != nil || code != 1 || len(list) != agents {
		t.Fatalf("exit code %d, %d agents, %v: %s", code, len(list), err, problems.String())
	}
	for _, a := range list {
		want := "changed"
		if a.Namespace == "agent-07" {
			want = "failed"
		}
		if a.Outcome != want || (a.Error != "") != (want == "failed") || want == "changed" && len(a.Places["running"]) != len(a.Places["helm"]) {
			t.Errorf("%+v", a)
		}
	}
	if !strings.Contains(problems.String(), "namespace agent-07: Argo CD deploys this agent") {
		t.Errorf("the failure is not told: %s", problems.String())
	}
	// Many at the same time are slowed down by the API (priority and fairness).
	if n := len(s.cluster.Requests()); n > agents*30 {
		t.Errorf("%d requests for %d agents", n, agents)
	}
	if most.Load() > 8*8 {
		t.Errorf("%d requests at the same time", most.Load())
	}
}

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
			"helm history agent --namespace=octopus", "helm rollback agent --namespace=octopus",
		} {
			if code != 1 || !strings.Contains(output, want) {
				t.Errorf("%q: exit code %d, %q is missing:\n%s", arguments, code, want, output)
			}
		}
	}
	if n := s.writes(); n != 0 {
		t.Errorf("%d changes were made", n)
	}
	if code, output := s.run(t, adds("--prepare")...); code != 0 {
		t.Errorf("--prepare ends with %d: %s", code, output)
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
	if code != 3 || !strings.Contains(output, "Helm changed the release agent at the same moment\n") || !strings.Contains(output, "to finish: run the same command again\n") {
		t.Errorf("exit code %d: %s", code, output)
	}
	s.keepsIdentity(t, "then")
}

func TestAQuotaIsSaidBeforeAnythingIsChangedOrUndone(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	s.cluster.SetQuotas(kubetest.Quota{Namespace: "octopus", Resource: "secrets", Most: 2})
	code, output := s.run(t, adds()...)
	if code != 1 || !strings.Contains(output, "exceeded quota") || !strings.Contains(output, "nothing was changed") || s.writes() != 0 {
		t.Errorf("a revision more: exit code %d: %s", code, output)
	}
	s.cluster.SetQuotas(kubetest.Quota{Namespace: "octopus", Resource: "pods", Most: 1})
	code, output = s.run(t, adds()...)
	if code != 1 || !strings.Contains(output, "the change was undone: the rollout of Deployment octopus-agent-tentacle fails: FailedCreate: pods ") || !strings.Contains(output, "exceeded quota") {
		t.Errorf("a pod more: exit code %d: %s", code, output)
	}
	s.cluster.SetQuotas()
	if got := s.get(t, "Tentacle.Communication.TrustedOctopusServers"); strings.Contains(got, "octo4") {
		t.Errorf("the ConfigMap has %s", got)
	}
}

// TestAChangeMayBeInterruptedAtEveryStep: Ctrl-C during each request in turn. The program says that
// it was interrupted, and the same command finishes the change.
func TestAChangeMayBeInterruptedAtEveryStep(t *testing.T) {
	t.Parallel()
	for moment, done := 0, false; !done; moment++ {
		s := newRolloutScene(t, kubetest.Agent{})
		ctx, interrupt := context.WithCancel(t.Context())
		requests := 0
		s.cluster.Hook(nil, func(r kubetest.Request) {
			if requests++; requests == moment+1 {
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

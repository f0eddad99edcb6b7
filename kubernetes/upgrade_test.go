package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

// installed is a cluster with an agent in namespace octopus.
func installed(t *testing.T, a kubetest.Agent) (*kubetest.Cluster, *kubernetes.Cluster) {
	t.Helper()
	api, err := kubetest.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	a.Namespace = "octopus"
	if a.Addresses == nil {
		a.Addresses = []string{"https://octo1:10943", "https://octo2:10943"}
	}
	if err := a.Install(api.Client()); err != nil {
		t.Fatal(err)
	}
	return api, as(t, api, kubetest.Admin)
}

// as reaches the cluster as an account.
func as(t *testing.T, api *kubetest.Cluster, account string) *kubernetes.Cluster {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(api.Kubeconfig(account)), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, err := kubernetes.Connect(kubernetes.Kubeconfig{File: file, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

func agentIn(t *testing.T, c *kubernetes.Cluster) *kubernetes.Agent {
	t.Helper()
	a, err := c.Agent(t.Context(), "octopus")
	if err != nil {
		t.Fatal(err)
	}
	if a.ReleaseErr != nil {
		t.Fatal(a.ReleaseErr)
	}
	return a
}

// history is what helm history shows.
func history(t *testing.T, api *kubetest.Cluster) (lines []string) {
	t.Helper()
	var found struct {
		Items []struct {
			Metadata struct{ Labels map[string]string }
		}
	}
	if err := api.Client().Do("GET", "/api/v1/namespaces/octopus/secrets?labelSelector=owner%3Dhelm", "", nil, &found); err != nil {
		t.Fatal(err)
	}
	for _, s := range found.Items {
		lines = append(lines, s.Metadata.Labels["version"]+" "+s.Metadata.Labels["status"])
	}
	return lines
}

const limit = 20 * time.Second

func silently(kubernetes.Rollout) {}

var three = []string{"https://octo1:10943", "https://octo2:10943", "https://octo3:10943"}

func TestAnUpgradeIsOneOfHelm(t *testing.T) {
	t.Parallel()
	for name, serverSide := range map[string]bool{"installed by Helm 3": false, "installed by Helm 4": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, cluster := installed(t, kubetest.Agent{ServerSide: serverSide})
			a := agentIn(t, cluster)
			if a.AppliedByHelm() != serverSide {
				t.Errorf("applied by Helm: %v", a.AppliedByHelm())
			}
			u, err := a.Upgrade(three, "polls three")
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(u.Rehearse(t.Context()), u.Begin(t.Context())); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"1 deployed", "2 pending-upgrade"}, history(t, api)); diff != "" {
				t.Errorf("when it has begun (-want +got):\n%s", diff)
			}
			var seen []kubernetes.Rollout
			if err := u.Deploy(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := u.Wait(t.Context(), limit, func(r kubernetes.Rollout) { seen = append(seen, r) }); err != nil {
				t.Fatal(err)
			}
			if last := seen[len(seen)-1]; last.Available != 1 || last.Pod == "" {
				t.Errorf("the last progress is %+v", last)
			}
			if err := u.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"1 superseded", "2 deployed"}, history(t, api)); diff != "" {
				t.Errorf("at the end (-want +got):\n%s", diff)
			}
			a = agentIn(t, cluster)
			for what, is := range map[string][]string{"values": a.Release.Addresses().List(), "environment": a.Environment().List()} {
				if diff := cmp.Diff(three, is); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			if a.Release.Description != "octo-tentacle: polls three" {
				t.Errorf("the description is %q", a.Release.Description)
			}
			for _, f := range a.Deployment.Meta.ManagedFields {
				if f.Manager != "helm" && f.Manager != "kube-controller-manager" {
					t.Errorf("fields of the Deployment are %s's", f.Manager)
				}
			}
		})
	}
}

func TestOthersSeeAnUpgradeThatIsUnderWay(t *testing.T) {
	t.Parallel()
	_, cluster := installed(t, kubetest.Agent{})
	a := agentIn(t, cluster)
	late, err := agentIn(t, cluster).Upgrade(three, "late")
	if err != nil {
		t.Fatal(err)
	}
	u, err := a.Upgrade(three, "polls three")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := late.Begin(t.Context()); !errors.Is(err, kubernetes.ErrExists) {
		t.Errorf("the second one at the same time: %v", err)
	}
	if _, err := agentIn(t, cluster).Upgrade(three, "again"); !errors.As(err, new(*kubernetes.PendingError)) {
		t.Errorf("another one: %v", err)
	}
	found, err := agentIn(t, cluster).Interrupted()
	if err != nil || found == nil || !found.Resumed || found.Release.Revision != 2 || found.Former.Revision != 1 {
		t.Errorf("the interrupted one: %+v, %v", found, err)
	}
}

func TestAnInterruptedEndIsMadeGoodByTheNextUpgrade(t *testing.T) {
	t.Parallel()
	api, cluster := installed(t, kubetest.Agent{})
	run := func(ctx context.Context, addresses []string) error {
		u, err := agentIn(t, cluster).Upgrade(addresses, "x")
		if err != nil {
			return err
		}
		return errors.Join(u.Begin(ctx), u.Deploy(ctx), u.Wait(ctx, limit, silently), u.Finish(ctx))
	}
	api.Break(kubetest.Fault{Verb: "patch", Resource: "secrets", Name: "sh.helm.release.v1.agent.v1", Status: 403, Message: "no"})
	if err := run(t.Context(), three); err == nil {
		t.Fatal("the fault has no effect")
	}
	api.Repair()
	if diff := cmp.Diff([]string{"1 deployed", "2 deployed"}, history(t, api)); diff != "" {
		t.Fatal(diff)
	}
	if err := run(t.Context(), three[:1]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 superseded", "2 superseded", "3 deployed"}, history(t, api)); diff != "" {
		t.Errorf("at the end (-want +got):\n%s", diff)
	}
}

func TestARolloutThatFailsIsUndone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(*kubetest.Cluster)
		want string
	}{
		{"a start that fails", func(api *kubetest.Cluster) {
			api.SetRollout("octopus", kubetest.Rollout{Fails: "Something terrible\x1b[2J"})
		}, "CrashLoopBackOff: back-off restarting failed container; its log ends with: Something terrible"},
		{"an image that is not there", func(api *kubetest.Cluster) {
			api.SetRollout("octopus", kubetest.Rollout{Fails: "-", Reason: "ImagePullBackOff"})
		}, "ImagePullBackOff"},
		{"a quota", func(api *kubetest.Cluster) {
			api.SetQuotas(kubetest.Quota{Namespace: "octopus", Resource: "pods", Most: 1})
		}, "exceeded quota"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			api, cluster := installed(t, kubetest.Agent{})
			a := agentIn(t, cluster)
			u, err := a.Upgrade(three, "polls three")
			if err != nil {
				t.Fatal(err)
			}
			c.set(api)
			if err := errors.Join(u.Begin(t.Context()), u.Deploy(t.Context())); err != nil {
				t.Fatal(err)
			}
			failure := u.Wait(t.Context(), limit, silently)
			if failed, is := kubernetes.AsRolloutError(failure); !is || !strings.Contains(fmt.Sprint(failed), c.want) {
				t.Fatalf("%v, want %q", failure, c.want)
			}
			api.SetRollout("octopus", kubetest.Rollout{})
			if err := u.Undo(t.Context(), failure, limit, silently); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"1 deployed", "2 failed"}, history(t, api)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			a = agentIn(t, cluster)
			if diff := cmp.Diff(three[:2], a.Environment().List()); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(a.Release.Description, "octo-tentacle: polls three: the rollout of Deployment octopus-agent-tentacle failed: ") || strings.Contains(a.Release.Description, "\x1b") {
				t.Errorf("the description is %q", a.Release.Description)
			}
			again, err := a.Upgrade(three, "again")
			if err != nil || again.Release.Revision != 3 || again.Former.Revision != 1 {
				t.Errorf("the next upgrade is %+v, %v", again, err)
			}
		})
	}
}

func TestARolloutThatTakesTooLongOrIsInterrupted(t *testing.T) {
	t.Parallel()
	api, cluster := installed(t, kubetest.Agent{})
	a := agentIn(t, cluster)
	api.SetRollout("octopus", kubetest.Rollout{Delay: time.Hour})
	if err := a.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := a.Wait(t.Context(), time.Millisecond, silently)
	if failed, is := kubernetes.AsRolloutError(err); !is || !strings.Contains(failed.Problem, "0 of 1 new pods are ready after 1ms (ContainerCreating)") {
		t.Errorf("too long: %v", err)
	}
	// A pod that is not seen may be an old one that still runs.
	api.SetRollout("octopus", kubetest.Rollout{})
	api.Break(kubetest.Fault{Verb: "list", Resource: "pods", Status: 400})
	if err := a.Wait(t.Context(), limit, silently); !errors.As(err, new(*kubernetes.APIError)) {
		t.Errorf("the pods cannot be seen: %v", err)
	}
	api.Repair()
	api.SetRollout("octopus", kubetest.Rollout{Delay: time.Hour})
	if err := a.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := a.Wait(ctx, limit, func(kubernetes.Rollout) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestWhatOthersHaveSetIsAConflictBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	api, cluster := installed(t, kubetest.Agent{ServerSide: true})
	env := []any{map[string]any{"name": kubernetes.VariableAddresses, "value": "https://octo9:10943"}}
	patch := map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": kubetest.ContainerName, "env": env}}}}}}
	if err := api.Client().Do("PATCH", "/apis/apps/v1/namespaces/octopus/deployments/"+kubetest.DeploymentName+"?fieldManager=kubectl-set", "application/strategic-merge-patch+json", patch, nil); err != nil {
		t.Fatal(err)
	}
	u, err := agentIn(t, cluster).Upgrade(three, "polls three")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Rehearse(t.Context()); !kubernetes.IsFieldConflict(err) || !strings.Contains(err.Error(), "kubectl-set") {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff([]string{"1 deployed"}, history(t, api)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestWhatAnAccountMayNotDoIsKnownBeforeItIsTried(t *testing.T) {
	t.Parallel()
	api, cluster := installed(t, kubetest.Agent{})
	a := agentIn(t, cluster)
	wanted := a.UpgradeAccess()
	if denied := a.Cluster.Denied(t.Context(), wanted); len(denied) > 0 {
		t.Errorf("the administrator may not %v", denied)
	}
	if err := api.Allow("reader", kubernetes.RoleFor("reader", "reader", wanted[:1])); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted[1:], as(t, api, "reader").Denied(t.Context(), wanted)); diff != "" {
		t.Errorf("what the reader may not do (-want +got):\n%s", diff)
	}
}

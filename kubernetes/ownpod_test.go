package kubernetes_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/podaccount"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

func TestAContainerFindsTheAddressesOfTheAgentBesideIt(t *testing.T) {
	cluster, err := kubetest.Start("own-pod")
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	admin := cluster.Client()
	env := func(values ...string) (list []any) {
		for i := 0; i < len(values); i += 2 {
			list = append(list, map[string]any{"name": values[i], "value": values[i+1]})
		}
		return list
	}
	for name, containers := range map[string][]any{
		"agent": {
			map[string]any{"name": "nfs-watchdog", "env": env("ServerCommsAddresses", "https://wrong:10943")},
			map[string]any{"name": "octopus-agent-tentacle", "env": env(kubernetes.VariableNamespace, "default", "ServerCommsAddress", "https://lb:10943", "ServerCommsAddresses", "https://octo1:10943,https://octo2:10943")},
		},
		"other": {map[string]any{"name": "web"}},
	} {
		pod := map[string]any{"metadata": map[string]any{"name": name}, "spec": map[string]any{"containers": containers}}
		if err := admin.Do("POST", "/api/v1/namespaces/default/pods", "", pod, nil); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	defer podaccount.Use(folder)()
	environment, err := cluster.WritePod(folder, cluster.AgentAccount("default"), "default")
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	pod, err := kubernetes.ConnectInPod("test")
	if err != nil {
		t.Fatal(err)
	}
	addresses, found, err := pod.StartAddresses(t.Context(), "default", "agent")
	if want := []string{"https://lb:10943", "https://octo1:10943", "https://octo2:10943"}; err != nil || !found || !slices.Equal(addresses.List(), want) {
		t.Errorf("%v %v %v", addresses, found, err)
	}
	if _, found, err := pod.StartAddresses(t.Context(), "default", "other"); found || err != nil {
		t.Errorf("a pod without an agent: %v %v", found, err)
	}
	if _, _, err := pod.StartAddresses(t.Context(), "default", "none"); !errors.Is(err, kubernetes.ErrNotFound) {
		t.Errorf("no pod: %v", err)
	}
}

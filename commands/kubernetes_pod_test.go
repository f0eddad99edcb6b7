//go:build linux

package commands_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// optionsFor are Helm's options for an agent of an Octopus cluster.
func optionsFor(cluster *octotest.Cluster) []string {
	return []string{"--set", "agent.serverUrl=" + cluster.URL(), "--set", "agent.serverApiKey=" + octotest.APIKey}
}

// standsIn: octo-tentacle does what Tentacle does in the start of the container. The agent
// registers itself, polls every node, and keeps its identity when the first node is replaced as
// documented.
func (k *controlPlane) standsIn(t *testing.T) {
	cluster := octopus(t, 4)
	nodes := cluster.Addresses()
	a := k.install(t, 3, "stands-in", chartNow, nodes[:3], append(optionsFor(cluster), "--set", "agent.image=octo-tentacle")...)
	if got := a.polled(t); !slices.Equal(got, nodes[:3]) {
		t.Errorf("the agent polls %v\n%s", got, a.log(t))
	}
	if registered := cluster.Registrations(); len(registered) != 1 || registered[0].Name != "agent1" {
		t.Errorf("registered are %v\n%s", registered, a.log(t))
	}
	before := a.settings(t)
	a.restart(t)
	a.untilReady(t)
	if after := a.settings(t); !maps.Equal(before, after) {
		t.Errorf("another start changes the settings from %v to %v", before, after)
	}
	if output, err := a.upgrade(t, []string{nodes[3], nodes[1], nodes[2]}, soon); err == nil {
		t.Errorf("the start does not fail, although its first address is new:\n%s", output)
	}
	a.untilReady(t)
	a.restart(t)
	a.untilReady(t)
	if after := a.settings(t); !maps.Equal(before, after) {
		t.Errorf("after the roll-back, the settings are %v instead of %v", after, before)
	}
}

// initContainer: with the values of the documents, sync-servers runs right before Tentacle's own
// start, which finds its first address then, whatever the values are.
func (k *controlPlane) initContainer(t *testing.T) {
	cluster := octopus(t, 4)
	nodes := cluster.Addresses()
	values := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(values, []byte(documentedValues(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, helm := range []int{3, 4} {
		a := k.install(t, helm, "init-container-"+string(rune('0'+helm)), chartNow, nodes[:3], append(optionsFor(cluster), "--values", values)...)
		identity := a.identity(t)
		for _, addresses := range [][]string{{nodes[3], nodes[1], nodes[2]}, {nodes[0]}, {nodes[1], nodes[2]}} {
			if output, err := a.upgrade(t, addresses, late); err != nil {
				t.Fatalf("Helm %d to %v: %v\n%s\n%s", helm, addresses, err, output, a.log(t))
			}
			a.untilReady(t)
			if got := a.identity(t); got != identity {
				t.Errorf("Helm %d to %v: the agent has become %q instead of %q", helm, addresses, got, identity)
			}
			if got := a.polled(t); !slices.Equal(got, addresses) {
				t.Errorf("Helm %d to %v: the agent polls %v", helm, addresses, got)
			}
		}
		k.helm(t, helm, "rollback", "agent", "1", "--namespace", a.namespace, "--wait", "--timeout", late)
		a.untilReady(t)
		if got := a.identity(t); got != identity {
			t.Errorf("Helm %d: after the roll-back, the agent is %q instead of %q", helm, got, identity)
		}
	}
}

// documentedValues are the values with the init container in docs/kubernetes-container.md.
func documentedValues(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/kubernetes-container.md")
	if err != nil {
		t.Fatal(err)
	}
	_, values, _ := strings.Cut(string(page), "```yaml\n")
	values, _, _ = strings.Cut(values, "```\n")
	if !strings.Contains(values, documentedImage) {
		t.Fatalf("docs/kubernetes-container.md has no values with the image %s", documentedImage)
	}
	return values
}

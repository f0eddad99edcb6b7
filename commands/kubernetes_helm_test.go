//go:build linux

package commands_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
)

// The part of docs/kubernetes.md that sideBySide makes.
const (
	kubernetesPage  = "../docs/kubernetes.md"
	kubernetesBegin = "<!-- Generated from commands/kubernetes_helm_test.go: .ci/run kubernetes compares it -->\n"
	kubernetesEnd   = "<!-- End of what is generated. -->\n"
)

// way is a way to replace the first node that an agent polls.
type way struct {
	name string
	take func(a *agentThere, t *testing.T, addresses []string) (output string, err error)
}

var ways = []way{
	{"`helm upgrade`, as documented", func(a *agentThere, t *testing.T, addresses []string) (string, error) {
		return a.upgrade(t, addresses, soon)
	}},
	{"`sync-servers --prepare`, then its steps", func(a *agentThere, t *testing.T, addresses []string) (string, error) {
		return a.prepare(t, addresses)
	}},
	{"`sync-servers`", func(a *agentThere, t *testing.T, addresses []string) (string, error) {
		return a.octoTentacle(t, a.sync(addresses)...)
	}},
}

// sideBySide replaces the first node in each way. As documented, the upgrade fails, the roll-back
// is a success, and nothing is left of what the agent trusts: no start of it succeeds any more. The
// page shows it.
func (k *controlPlane) sideBySide(t *testing.T) {
	var tables []string
	for _, helm := range []int{3, 4} {
		table := [][]string{{""}, {"the command"}, {"the newest revision"}, {"entries in the ConfigMap"}, {"subscription"}, {"when the pod starts again, it"}}
		for i, w := range ways {
			nodes := octopus(t, 4).Addresses()
			a := k.install(t, helm, fmt.Sprintf("way-%d-%d", helm, i), chartNow, nodes[:3])
			for row, cell := range append([]string{w.name}, a.replacedBy(t, w, nodes)...) {
				table[row] = append(table[row], cell)
			}
		}
		tables = append(tables, markdown(table))
	}
	if tables[0] != tables[1] {
		t.Errorf("with Helm 4 it is another one than with Helm 3:\n%s%s", tables[0], tables[1])
	}
	commands.ComparePart(t, kubernetesPage, kubernetesBegin, kubernetesEnd, "\n"+tables[0]+"\n")
}

// replacedBy replaces the first of three nodes, and tells what is there afterwards.
func (a *agentThere) replacedBy(t *testing.T, w way, nodes []string) (cells []string) {
	before := a.identity(t)
	output, err := w.take(a, t, replaced(nodes))
	command := "succeeds"
	if err != nil {
		command = "fails, and is rolled back"
	}
	t.Logf("%s: %v\n%s", w.name, err, output)
	a.untilReady(t)
	var history []struct {
		Revision            int
		Status, Description string
	}
	if err := json.Unmarshal([]byte(a.helm(t, a.helmVersion, "history", "agent", "--namespace", a.namespace, "--output", "json")), &history); err != nil {
		t.Fatal(err)
	}
	last := history[len(history)-1]
	entries := strings.Join(slices.Sorted(slices.Values(a.polled(t))), ", ")
	subscription := map[string]string{before: "kept", "": "lost"}[a.identity(t)]
	a.restart(t)
	start := ""
	a.until(t, "its start does not end", func() bool {
		switch log := a.log(t); {
		case strings.Contains(log, "Sequence contains no elements"):
			start = "does not come up: `Sequence contains no elements`"
		case strings.Contains(log, "Agent will poll ") && a.pods(t)[0].ready():
			start = fmt.Sprintf("polls %d nodes", strings.Count(log, "Agent will poll "))
		}
		return start != ""
	})
	cells = []string{command, fmt.Sprintf("%d, %s: %s", last.Revision, last.Status, last.Description), entries, subscription, start}
	for i, cell := range cells {
		for n, node := range nodes {
			cell = strings.ReplaceAll(cell, node, fmt.Sprintf("octo%d", n+1))
		}
		if cells[i] = cell; cell == "" {
			cells[i] = "none"
		}
	}
	return cells
}

// markdown is a table whose first row is its head.
func markdown(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.TrimSpace(strings.Join(row, " | ")))
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
	return b.String()
}

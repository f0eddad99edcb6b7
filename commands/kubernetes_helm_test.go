//go:build linux

package commands_test

import (
	"fmt"
	"strings"
	"testing"
)

// documentedWay replaces the first node as documented. The upgrade fails, the roll-back is a
// success, and nothing is left of what the agent trusts: no start of it succeeds any more.
func (k *controlPlane) documentedWay(t *testing.T) {
	for _, helm := range []int{3, 4} {
		t.Run(fmt.Sprintf("Helm %d", helm), func(t *testing.T) {
			t.Parallel()
			a := k.install(t, helm, fmt.Sprintf("documented-%d", helm), chartNow, nodeAddresses(1, 2, 3))
			if a.identity(t) == "" {
				t.Fatal("the agent is not registered")
			}
			if output, err := a.upgrade(t, nodeAddresses(4, 2, 3), soon); err == nil {
				t.Errorf("the upgrade does not fail:\n%s", output)
			}
			history := k.helm(t, helm, "history", "agent", "--namespace", a.namespace)
			if lines := strings.Split(strings.TrimSpace(history), "\n"); !strings.Contains(lines[len(lines)-1], "Rollback to 1") || !strings.Contains(lines[len(lines)-1], "deployed") {
				t.Errorf("the upgrade is not rolled back:\n%s", history)
			}
			if identity := a.identity(t); identity != "" {
				t.Errorf("the agent still trusts %s", identity)
			}
			a.restart(t)
			a.until(t, "its start does not fail", func() bool { return strings.Contains(a.log(t), "Sequence contains no elements") })
		})
	}
}

//go:build crashtest

package tentacleconfig

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/crashpoint"
)

// TestAProcessKilledBetweenAnyTwoCallsLeavesTheOldOrTheNewFile does so at each
// step that a save takes by its own account, with a backup and without. (On Linux
// the same is done at each system call, by strace: save_linux_test.go.)
func TestAProcessKilledBetweenAnyTwoCallsLeavesTheOldOrTheNewFile(t *testing.T) {
	for _, backup := range []string{"", "1"} {
		steps := filepath.Join(t.TempDir(), "steps")
		crashUpdate(t, writeConfig(t, "<octopus-settings></octopus-settings>"), "-", steps, backup)
		list, err := os.ReadFile(steps)
		if err != nil {
			t.Fatal(err)
		}
		names := strings.Fields(string(list))
		if len(names) < 8 || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
			t.Fatalf("the steps are %v", names)
		}
		old, after := 0, 0
		for _, name := range names {
			switch n := crashAt(t, name, backup); n {
			case 0:
				old++
			case 1:
				after++
			default:
				t.Errorf("killed at %s: %d servers", name, n)
			}
		}
		t.Logf("killed at %v: %d times the old file, %d times the new one", names, old, after)
		if old == 0 || after == 0 {
			t.Error("the steps do not lie on both sides of the replacement")
		}
	}
}

func crashAt(t *testing.T, name, backup string) (servers int) {
	t.Helper()
	path := writeConfig(t, "<octopus-settings></octopus-settings>")
	crashUpdate(t, path, name, "", backup)
	servers = serversIn(t, path)
	all, err := Backups(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if _, err := Read(b.Path); err != nil {
			t.Errorf("killed at %s, a backup is damaged: %v", name, err)
		}
	}
	// The next one finds nothing in its way, and tidies up.
	if _, err := Update(t.Context(), path, Change{Edit: add("https://next:1")}); err != nil {
		t.Errorf("killed at %s, the next save: %v", name, err)
	}
	if temps, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp")); len(temps) != 0 {
		t.Errorf("killed at %s, left behind: %v", name, temps)
	}
	return servers
}

// crashUpdate adds a server in a process of its own that ends at a step.
func crashUpdate(t *testing.T, path, at, steps, backup string) {
	t.Helper()
	cmd := updater(path, "https://added:1")
	cmd.Env = append(cmd.Env, crashpoint.CrashVariable+"="+at, crashpoint.StepsVariable+"="+steps, "OCTO_TENTACLE_TEST_BACKUP="+backup)
	out, err := cmd.CombinedOutput()
	if _, killed := err.(*exec.ExitError); killed != (at != "-") {
		t.Fatalf("killed at %s: %v %s", at, err, out)
	}
}

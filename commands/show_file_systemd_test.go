//go:build linux

package commands_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemdAFileHasTheServiceOnlyWhereApplyingItChangesNothing: what a person made of a service
// is not in the file.
func TestSystemdAFileHasTheServiceOnlyWhereApplyingItChangesNothing(t *testing.T) {
	m := newServiceMachine(t, "Tentacle")
	t.Setenv("PATH", filepath.Dir(m.program)+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, folder := range []string{m.folder, filepath.Dir(m.folder)} { // for the account
		if err := os.Chmod(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	m.run("new-certificate")
	for _, step := range []struct {
		name, want string
		do         func()
	}{
		{"none", "", func() {}},
		{"installed", "service:\n  install: true\n", func() { m.mustDo(t, "install", "stopped", "--install") }},
		{"running", "service:\n  install: true\n  start: true\n", func() { m.mustDo(t, "start", "running", "--start") }},
		{"of an account", "service:\n  install: true\n  account:\n    user: nobody\n  start: true\n", func() {
			m.run("service", "--reconfigure", "--username=nobody")
		}},
		{"changed by hand", "# Its definition differs from what octo-tentacle installs, so apply only starts it. To see the difference:\n" +
			"# octo-tentacle service --install --dry-run --instance=Tentacle\nservice:\n  start: true\n", func() {
			content, err := os.ReadFile(unitFile("Tentacle"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(unitFile("Tentacle"), []byte(strings.Replace(string(content), "Restart=always", "Restart=always\nNice=5", 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			systemctlSays(t, "daemon-reload")
		}},
		{"stopped then", "", func() { systemctlSays(t, "stop", "Tentacle") }},
	} {
		step.do()
		file := m.mustRun(t, "show-configuration", "--format=yaml")
		_, got, _ := strings.Cut(file, "certificate: if-blank\n")
		if got != step.want {
			t.Errorf("%s: the file has\n%s\nnot\n%s", step.name, got, step.want)
		}
		path := filepath.Join(m.folder, "tentacle.yaml")
		if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		if said := m.mustRun(t, "apply", "--file="+path, "--dry-run"); !strings.Contains(said, "nothing would change") {
			t.Errorf("%s: applied to it, the file would change\n%s", step.name, said)
		}
	}
}

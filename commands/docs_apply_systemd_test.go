//go:build linux

package commands_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestSystemdTheUserDataMakesAFreshMachineWithItsService runs the user data of docs/apply.md where
// there is a service manager, twice, and then with a service that somebody has stopped.
func TestSystemdTheUserDataMakesAFreshMachineWithItsService(t *testing.T) {
	needsSystemd(t)
	s := pageSceneOf(t, newFreshScene(t, octotest.Options{}))
	program := filepath.Join(t.TempDir(), "Tentacle")
	must(t, os.WriteFile(program, []byte("#!/bin/sh\nexec sleep infinity\n"), 0o755))
	data := readUserData(t)
	for i := range data.WriteFiles {
		data.WriteFiles[i].Content = s.in.Replace(data.WriteFiles[i].Content) + "service: {install: true, start: true}\n"
	}
	data.RunCmd[0] = strings.Replace(data.RunCmd[0], "octo-tentacle apply", "octo-tentacle apply --tentacle="+program, 1)
	s.in = strings.NewReplacer("/etc/octopus/", filepath.Dir(s.config)+"/", "/root/octopus.key", filepath.Join(filepath.Dir(s.config), "octopus.key"))
	t.Cleanup(func() { _ = s.command("service", "--instance=Tentacle", "--stop", "--uninstall").Run() })
	for range 2 {
		s.cloudInit(t, "/bin/sh", data)
		s.isComplete(t)
		if stdout, _ := s.run(t, 0, "list-servers", "--instance=Tentacle"); !strings.Contains(stdout, "Tentacle, running") {
			t.Error(stdout)
		}
	}
	file := "--file=" + s.in.Replace(data.WriteFiles[0].Path)
	s.run(t, 0, "service", "--instance=Tentacle", "--stop")
	if stdout, _ := s.run(t, 1, "check", file); !strings.Contains(stdout, "service.start: the service is stopped") {
		t.Error(stdout)
	}
	s.run(t, 0, "apply", file, "--tentacle="+program)
	if stdout, _ := s.run(t, 0, "check", file, "--require=file"); !strings.Contains(stdout, "the Tentacle is what ") {
		t.Error(stdout)
	}
}

// TestSystemdARestartForANewDefinitionIsReportedUntilItIsDone: --no-restart leaves it to somebody,
// who may forget it.
func TestSystemdARestartForANewDefinitionIsReportedUntilItIsDone(t *testing.T) {
	const name = "octo-test-redefined"
	m := newServiceMachine(t, name)
	other := filepath.Join(m.folder, "other", "Tentacle")
	content, err := os.ReadFile(m.program)
	must(t, err)
	must(t, os.Mkdir(filepath.Dir(other), 0o755))
	must(t, os.WriteFile(other, content, 0o755))
	m.run("new-certificate", "--instance="+name)
	file := filepath.Join(m.folder, "tentacle.yaml")
	must(t, os.WriteFile(file, []byte("instance: "+name+"\nservice: {install: true, start: true}\n"), 0o644))
	apply := func(program string, options ...string) (said string) {
		stdout, stderr, code := m.run(append([]string{"apply", "--file=" + file, "--tentacle=" + program}, options...)...)
		if code != 0 {
			t.Errorf("%v: exit code %d, %s", options, code, stderr)
		}
		return stdout + stderr
	}
	const pending, finish = "still runs with the old one", "octo-tentacle restart-service --instance=" + name
	check := func() string { stdout, _, _ := m.run("check", "--file="+file); return stdout }

	if said := apply(m.program); strings.Contains(said, pending) || !strings.Contains(said, "was started") {
		t.Errorf("installed: %s", said)
	}
	if said := apply(other, "--no-restart"); !strings.Contains(said, "runs with its old definition until it is restarted") {
		t.Errorf("redefined: %s", said)
	}
	for range 2 {
		if said := apply(other); !strings.Contains(said, pending) || !strings.Contains(said, finish) {
			t.Errorf("applied again: %s", said)
		}
		if said := check(); !strings.Contains(said, pending) || !strings.Contains(said, finish) {
			t.Errorf("checked: %s", said)
		}
	}
	m.run("restart-service", "--instance="+name, "--restart-now")
	if said := apply(other) + check(); strings.Contains(said, pending) {
		t.Errorf("restarted: %s", said)
	}
	systemctlSays(t, "disable", name) // and enabled again, which is no new definition
	if said := apply(other) + check(); strings.Contains(said, pending) || systemctlSays(t, "is-enabled", name) != "enabled" {
		t.Errorf("enabled again: %s", said)
	}
}

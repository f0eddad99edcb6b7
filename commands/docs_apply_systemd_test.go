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

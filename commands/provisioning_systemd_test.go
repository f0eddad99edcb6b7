//go:build linux

package commands_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestSystemdAProvisioningScriptRunsFromAFreshMachineToACleanOneTwice runs the
// command lines of a script as people write it for Tentacle, and of
// the one that takes the machine down again.
func TestSystemdAProvisioningScriptRunsFromAFreshMachineToACleanOneTwice(t *testing.T) {
	s := newSystemdScene(t)
	if err := os.RemoveAll(s.home); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	s.config = filepath.Join(folder, "web", "Tentacle.config")
	tentacle := filepath.Join(folder, "Tentacle")
	s.writeFile(t, tentacle, "#!/bin/sh\nexec sleep infinity\n", 0o755)
	nodes := s.cluster.Addresses()
	api := []string{"--server", s.cluster.URL(), "--apiKey=" + octotest.APIKey}

	up := [][]string{
		{"create-instance", "--instance", "web", "--config", s.config},
		{"new-certificate", "--instance", "web", "--if-blank"},
		{"configure", "--instance", "web", "--app", filepath.Join(folder, "Applications"), "--noListen", "True", "--console"},
		append([]string{"register-with", "--instance", "web", "--name", "web01", "--environment", "Development", "--role", "web-server",
			"--comms-style", "TentacleActive", "--server-comms-address", nodes[0], "--space", "", "--policy", "", "--force"}, api...),
		append([]string{"poll-server", "--instance", "web", "--server-comms-address=" + nodes[1] + "," + nodes[2]}, api...),
		{"service", "--instance", "web", "--install", "--start", "--tentacle", tentacle},
		{"show-thumbprint", "--instance", "web"},
		{"list-servers", "--instance", "web"},
	}
	down := [][]string{
		append([]string{"deregister-from", "--instance", "web"}, api...),
		{"service", "--instance", "web", "--stop", "--uninstall"},
		{"delete-instance", "--instance", "web"},
	}
	for round := range 2 {
		for _, line := range slices.Concat(up, down) {
			output, err := s.command(line...).CombinedOutput()
			if err != nil {
				t.Fatalf("round %d: %s: %v\n%s", round+1, line[0], err, output)
			}
			if strings.Contains(string(output), octotest.APIKey) {
				t.Errorf("%s shows the key:\n%s", line[0], output)
			}
			switch line[0] {
			case "service":
				_, err := os.Stat("/etc/systemd/system/web.service")
				if installed := slices.Contains(line, "--install"); installed != (err == nil) {
					t.Errorf("after %v the unit file is there: %v", line, err == nil)
				}
			case "list-servers":
				if got := s.addresses(t); len(got) != 3 || !strings.Contains(string(output), "web, running") {
					t.Errorf("polled: %v\n%s", got, output)
				}
			}
		}
		s.isClean(t)
	}
}

// isClean checks that neither index, service nor registration is left; the
// configuration stays, as Tentacle leaves it.
func (s *systemdScene) isClean(t *testing.T) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(s.home, "Tentacle", "Instances", "*")); len(left) > 0 {
		t.Errorf("the index has %v", left)
	}
	if _, err := os.Stat(s.config); err != nil {
		t.Errorf("the configuration is gone: %v", err)
	}
	output, err := s.command("deregister-from", "--config", s.config).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "has no deployment target") {
		t.Errorf("the server still knows it: %v\n%s", err, output)
	}
}

//go:build linux

package commands_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// TestSystemdApplyMakesAFreshMachineOfOneFile: one file, one command; the second
// time nothing is to do; a change restarts the service once.
func TestSystemdApplyMakesAFreshMachineOfOneFile(t *testing.T) {
	s := newSystemdScene(t)
	if err := os.RemoveAll(s.home); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := errors.Join(os.Chmod(folder, 0o755), os.Chmod(filepath.Dir(folder), 0o755)); err != nil { // for the account
		t.Fatal(err)
	}
	s.config = filepath.Join(folder, "applied", "Tentacle.config")
	tentacle := filepath.Join(folder, "Tentacle")
	s.writeFile(t, tentacle, "#!/bin/sh\nexec sleep infinity\n", 0o755)
	file := filepath.Join(folder, "tentacle.yaml")
	wish := fmt.Sprintf(`instance: applied
configuration: applied/Tentacle.config
applications: apps
certificate: if-blank
communication: polling
server: %s
nodes: ["%s"]
registrations: [{name: applied, environments: [Development], roles: [web-server]}]
service: {install: true, account: {user: nobody}, start: true}
`, s.cluster.URL(), strings.Join(s.cluster.Addresses(), `", "`))
	s.writeFile(t, file, wish, 0o600)
	apply := func(more ...string) string {
		t.Helper()
		output, err := s.command(append([]string{"apply", "--file=" + file, "--tentacle=" + tentacle}, more...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("apply %v: %v\n%s", more, err, output)
		}
		return string(output)
	}
	t.Cleanup(func() {
		if output, err := s.command("service", "--instance=applied", "--stop", "--uninstall").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
	})

	if dry := apply("--dry-run"); !strings.Contains(dry, "service applied would be installed") || !strings.Contains(dry, "service applied would be started") {
		t.Errorf("the dry run says\n%s", dry)
	}
	if _, err := os.Stat(filepath.Dir(s.config)); err == nil {
		t.Error("the dry run made a folder")
	}
	first := apply()
	for _, want := range []string{"+ configuration " + s.config, "applied is registered", "service applied was installed", "service applied was started", "is running", "Accepted by 3 of 3"} {
		if !strings.Contains(first, want) {
			t.Errorf("it does not say %q:\n%s", want, first)
		}
	}
	s.runs(t, "applied", "nobody")
	if again := apply(); !strings.Contains(again, "Nothing to change") {
		t.Errorf("the second run says\n%s", again)
	}

	s.writeFile(t, file, strings.Replace(wish, "applications: apps", "applications: apps2", 1), 0o600)
	if changed := apply(); !strings.Contains(changed, "service applied was restarted") {
		t.Errorf("after a change it says\n%s", changed)
	}
	s.writeFile(t, file, strings.NewReplacer("applications: apps", "applications: apps2", "{user: nobody}", "{user: root}").Replace(wish), 0o600)
	if changed := apply("--dry-run"); !strings.Contains(changed, "would be restarted") {
		t.Errorf("the dry run of another account says\n%s", changed)
	}
	if changed := apply(); !strings.Contains(changed, "-User=nobody") || !strings.Contains(changed, "Service applied was restarted") {
		t.Errorf("with another account it says\n%s", changed)
	}
	s.runs(t, "applied", "root")
	if again := apply(); !strings.Contains(again, "Nothing to change") {
		t.Errorf("the last run says\n%s", again)
	}
}

// runs checks that a service runs as an account, which can read the configuration.
func (s *systemdScene) runs(t *testing.T, unit, account string) {
	t.Helper()
	output, err := exec.Command("systemctl", "show", "--property=ActiveState,User", unit).CombinedOutput()
	if err != nil || !strings.Contains(string(output), "ActiveState=active") || !strings.Contains(string(output), "User="+account) {
		t.Errorf("%v\n%s", err, output)
	}
	if output, err := exec.Command("su", "-s", "/bin/sh", "-c", "cat "+s.config, account).CombinedOutput(); err != nil {
		t.Errorf("%s cannot read the configuration: %v\n%s", account, err, output)
	}
}

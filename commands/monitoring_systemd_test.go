//go:build linux

package commands_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// TestSystemdRunsTheUnitsOfTheMonitoringPage starts them as they are in docs/monitoring.md, but for
// the folders of the test and the addresses of its cluster.
func TestSystemdRunsTheUnitsOfTheMonitoringPage(t *testing.T) {
	s := newSystemdScene(t)
	if err := makeTentacle(s.home, "Octo Tentacle Test", s.config, []tentacleconfig.TrustedServer{s.entry(0), s.entry(1), s.entry(2)}); err != nil {
		t.Fatal(err)
	}
	s.isRegistered(t, sceneSubscription)
	s.start(t)
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	s.writeFile(t, key, octotest.APIKey+"\n", 0o600)
	names := strings.NewReplacer("/usr/local/bin/octo-tentacle", program, "https://octopus.example.com", s.cluster.URL(), "/etc/octopus/check.key", key)
	units := examplesOf(t, "monitoring.md", "systemd")
	const check = "octo-tentacle-check"
	t.Cleanup(func() { _ = exec.Command("systemctl", "stop", check+".timer").Run() })
	install := func(name, content string) {
		file := filepath.Join("/run/systemd/system", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		s.writeFile(t, file, names.Replace(content), 0o644)
		t.Cleanup(func() { _ = os.Remove(file) })
		s.systemctl(t, "daemon-reload")
	}
	install(check+".service", units[0])
	install(check+".timer", units[1])
	install(check+".service.d/test.conf", fmt.Sprintf("[Service]\nEnvironment=TentacleMachineConfigurationHomeDirectory=%s %s=%s\n", s.home, scriptMachine, filepath.Dir(s.config)))
	run := func() (journal string, err error) {
		err = exec.Command("systemctl", "start", check+".service").Run()
		_ = exec.Command("journalctl", "--sync").Run()
		output, _ := exec.Command("journalctl", "--unit="+check, "--output=cat", "--no-pager", "_SYSTEMD_INVOCATION_ID="+invocationOf(t, check)).Output()
		return string(output), err
	}

	if journal, err := run(); err != nil || journal != "" {
		t.Errorf("all is well: %v\n%s", err, journal)
	}
	s.systemctl(t, "start", check+".timer")
	if next, err := exec.Command("systemctl", "show", "--value", "--property=NextElapseUSecRealtime", check+".timer").Output(); err != nil || strings.TrimSpace(string(next)) == "" {
		t.Errorf("the timer never elapses: %s%v", next, err)
	}

	// With a key, the server is asked, too.
	install(check+".service.d/key.conf", units[2])
	if journal, err := run(); err != nil {
		t.Errorf("with a key: %v\n%s", err, journal)
	}
	s.isRegistered(t, "poll://another0000000000000/")
	if journal, err := run(); err == nil || !strings.Contains(journal, "it is registered with the subscription poll://another0000000000000/") {
		t.Errorf("with another subscription: %v\n%s", err, journal)
	}
	s.breaksNode(t, 2)
	if journal, err := run(); err == nil || !strings.Contains(journal, "does not respond") {
		t.Errorf("a node is down: %v\n%s", err, journal)
	}
}

// invocationOf is the ID of a unit's last run, by which the journal has its output.
func invocationOf(t *testing.T, unit string) string {
	t.Helper()
	id, err := exec.Command("systemctl", "show", "--value", "--property=InvocationID", unit+".service").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(id))
}

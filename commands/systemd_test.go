//go:build linux

package commands_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// The tests here need systemd as PID 1: .ci/run has testdata/systemd/run boot
// one. The Tentacle's service is this test binary (see standin_test.go).

type systemdScene struct {
	*scene
	folder string
	unit   string
}

func needsSystemd(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		skipUnlessRequired(t, "systemd", "systemd is not PID 1 here: run this through testdata/systemd/run")
	}
}

func newSystemdScene(t *testing.T) *systemdScene {
	t.Helper()
	return newSystemdSceneOf(t, octotest.Options{})
}

func newSystemdSceneOf(t *testing.T, o octotest.Options) *systemdScene {
	t.Helper()
	needsSystemd(t)
	s := &systemdScene{
		scene:  newScene(t, "Octo Tentacle Test", o),
		folder: t.TempDir(),
		unit:   "Octo-Tentacle-Test.service", // the name Tentacle gives the service of that instance
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.writeFile(t, filepath.Join("/run/systemd/system", s.unit), fmt.Sprintf(
		"[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=simple\nEnvironment=%s=%s\nExecStart=%s run --instance=\"Octo Tentacle Test\"\nRestart=always\n",
		standInVariable, s.folder, program), 0o644)
	t.Cleanup(func() {
		_ = exec.Command("systemctl", "stop", s.unit, "octo-tentacle-restart-Octo-Tentacle-Test*").Run() // and what confirms a restart
		_ = os.Remove(filepath.Join("/run/systemd/system", s.unit))
		_ = os.RemoveAll(filepath.Join("/etc/systemd/system", s.unit+".d")) // what fixes make
		_ = exec.Command("systemctl", "daemon-reload").Run()
	})
	s.systemctl(t, "daemon-reload")
	return s
}

func (s *systemdScene) writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func (s *systemdScene) systemctl(t *testing.T, arguments ...string) {
	t.Helper()
	if output, err := exec.Command("systemctl", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("systemctl %v: %v\n%s", arguments, err, output)
	}
}

// starts is how often the service has been started.
func (s *systemdScene) starts(t *testing.T) int {
	t.Helper()
	marks, err := os.ReadFile(filepath.Join(s.folder, "marks"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Count(string(marks), "started")
}

func (s *systemdScene) start(t *testing.T) {
	t.Helper()
	s.systemctl(t, "start", s.unit)
	for deadline := time.Now().Add(10 * time.Second); s.starts(t) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the service does not start")
		}
	}
}

type changeJSON struct {
	Changed bool
	DryRun  bool
	Service struct {
		Name, State string
		Restarted   bool
	}
}

// pollServer runs poll-server and returns its JSON.
func (s *systemdScene) pollServer(t *testing.T, arguments ...string) (out changeJSON) {
	t.Helper()
	cmd := s.command(append([]string{"poll-server", "--format=json"}, arguments...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("poll-server %v: %v\n%s", arguments, err, stderr.String())
	}
	if err := json.Unmarshal(stdout, &out); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	return out
}

func TestSystemdServiceIsRestartedExactlyWhenSomethingChanged(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	nodes := s.cluster.Addresses()
	for _, step := range []struct {
		what      string
		arguments []string
		changed   bool
		restarted bool
	}{
		{"a dry run", []string{"--server-comms-address=" + nodes[1], "--dry-run"}, true, false},
		{"a new node", []string{"--server-comms-address=" + nodes[1]}, true, true},
		{"the same again", []string{"--server-comms-address=" + nodes[1]}, false, false},
		{"a new node without restart", []string{"--server-comms-address=" + nodes[2], "--no-restart"}, true, false},
	} {
		before := s.starts(t)
		got := s.pollServer(t, step.arguments...)
		restarts := s.starts(t) - before
		if got.Changed != step.changed || got.Service.Restarted != step.restarted || restarts > 0 != step.restarted || restarts > 1 {
			t.Errorf("%s: %+v, restarted %d times", step.what, got, restarts)
		}
		if got.Service.Name+".service" != s.unit || got.Service.State != "running" {
			t.Errorf("%s: service %+v", step.what, got.Service)
		}
	}
}

func TestSystemdServiceThatIsStoppedOrAbsentIsLeftAlone(t *testing.T) {
	s := newSystemdScene(t)
	if got := s.pollServer(t, "--server-comms-address="+s.cluster.Addresses()[1]); !got.Changed || got.Service.State != "stopped" || s.starts(t) != 0 {
		t.Errorf("stopped: %+v, %d starts", got, s.starts(t))
	}
	got := s.pollServer(t, "--server-comms-address="+s.cluster.Addresses()[2], "--service=octo-tentacle-no-such-service")
	if !got.Changed || got.Service.State != "absent" || got.Service.Name != "octo-tentacle-no-such-service" || got.Service.Restarted {
		t.Errorf("absent: %+v", got)
	}
}

func TestSystemdServiceThatDoesNotComeBackIsAFailureWithTheFileSaved(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	s.writeFile(t, filepath.Join(s.folder, "broken"), "", 0o644)
	cmd := s.command("poll-server", "--format=json", "--server-comms-address="+s.cluster.Addresses()[1])
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("%v: exit code %d, not 3", err, cmd.ProcessState.ExitCode())
	}
	for _, want := range []string{
		s.config + " is saved, but the Tentacle does not start with it\n", "exit status 7", "the last lines of its log:\n", "\n    the stand-in is broken\n", "journalctl -u",
		"to put the old configuration back: octo-tentacle restore-backup --latest '--instance=Octo Tentacle Test'\n",
	} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("the error does not say %q:\n%s", want, stderr.String())
		}
	}
	if strings.Contains(stderr.String(), "pending") || strings.Contains(stderr.String(), "restart-service") {
		t.Errorf("a restart would not help:\n%s", stderr.String())
	}
	if !strings.Contains(stdout.String(), `"outcome": "restart-pending"`) || !strings.Contains(stdout.String(), `"changed": true`) {
		t.Errorf("standard output: %s", stdout.String())
	}
	if got := s.addresses(t); len(got) != 2 {
		t.Errorf("the file has %v", got)
	}
}

func TestSystemdServiceStateIsListed(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	output, err := s.command("list-servers").CombinedOutput()
	if err != nil || !strings.Contains(string(output), "Service:       Octo-Tentacle-Test, running") {
		t.Errorf("%v\n%s", err, output)
	}
	if stdout, stderr := s.output(t, "list-servers", "--format=json"); stderr != "" || !strings.Contains(stdout, `"restartPending": false`) {
		t.Errorf("%s%s", stdout, stderr)
	}
	s.pollServer(t, "--server-comms-address="+s.cluster.Addresses()[1], "--no-restart")
	stdout, stderr := s.output(t, "list-servers")
	if !strings.Contains(stdout, "Octo-Tentacle-Test, running, with the list as it was before the last change\n") || !strings.Contains(stderr, "still uses the old list: a restart is pending") {
		t.Errorf("%s%s", stdout, stderr)
	}
	if stdout, _ := s.output(t, "list-servers", "--format=json"); !strings.Contains(stdout, `"restartPending": true`) {
		t.Error(stdout)
	}
}

// TestSystemdRegistrationWhoseRestartFailsSaysAllThatWasDone, and how to finish
// it for a service of another name.
func TestSystemdRegistrationWhoseRestartFailsSaysAllThatWasDone(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	s.writeFile(t, filepath.Join(s.folder, "broken"), "", 0o644)
	output, err := s.command("register-with", "--config="+s.config, "--service=Octo-Tentacle-Test", "--name=web01", "--environment=Development", "--role=web",
		"--comms-style=TentacleActive", "--server-comms-address="+s.cluster.Addresses()[1]).CombinedOutput()
	if err == nil {
		t.Fatalf("done:\n%s", output)
	}
	for _, want := range []string{"web01 is registered in space Default as Machines-", s.config + " is saved", "octo-tentacle restore-backup --latest", "did not stay up"} {
		if !strings.Contains(string(output), want) {
			t.Errorf("the error does not say %q:\n%s", want, output)
		}
	}
}

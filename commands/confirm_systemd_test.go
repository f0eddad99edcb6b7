//go:build linux

package commands_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// registeredScene is a systemdScene whose Tentacle polls all nodes, is registered and runs.
func registeredScene(t *testing.T) *systemdScene {
	t.Helper()
	s := newSystemdScene(t)
	s.run(t, 0, "register-with", "--name=web01", "--environment=Production", "--role=web", "--comms-style=TentacleActive", "--server-comms-address="+s.nodes())
	s.start(t)
	return s
}

func (s *systemdScene) content(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestSystemdAChangeThatWorksIsConfirmed(t *testing.T) {
	s := registeredScene(t)
	stdout, _ := s.run(t, 0, "configure", "--port=10940", "--confirm=1s")
	if want := "Confirmed: it stayed up for 1s, and 3 polled ports answer as before."; !strings.Contains(stdout, want) || s.starts(t) != 2 {
		t.Errorf("%d starts:\n%s", s.starts(t), stdout)
	}
	if stdout, _ = s.run(t, 0, "configure", "--port=10941", "--confirm=1s", "--format=json"); !strings.Contains(stdout, `"confirmed": true`) {
		t.Error(stdout)
	}
	stdout, _ = s.run(t, 0, "remove-server", s.cluster.Addresses()[2], "--force", "--confirm=1s")
	if !strings.Contains(stdout, "2 polled ports answer as before") {
		t.Error(stdout)
	}
	// A port that confirms the change is not asked again whether it accepts the Tentacle: each of
	// two is asked before the restart and after it, and the new one once.
	s.cluster.ResetRequests()
	stdout, _ = s.run(t, 0, "poll-server", "--server-comms-address="+s.cluster.Addresses()[2], "--confirm=1s")
	asked := 0
	for _, request := range s.cluster.Requests() {
		if strings.HasPrefix(request.Line, "MX-CLIENT") {
			asked++
		}
	}
	if !strings.Contains(stdout, "2 polled ports answer as before") || !strings.Contains(stdout, "Accepted by 3 of 3 polling ports.") || asked != 5 {
		t.Errorf("%d questions:\n%s", asked, stdout)
	}
	// Nothing changed, so there is nothing to confirm.
	if stdout, _ = s.run(t, 0, "configure", "--port=10941", "--confirm=5m"); !strings.Contains(stdout, "Nothing to change") {
		t.Error(stdout)
	}
}

func TestSystemdAChangeThatCutsTheTentacleOffIsUndone(t *testing.T) {
	s := registeredScene(t)
	before := s.content(t)
	ends := false // the service, so that systemd may start it as well
	undone := func(says string, arguments ...string) {
		t.Helper()
		starts := s.starts(t)
		stdout, stderr := s.run(t, 1, append(arguments, "--confirm=2s", "--format=json")...)
		if !strings.Contains(stdout, `"outcome": "undone"`) || !strings.Contains(stdout, `"changed": false`) || !strings.Contains(stdout, `"confirmed": false`) {
			t.Error(stdout)
		}
		if !strings.Contains(stderr, "the change was undone: ") || !strings.Contains(stderr, says) || !strings.Contains(stderr, "--confirm=0s") {
			t.Errorf("it does not say %q: %s", says, stderr)
		}
		if more := s.starts(t) - starts; s.content(t) != before || more < 2 || more > 2 && !ends {
			t.Errorf("%q: %d starts more, and the file is\n%s", arguments, more, s.content(t))
		}
		backups, err := tentacleconfig.Backups(s.config)
		if err != nil || len(backups) == 0 || !strings.Contains(stderr, backups[0].Path) {
			t.Fatalf("%v, or what was undone is not kept: %v\n%s", err, backups, stderr)
		}
		if kept, err := os.ReadFile(backups[0].Path); err != nil || string(kept) == before {
			t.Errorf("%v, or the backup is of the former configuration", err)
		}
	}
	// No node knows the new certificate.
	undone(s.cluster.Addresses()[1]+" does not accept this Tentacle", "new-certificate")
	// The proxy leads nowhere.
	undone(s.cluster.Addresses()[0]+" is not responding", "polling-proxy", "--proxyEnable=true", "--proxyHost=127.0.0.1", "--proxyPort=9", "--force")
	// The service ends after a while.
	s.writeFile(t, filepath.Join(s.folder, "short-lived"), s.config+"\n10950", 0o644)
	ends = true
	undone("did not stay up", "configure", "--port=10950")
}

func TestSystemdAChangeThatAnotherCommandBuiltOnIsNotUndone(t *testing.T) {
	s := registeredScene(t)
	cmd := s.command("new-certificate", "--confirm=3s")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "the service restarts", func() bool { return s.starts(t) == 2 })
	s.run(t, 0, "configure", "--port=10951", "--no-restart")
	after := s.content(t)
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 3 || !strings.Contains(stderr.String(), "is in use, but not confirmed") || !strings.Contains(stderr.String(), "another command has changed the file since") {
		t.Errorf("exit code %d: %s", cmd.ProcessState.ExitCode(), stderr.String())
	}
	if s.content(t) != after {
		t.Error("the other change is lost")
	}
}

// TestSystemdUndoingAChangeWaitsForADeployment that began while the change was to be confirmed.
func TestSystemdUndoingAChangeWaitsForADeployment(t *testing.T) {
	s := registeredScene(t)
	before := s.content(t)
	cmd := s.command("new-certificate", "--confirm=3s")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "the service restarts", func() bool { return s.starts(t) == 2 })
	s.runJob(t, "sleep 8; echo finished")
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 1 || s.content(t) != before || s.starts(t) != 3 || s.read(t, "job.out") != "finished\n" {
		t.Errorf("exit code %d, %d starts, the script said %q", cmd.ProcessState.ExitCode(), s.starts(t), s.read(t, "job.out"))
	}
}

// TestSystemdRestartAfterAScriptIsConfirmed: nobody is there to see that the script cut the
// Tentacle off.
func TestSystemdRestartAfterAScriptIsConfirmed(t *testing.T) {
	s := registeredScene(t)
	before := s.content(t)
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	s.writeFile(t, filepath.Join(s.folder, "short-lived"), s.config+"\n10952", 0o644)
	s.runJob(t, "export TentacleMachineConfigurationHomeDirectory="+s.home+"\n"+program+" configure --port=10952 --confirm=2s\n"+program+" configure --listenIpAddress=127.0.0.1 --confirm=2s\n")
	s.eventually(t, "the service restarts, and again with what it had before", func() bool { return s.starts(t) == 3 })
	s.eventually(t, "the former configuration is back", func() bool { return s.content(t) == before })
}

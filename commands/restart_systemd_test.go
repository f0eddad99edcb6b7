//go:build linux

package commands_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// runJob gives the service a script to run, and waits until it runs.
func (s *systemdScene) runJob(t *testing.T, script string) {
	t.Helper()
	s.writeFile(t, filepath.Join(s.folder, "job.tmp"), ": >job.begun\n"+script, 0o755)
	if err := os.Rename(filepath.Join(s.folder, "job.tmp"), filepath.Join(s.folder, "job")); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "the script runs", func() bool {
		_, err := os.Stat(filepath.Join(s.folder, "job.begun"))
		return err == nil
	})
}

func (s *systemdScene) eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func (s *systemdScene) read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestSystemdRestartWaitsForARunningScript(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	s.runJob(t, "sleep 3; echo finished")
	got := s.pollServer(t, "--server-comms-address="+s.cluster.Addresses()[1])
	if !got.Service.Restarted || s.starts(t) != 2 {
		t.Errorf("%+v, %d starts", got, s.starts(t))
	}
	if s.read(t, "job.out") != "finished\n" || s.read(t, "job.exit") != "0" {
		t.Errorf("the script was killed: %q", s.read(t, "job.out"))
	}
}

func TestSystemdRestartThatMayNotWaitIsPendingAndCanBeFinished(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	s.runJob(t, "sleep 4; echo finished")
	for i, wait := range []string{"--restart-wait=1s", "--restart-wait=0s"} {
		cmd := s.command("poll-server", "--format=json", wait, "--server-comms-address="+s.cluster.Addresses()[i+1])
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		if cmd.ProcessState.ExitCode() != 3 || !strings.Contains(stdout.String(), `"outcome": "restart-pending"`) {
			t.Errorf("%s: exit code %d, %s", wait, cmd.ProcessState.ExitCode(), stdout.String())
		}
		for _, want := range []string{"is saved", "a restart is pending", `octo-tentacle restart-service --instance='Octo Tentacle Test'`, "is still busy", "sh (pid "} {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: the error does not say %q:\n%s", wait, want, stderr.String())
			}
		}
		if s.starts(t) != 1 {
			t.Fatalf("%s: restarted anyway", wait)
		}
	}
	// What finds nothing to change says that a restart is pending, until it is done.
	declare := []string{"sync-servers", "--quiet", "--server-comms-address=" + strings.Join(s.cluster.Addresses(), ",")}
	for _, arguments := range [][]string{declare, {"poll-server", "--server-comms-address=" + s.cluster.Addresses()[1]}} {
		stdout, stderr := s.output(t, arguments...)
		if !strings.Contains(stderr, "warning: service Octo-Tentacle-Test started before ") || !strings.Contains(stderr, `to finish: octo-tentacle restart-service --instance='Octo Tentacle Test'`) {
			t.Errorf("%v: %s", arguments, stderr)
		}
		if arguments[1] == "--quiet" && stdout != "" {
			t.Errorf("%v: %s", arguments, stdout)
		}
	}
	if _, stderr := s.output(t, append(declare, "--no-restart")...); stderr != "" {
		t.Errorf("where somebody else restarts: %s", stderr)
	}
	if output, err := s.command("restart-service", "--instance=Octo Tentacle Test").CombinedOutput(); err != nil || s.starts(t) != 2 {
		t.Errorf("finishing: %v, %d starts\n%s", err, s.starts(t), output)
	}
	if stdout, stderr := s.output(t, declare...); stdout+stderr != "" {
		t.Errorf("finished: %s%s", stdout, stderr)
	}
	if s.read(t, "job.out") != "finished\n" {
		t.Errorf("the script was killed: %q", s.read(t, "job.out"))
	}
}

// output is what a command prints that has to exit with 0.
func (s *systemdScene) output(t *testing.T, arguments ...string) (stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	cmd := s.command(arguments...)
	cmd.Stdout, cmd.Stderr = &out, &err
	if failed := cmd.Run(); failed != nil {
		t.Fatalf("%v: %v\n%s%s", arguments, failed, out.String(), err.String())
	}
	return out.String(), err.String()
}

func TestSystemdWaitForAScriptCanBeInterrupted(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	s.runJob(t, "sleep 30")
	cmd := s.command("poll-server", "--server-comms-address="+s.cluster.Addresses()[1])
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "the change is saved", func() bool { return len(s.addresses(t)) == 2 })
	time.Sleep(200 * time.Millisecond)
	if err := interrupt(cmd.Process); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	want := "octo-tentacle: interrupted: " + s.config + " is saved, but its Tentacle does not use it yet: a restart is pending\n" +
		"  to finish: octo-tentacle restart-service --instance='Octo Tentacle Test'\n"
	if cmd.ProcessState.ExitCode() != 3 || stderr.String() != want || s.starts(t) != 1 {
		t.Errorf("exit code %d, %d starts\n%s", cmd.ProcessState.ExitCode(), s.starts(t), stderr.String())
	}
}

// TestSystemdScriptOfTheTentacleThatMayNotWaitIsRefused: its own script runs as
// long as it asks, so that nothing could be scheduled that would ever happen.
func TestSystemdScriptOfTheTentacleThatMayNotWaitIsRefused(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	s.runJob(t, fmt.Sprintf(`
export TentacleMachineConfigurationHomeDirectory=%s OCTOPUS_URL=%s OCTOPUS_API_KEY=%s
%s sync-servers --restart-wait=0s --server-comms-address=%s
`, s.home, s.cluster.URL(), octotest.APIKey, program, strings.Join(s.cluster.Addresses(), ",")))
	s.eventually(t, "the script ends", func() bool {
		_, err := os.Stat(filepath.Join(s.folder, "job.exit"))
		return err == nil
	})
	output := s.read(t, "job.out")
	if s.read(t, "job.exit") != "3" || !strings.Contains(output, "a restart is pending") || !strings.Contains(output, "--restart-wait=0s does not wait for that") {
		t.Errorf("exit %s:\n%s", s.read(t, "job.exit"), output)
	}
}

func TestSystemdServiceThatIsNotThereCannotBeRestarted(t *testing.T) {
	s := newSystemdScene(t)
	output, err := s.command("restart-service", "--service=octo-tentacle-no-such-service").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "there is no service octo-tentacle-no-such-service here") {
		t.Errorf("%v\n%s", err, output)
	}
}

func TestSystemdRestartNowDoesNotWait(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	s.runJob(t, "sleep 30")
	if got := s.pollServer(t, "--restart-now", "--server-comms-address="+s.cluster.Addresses()[1]); !got.Service.Restarted || s.starts(t) != 2 {
		t.Errorf("%+v, %d starts", got, s.starts(t))
	}
}

// TestSystemdRunByItsOwnTentacle: a runbook runs octo-tentacle on a target. Its
// script ends with exit 0 and its whole output, and then the service restarts,
// once, although the program is deleted meanwhile and several steps change
// something.
func TestSystemdRunByItsOwnTentacle(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	nodes := s.cluster.Addresses()
	s.runJob(t, fmt.Sprintf(`
export TentacleMachineConfigurationHomeDirectory=%[1]s OCTOPUS_URL=%[2]s OCTOPUS_API_KEY=%[3]s
mkdir work && cp -L %[4]s work/octo-tentacle || exit 3
work/octo-tentacle sync-servers --server-comms-address=%[5]s,%[6]s || exit 4
work/octo-tentacle sync-servers --server-comms-address=%[5]s,%[6]s,%[7]s || exit 5
rm -r work
sleep 2
echo the end
`, s.home, s.cluster.URL(), octotest.APIKey, program, nodes[0], nodes[1], nodes[2]))
	s.eventually(t, "the script ends", func() bool {
		_, err := os.Stat(filepath.Join(s.folder, "job.exit"))
		return err == nil
	})
	if s.starts(t) != 1 {
		t.Error("the service was restarted while its script ran")
	}
	output := s.read(t, "job.out")
	if s.read(t, "job.exit") != "0" || !strings.HasSuffix(output, "the end\n") || strings.Count(output, "Restart scheduled") != 2 {
		t.Errorf("exit %s:\n%s", s.read(t, "job.exit"), output)
	}
	s.eventually(t, "the service restarts", func() bool { return s.starts(t) == 2 })
	time.Sleep(4 * time.Second) // and not again
	if s.starts(t) != 2 {
		t.Errorf("%d starts", s.starts(t))
	}
	if got := s.addresses(t); len(got) != 3 {
		t.Errorf("polled: %v", got)
	}
}

// TestSystemdInterruptedRestartIsReportedAsPending: systemd goes on with what it was asked.
func TestSystemdInterruptedRestartIsReportedAsPending(t *testing.T) {
	needInterrupts(t)
	s := newSystemdScene(t)
	s.start(t)
	cmd := s.command("restart-service", "--instance=Octo Tentacle Test")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "the service restarts", func() bool { return s.starts(t) == 2 })
	if err := interrupt(cmd.Process); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if text := stderr.String(); cmd.ProcessState.ExitCode() != 3 || strings.Contains(text, "nothing was changed") || !strings.Contains(text, "the restart of service Octo-Tentacle-Test was requested") {
		t.Errorf("exit code %d: %s", cmd.ProcessState.ExitCode(), text)
	}
}

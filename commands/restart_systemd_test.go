//go:build linux

package commands_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
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
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
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
	cmd := s.command("poll-server", "--server-comms-address="+s.nodes())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "the change is saved", func() bool { return len(s.addresses(t)) == 3 })
	time.Sleep(200 * time.Millisecond)
	if err := interrupt(cmd.Process); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	want := "octo-tentacle: interrupted: " + s.config + " is saved, but its Tentacle does not use it yet: a restart is pending\n" +
		"  to finish: octo-tentacle restart-service --instance='Octo Tentacle Test'\n"
	if cmd.ProcessState.ExitCode() != 3 || !strings.HasSuffix(stderr.String(), want) || s.starts(t) != 1 {
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
	if s.read(t, "job.exit") != "1" || !strings.Contains(output, "--restart-wait=0s does not wait for that") || !strings.Contains(output, "nothing was changed") {
		t.Errorf("exit %s:\n%s", s.read(t, "job.exit"), output)
	}
	if got := s.addresses(t); len(got) != 1 {
		t.Errorf("it was saved: %v", got)
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

func TestSystemdTwoCommandsAtOnceBothSucceed(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	var both sync.WaitGroup
	for _, address := range s.cluster.Addresses()[1:] {
		both.Go(func() {
			output, err := s.command("poll-server", "--server-comms-address="+address).CombinedOutput()
			if err != nil || !strings.Contains(string(output), "Saved; service Octo-Tentacle-Test was restarted.") {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
	both.Wait()
	if got := s.addresses(t); len(got) != 3 || s.starts(t) > 3 {
		t.Errorf("polled: %v, %d starts", got, s.starts(t))
	}
	if stdout, stderr := s.output(t, "sync-servers", "--quiet", "--server-comms-address="+strings.Join(s.cluster.Addresses(), ",")); stdout+stderr != "" {
		t.Errorf("afterwards: %s%s", stdout, stderr)
	}
	s.isNotMarked(t)
}

func TestSystemdServiceThatAnotherCommandHasLeftDownIsStarted(t *testing.T) {
	s := newSystemdScene(t)
	s.addToUnit(t, "Restart=no")
	s.start(t)
	const name = "Octo-Tentacle-Test"
	unlock, err := service.Lock(t.Context(), name, nil) // as the other one
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	cmd := s.command("poll-server", "--server-comms-address="+s.cluster.Addresses()[1])
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "the change is saved", func() bool { return len(s.addresses(t)) == 2 })
	time.Sleep(500 * time.Millisecond)
	if s.starts(t) != 1 {
		t.Error("it does not wait for the other one")
	}
	if err := tentacleconfig.SetRestartMark(s.config, name); err != nil {
		t.Fatal(err)
	}
	s.systemctl(t, "kill", "--signal=KILL", s.unit)
	s.eventually(t, "the service is down", func() bool { return systemctlSays(t, "is-active", s.unit) == "failed" })
	unlock()
	if err := cmd.Wait(); err != nil || !strings.Contains(output.String(), "Saved; service Octo-Tentacle-Test was restarted.") || s.starts(t) != 2 {
		t.Errorf("%v, %d starts\n%s", err, s.starts(t), &output)
	}
	s.isNotMarked(t)
}

// isNotMarked requires that nothing is left that says that a restart came to no end.
func (s *systemdScene) isNotMarked(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(filepath.Dir(s.config), ".*restarting*"))
	if len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// addToUnit adds settings of the [Service] section to the unit.
func (s *systemdScene) addToUnit(t *testing.T, settings string) {
	t.Helper()
	folder := filepath.Join("/run/systemd/system", s.unit+".d")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	s.writeFile(t, filepath.Join(folder, "test.conf"), "[Service]\n"+settings+"\n", 0o644)
	s.systemctl(t, "daemon-reload")
}

// TestSystemdServiceThatARestartHasLeftDownIsStartedAgain: octo-tentacle is killed
// when the service does not start again.
func TestSystemdServiceThatARestartHasLeftDownIsStartedAgain(t *testing.T) {
	for what, arguments := range map[string][]string{
		"by a command that has nothing to change": {"poll-server", "--server-comms-address="},
		"by a change":         {"configure", "--port=10999"},
		"by restart-service":  {"restart-service"},
		"on purpose, stopped": {"configure", "--port=10999"},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSystemdScene(t)
			s.addToUnit(t, "Restart=no")
			s.start(t)
			s.writeFile(t, filepath.Join(s.folder, "broken"), "", 0o644)
			cmd := s.command("poll-server", "--server-comms-address="+s.cluster.Addresses()[1])
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			s.eventually(t, "the service is down", func() bool { return s.starts(t) == 2 && systemctlSays(t, "is-active", s.unit) == "failed" })
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			output, _ := s.command("check").CombinedOutput()
			for _, want := range []string{"was stopped for a restart and does not run: it is failed (exit status 7)", "the stand-in is broken", "fix (only if the last change is the cause): octo-tentacle restore-backup --latest "} {
				if !strings.Contains(string(output), want) {
					t.Errorf("check does not say %q:\n%s", want, output)
				}
			}
			if _, stderr := s.output(t, "list-servers"); !strings.Contains(stderr, "was stopped for a restart earlier, and does not run: it is failed (exit status 7)\n") ||
				!strings.Contains(stderr, "\n  to start it: octo-tentacle restart-service --instance=") || !strings.Contains(stderr, "restore-backup --latest") {
				t.Errorf("list-servers: %s", stderr)
			}
			if err := os.Remove(filepath.Join(s.folder, "broken")); err != nil {
				t.Fatal(err)
			}
			if what == "on purpose, stopped" {
				s.output(t, "service", "--stop", "--instance=Octo Tentacle Test")
			}
			if last := len(arguments) - 1; strings.HasSuffix(arguments[last], "=") {
				arguments[last] += s.cluster.Addresses()[1]
			}
			stdout, _ := s.output(t, append(arguments, "--instance=Octo Tentacle Test")...)
			started, want := systemctlSays(t, "is-active", s.unit) == "active", what != "on purpose, stopped"
			if started != want || strings.Contains(stdout, "was started") != want || strings.Contains(stdout, "left alone") == want || strings.Contains(stdout, "Nothing to change") {
				t.Errorf("started: %v\n%s", started, stdout)
			}
			s.isNotMarked(t)
		})
	}
}

func TestSystemdRestartGoesOnWithoutTheCommandThatWasKilled(t *testing.T) {
	s := newSystemdScene(t)
	s.addToUnit(t, "ExecStop=/bin/sleep 2")
	s.start(t)
	cmd := s.command("poll-server", "--server-comms-address="+s.nodes())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "the service stops", func() bool { return systemctlSays(t, "is-active", s.unit) == "deactivating" })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s.eventually(t, "the service runs", func() bool { return systemctlSays(t, "is-active", s.unit) == "active" && s.starts(t) == 2 })
	if stdout, stderr := s.output(t, "poll-server", "--server-comms-address="+s.nodes()); !strings.Contains(stdout, "Nothing to change") || stderr != "" || s.starts(t) != 2 {
		t.Errorf("%d starts\n%s%s", s.starts(t), stdout, stderr)
	}
	s.isNotMarked(t)
}

func TestSystemdServiceThatFailedIsStartedUnlessItWasToldToEnd(t *testing.T) {
	s := newSystemdScene(t)
	s.addToUnit(t, "Restart=no\nExecStart=\nExecStart=/bin/sh -c 'trap \"exit $(cat "+s.folder+"/exit)\" TERM; while :; do sleep 0.1; done'")
	for _, test := range []struct{ code, want string }{
		{"143", "Service Octo-Tentacle-Test is failed and was left alone.\n"},
		{"7", "Service Octo-Tentacle-Test was started: it was not running.\n"},
	} {
		s.writeFile(t, filepath.Join(s.folder, "exit"), test.code, 0o644)
		s.systemctl(t, "start", s.unit)
		time.Sleep(300 * time.Millisecond) // until the shell has its trap
		s.systemctl(t, "stop", s.unit)
		if stdout, stderr := s.output(t, "restart-service", "--instance=Octo Tentacle Test"); stdout != test.want || stderr != "" {
			t.Errorf("exit code %s: %s%s", test.code, stdout, stderr)
		}
	}
}

func TestSystemdCrashLoopIsCalledOneInEveryReport(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	s.writeFile(t, filepath.Join(s.folder, "broken"), "", 0o644)
	instance, address := "--instance=Octo Tentacle Test", "--server-comms-address="+s.cluster.Addresses()[1]
	for _, step := range []struct {
		arguments []string
		code      int
		says      []string
	}{
		{[]string{"poll-server", address, "--format=json"}, 3, []string{`"state": "crashing"`, "does not start with it", "the stand-in is broken", "restore-backup --latest"}},
		{[]string{"poll-server", address}, 0, []string{"Nothing to change.", "warning: service Octo-Tentacle-Test does not stay up: it is crashing", "the stand-in is broken", "status=7", "restore-backup --latest"}},
		{[]string{"list-servers"}, 0, []string{"Service:       Octo-Tentacle-Test, crashing\n", "does not stay up", "the stand-in is broken", "restore-backup --latest"}},
		{[]string{"check"}, 1, []string{"service Octo-Tentacle-Test does not stay up: it is crashing", "the stand-in is broken", "fix (only if the last change is the cause): octo-tentacle restore-backup --latest"}},
		{[]string{"service", "--start"}, 1, []string{"was started but did not stay up (exit status 7)", "the stand-in is broken", "restore-backup --latest"}},
		{[]string{"restart-service"}, 3, []string{"service Octo-Tentacle-Test does not run now", "did not stay up (exit status 7)", "the stand-in is broken", "restore-backup --latest"}},
		{[]string{"checkservices", "--instances=*"}, 0, []string{"is started again by the service manager each time it ends", "does not stay up"}},
	} {
		if step.arguments[0] != "checkservices" {
			step.arguments = append(step.arguments, instance)
		}
		cmd := s.command(step.arguments...)
		output, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != step.code {
			t.Errorf("%v: exit code %d\n%s", step.arguments, code, output)
		}
		for _, want := range step.says {
			if !strings.Contains(string(output), want) {
				t.Errorf("%v does not say %q:\n%s", step.arguments, want, output)
			}
		}
	}
	if err := os.Remove(filepath.Join(s.folder, "broken")); err != nil {
		t.Fatal(err)
	}
	// The backup does not poll the second node, which answers. That is no objection now.
	if stdout, stderr := s.output(t, "restore-backup", "--latest", instance); !strings.Contains(stdout, "was restarted") || !strings.Contains(stdout, "  - "+s.cluster.Addresses()[1]) || stderr != "" {
		t.Errorf("%s%s", stdout, stderr)
	}
	if stdout, stderr := s.output(t, "list-servers", instance); !strings.Contains(stdout, ", running\n") || stderr != "" {
		t.Errorf("afterwards: %s%s", stdout, stderr)
	}
	s.isNotMarked(t)
}

// scriptOf is a script of the Tentacle that runs octo-tentacle, as octo-tentacle.
func (s *systemdScene) scriptOf(t *testing.T, script string) string {
	t.Helper()
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("export TentacleMachineConfigurationHomeDirectory=%s OCTOPUS_URL=%s OCTOPUS_API_KEY=%s\nPATH=%s:$PATH\n%s\n",
		s.home, s.cluster.URL(), octotest.APIKey, filepath.Dir(program), script)
}

func TestSystemdScriptOfTheTentacleIsToldBeforeItIsEnded(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	s.runJob(t, s.scriptOf(t, "octo-tentacle sync-servers --restart-now --server-comms-address="+strings.Join(s.cluster.Addresses(), ",")+" >told; sleep 60"))
	s.eventually(t, "the service restarts", func() bool { return s.starts(t) == 2 })
	if told := s.read(t, "told"); !strings.Contains(told, "octo-tentacle-restart-Octo-Tentacle-Test-now.service restarts as soon as this command ends, which ends the script") {
		t.Errorf("it said\n%s", told)
	}
}

func TestSystemdScriptOfTheTentacleHasTheTimeThatItAskedFor(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	// What an earlier step has scheduled waits for a day; this one does not.
	first, all := strings.Join(s.cluster.Addresses()[:2], ","), strings.Join(s.cluster.Addresses(), ",")
	s.runJob(t, s.scriptOf(t, "octo-tentacle sync-servers --server-comms-address="+first+"; octo-tentacle sync-servers --restart-wait=1s --server-comms-address="+all+"; while [ ! -e "+filepath.Join(s.folder, "over")+" ]; do sleep 0.1; done"))
	said := func() string {
		output, _ := exec.Command("journalctl", "-o", "cat", "-u", "octo-tentacle-restart-Octo-Tentacle-Test-1s").Output()
		return string(output)
	}
	s.eventually(t, "the restart is given up", func() bool { return strings.Contains(said(), "is still busy after 1s") })
	if s.starts(t) != 1 {
		t.Errorf("%d starts", s.starts(t))
	}
	// Nobody reads what it says: the history has it.
	s.eventually(t, "it is recorded", func() bool {
		entries := s.history(t)
		return len(entries) > 0 && entries[0].Outcome == "failed"
	})
	if e := s.history(t)[0]; !strings.Contains(e.Error, "is still busy after 1s") || e.Restart != history.RestartPending || e.Outcome != "failed" {
		t.Errorf("recorded is %+v", e)
	}
	s.writeFile(t, filepath.Join(s.folder, "over"), "", 0o644)
	s.eventually(t, "the service restarts", func() bool { return s.starts(t) == 2 })
}

func TestSystemdUserWhoMayNotRestartIsToldBeforeAnythingIsSaved(t *testing.T) {
	m := newServiceMachine(t, "Told First")
	m.mustDo(t, "install start", "running", "--install", "--start", "--tentacle="+m.program)
	config := m.config("Told First")
	program := filepath.Join(m.folder, "octo-tentacle")
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	if err := errors.Join(os.WriteFile(program, binary, 0o755), os.Chmod(m.folder, 0o755), os.Chmod(filepath.Dir(m.folder), 0o755),
		os.Chown(config, nobody, nobody), os.Chown(filepath.Dir(config), nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	run := func(wantCode int, says string, arguments ...string) {
		t.Helper()
		cmd := exec.Command(program, append(arguments, "--config="+config, "--service=Told-First")...)
		cmd.Env = append(os.Environ(), "TentacleMachineConfigurationHomeDirectory="+m.home)
		cmd.Dir = m.folder
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		output, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != wantCode || !strings.Contains(string(output), says) {
			t.Errorf("%v: exit code %d\n%s", arguments, code, output)
		}
	}
	before, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	run(1, "octo-tentacle: not allowed to restart the service Told-First\n  nothing was changed; to save the change", "configure", "--port=10999")
	if after, err := os.ReadFile(config); err != nil || string(after) != string(before) {
		t.Errorf("%v: the file was changed to\n%s", err, after)
	}
	if backups, err := filepath.Glob(config + ".bak-*"); len(backups) > 0 || err != nil {
		t.Errorf("backups: %v, %v", backups, err)
	}
	run(0, "Saved; service Told-First still runs with the old configuration", "configure", "--port=10999", "--no-restart")
	run(0, "Nothing to change.", "configure", "--port=10999")
	run(1, "skipped  it was not checked whether an environment variable overrides the file\n"+
		"           not all that sets variables of the service can be read: ", "check")
	if runs := m.runs(t); len(runs) != 1 {
		t.Errorf("starts: %q", runs)
	}
}

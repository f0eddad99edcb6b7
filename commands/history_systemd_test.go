//go:build linux

package commands_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestSystemdHistorySaysWhatBecameOfTheService(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	for _, step := range []struct {
		arguments     []string
		restart, done string
		outcome       string
	}{
		{[]string{"configure", "--port=10940"}, history.Restarted, "", "changed"},
		{[]string{"configure", "--port=10941", "--no-restart"}, history.RestartPending, "", "changed"},
		{[]string{"restart-service", "--instance=Octo Tentacle Test"}, history.Restarted, "service Octo-Tentacle-Test was restarted", "changed"},
		{[]string{"restart-service", "--service=Octo-Tentacle-Test"}, history.Restarted, "service Octo-Tentacle-Test was restarted", "changed"},
		{[]string{"service", "--stop"}, "", "service Octo-Tentacle-Test was stopped", "changed"},
		{[]string{"service", "--stop"}, "", "service Octo-Tentacle-Test was stopped", "changed"}, // nothing to do, so that it is the same entry
		{[]string{"configure", "--port=10942"}, "", "", "changed"},
		{[]string{"checkservices", "--instances=*"}, "", "service Octo-Tentacle-Test was started", "changed"},
	} {
		s.output(t, step.arguments...)
		e := s.history(t)[0]
		if !strings.HasPrefix(e.Command, "octo-tentacle "+step.arguments[0]) || e.Restart != step.restart || strings.Join(e.Done, ", ") != step.done || e.Outcome != step.outcome {
			t.Errorf("%q: recorded is %+v", step.arguments, e)
		}
	}
	if entries := s.history(t); len(entries) != 7 {
		t.Errorf("there are %d entries", len(entries))
	}

	// What is saved, and whose restart failed, is recorded with that.
	s.writeFile(t, filepath.Join(s.folder, "broken"), "", 0o644)
	if output, err := s.command("configure", "--port=10943", "--reason=it breaks").CombinedOutput(); err == nil {
		t.Errorf("done: %s", output)
	}
	if e := s.history(t)[0]; e.Restart != history.RestartPending || e.Outcome != "restart-pending" || e.Reason != "it breaks" || !strings.Contains(e.Error, "did not stay up") || len(e.Settings) != 1 || e.Backup == "" {
		t.Errorf("recorded is %+v", e)
	}
	if stdout, _ := s.output(t, "history", "--last=1"); !strings.Contains(stdout, "= 10943; restart pending ") {
		t.Errorf("shown is %s", stdout)
	}
}

// TestSystemdHistoryNamesTheTaskOfARunbook: the script of a task changes something, and what
// restarts the service afterwards is recorded, too.
func TestSystemdHistoryNamesTheTaskOfARunbook(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	s.runJob(t, fmt.Sprintf(`
export TentacleMachineConfigurationHomeDirectory=%s OCTOPUS_URL=%s OCTOPUS_API_KEY=%s
mkdir -p Work/20261126041500-4711-1/package && cd Work/20261126041500-4711-1/package || exit 3
%s sync-servers --confirm=1s --server-comms-address=%s --reason='of a runbook'
`, s.home, s.cluster.URL(), octotest.APIKey, program, strings.Join(s.cluster.Addresses(), ",")))
	s.eventually(t, "the script ends", func() bool {
		_, err := os.Stat(filepath.Join(s.folder, "job.exit"))
		return err == nil
	})
	if s.read(t, "job.exit") != "0" {
		t.Fatalf("exit %s:\n%s", s.read(t, "job.exit"), s.read(t, "job.out"))
	}
	if e := s.history(t)[0]; e.Task != "ServerTasks-4711" || e.Restart != history.RestartLater || len(e.Added) != 2 || e.Reason != "of a runbook" {
		t.Errorf("recorded is %+v", e)
	}
	s.eventually(t, "the history has the restart", func() bool { return s.history(t)[0].Restart == history.Restarted })
	if e := s.history(t)[0]; e.Task != "ServerTasks-4711" || e.Reason != "of a runbook" || !strings.Contains(e.Command, "restart-service") {
		t.Errorf("recorded of the restart is %+v", e)
	}
	journal := func(match string) string {
		output, err := exec.Command("journalctl", "--no-pager", "-o", "cat", "-t", "octo-tentacle", match).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		return string(output)
	}
	s.eventually(t, "the journal has the change", func() bool {
		return strings.Contains(journal("OCTO_TENTACLE_TASK=ServerTasks-4711"), "root ran octo-tentacle sync-servers ")
	})
	s.eventually(t, "the journal has the restart", func() bool {
		return strings.Contains(journal("OCTO_TENTACLE_RESTART=restarted"), "octo-tentacle restart-service --service=Octo-Tentacle-Test ")
	})
}

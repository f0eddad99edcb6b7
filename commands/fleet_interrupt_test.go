package commands_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// startFleet starts fleet on a cluster whose tasks never end, and waits until one runs.
func startFleet(t *testing.T, s *scene) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	err := s.cluster.AddMachine(octotest.Machine{Name: "web1", Thumbprint: strings.Repeat("A", 40), Subscription: "poll://aaaaaaaa000000000001/", Polls: s.cluster.Addresses()})
	if err != nil {
		t.Fatal(err)
	}
	s.cluster.SetTasksHang(true)
	cmd = s.command("fleet")
	interruptible(cmd)
	stderr = &bytes.Buffer{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waits := func(r octotest.Request) bool {
		return r.Method == http.MethodGet && strings.Contains(r.Path, "/tasks/ServerTasks-")
	}
	for end := time.Now().Add(30 * time.Second); !slices.ContainsFunc(s.cluster.Requests(), waits); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no task is waited for")
		}
	}
	return cmd, stderr
}

// TestCtrlCCancelsWhatFleetHasStarted, or says what runs on where the account may not do that.
func TestCtrlCCancelsWhatFleetHasStarted(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	for _, c := range []struct {
		mayCancel bool
		says      string
		task      string
	}{
		{true, "octo-tentacle: interrupted: 1 task has been started, and changed nothing on the machines\n", "ServerTasks-1 AdHocScript Canceled 1"},
		{false, "octo-tentacle: interrupted: 1 task has been started, and changed nothing on the machines; still running on the server: ServerTasks-1\n", "ServerTasks-1 AdHocScript Executing 1"},
	} {
		t.Run(fmt.Sprint(c.mayCancel), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "Tentacle", octotest.Options{})
			s.cluster.SetForbidden(func(_, path string) bool { return !c.mayCancel && strings.HasSuffix(path, "/cancel") })
			cmd, stderr := startFleet(t, s)
			if err := interrupt(cmd.Process); err != nil {
				t.Fatal(err)
			}
			ended, is := errors.AsType[*exec.ExitError](cmd.Wait())
			if !is || ended.ExitCode() != 4 || stderr.String() != c.says {
				t.Errorf("%v, said %q", ended, stderr)
			}
			if got := s.cluster.StartedTasks(); !slices.Equal(got, []string{c.task}) {
				t.Errorf("%q", got)
			}
		})
	}
}

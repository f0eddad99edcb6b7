package commands_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestAHealthCheckThatIsInterruptedGoesOnAtTheServer(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	s := newScene(t, "Tentacle", octotest.Options{NAT: true})
	registered(false)(t, s)
	s.trusts(t, s.entry(0), s.entry(1), s.entry(2))
	cmd := s.command("check", "--prove")
	interruptible(cmd)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waits := func(r octotest.Request) bool {
		return r.Method == "GET" && strings.Contains(r.Path, "/tasks/ServerTasks-1")
	}
	for end := time.Now().Add(30 * time.Second); !slices.ContainsFunc(s.cluster.Requests(), waits); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no health check is waited for")
		}
	}
	if err := interrupt(cmd.Process); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 4 || stdout.Len() > 0 ||
		!strings.Contains(stderr.String(), "interrupted: the health check ServerTasks-1 was started, and goes on without this command") {
		t.Errorf("%v, printed %q, said %q", err, stdout.String(), stderr.String())
	}
	if sent := s.written(); len(sent) != 1 {
		t.Errorf("sent %q", sent)
	}
}

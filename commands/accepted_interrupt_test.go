package commands_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestCtrlCEndsTheQuestionWhetherPortsAcceptAndNotTheReport interrupts a command that waits for a
// node which hangs, once its change is made.
func TestCtrlCEndsTheQuestionWhetherPortsAcceptAndNotTheReport(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	s := newScene(t, "Tentacle", octotest.Options{})
	registered(false)(t, s)
	if err := s.cluster.SetNodeFault(1, octotest.NodeFault{Hangs: true}); err != nil {
		t.Fatal(err)
	}
	cmd := s.command("poll-server", "--server-comms-address="+s.cluster.Addresses()[2])
	interruptible(cmd)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	asks := func(r octotest.Request) bool { return strings.HasPrefix(r.Line, "MX-CLIENT") }
	for end := time.Now().Add(30 * time.Second); !slices.ContainsFunc(s.cluster.Requests(), asks); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no port is asked")
		}
	}
	if err := interrupt(cmd.Process); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if err != nil || !strings.Contains(stdout.String(), "+ "+s.cluster.Addresses()[2]) || strings.Contains(stdout.String(), "Accepted") ||
		!strings.Contains(stderr.String(), "warning: interrupted: it was not found out whether every polled port accepts this Tentacle\n") {
		t.Errorf("%v, printed %q, said %q", err, stdout.String(), stderr.String())
	}
}

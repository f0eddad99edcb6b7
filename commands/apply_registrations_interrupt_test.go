package commands_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestApplyThatIsInterruptedBetweenTwoRegistrationsIsFinishedByTheNext interrupts apply while it
// waits for the answer about the second registration.
func TestApplyThatIsInterruptedBetweenTwoRegistrationsIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	s := newScene(t, "Tentacle", octotest.Options{})
	if err := s.cluster.AddMachine(octotest.Machine{Space: "Spaces-2", Name: "elsewhere", Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(s.config), "tentacle.yaml")
	if err := os.WriteFile(file, []byte("nodes: ["+strings.Join(s.cluster.Addresses(), ", ")+`]
registrations:
- {name: web01, environments: [Production], roles: [web]}
- {kind: worker, name: build01, workerPools: [Windows Pool]}
`), 0o644); err != nil {
		t.Fatal(err)
	}
	s.cluster.SetAPIFault(octotest.APIFault{Path: "workers", Write: true, Hang: true})
	cmd := s.command("apply", "--file="+file)
	interruptible(cmd)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sends := func(r octotest.Request) bool { return r.Method == "POST" && strings.HasSuffix(r.Path, "/workers") }
	for end := time.Now().Add(30 * time.Second); !slices.ContainsFunc(s.cluster.Requests(), sends); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the second is not sent")
		}
	}
	if err := interrupt(cmd.Process); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(stderr.String(), "web01 is registered in space Default as Machines-") ||
		!strings.Contains(stderr.String(), "it is not known whether worker build01 in space Default was registered") {
		t.Errorf("exit code %d, said %q", code, stderr.String())
	}
	s.cluster.SetAPIFault(octotest.APIFault{})
	stdout, _ := s.run(t, 0, "apply", "--file="+file)
	if !strings.Contains(stdout, "web01 already exists in space Default") || !strings.Contains(stdout, "build01 is registered in space Default") {
		t.Errorf("the next: %s", stdout)
	}
	if stdout, _ := s.run(t, 0, "apply", "--file="+file); !strings.Contains(stdout, "Nothing to change") {
		t.Errorf("the one after it: %s", stdout)
	}
}

//go:build linux || windows

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAStartIsTriedAgainWhereThatMayHelp(t *testing.T) {
	failed, crashed := &StartError{Err: errors.New("it failed")}, &StartError{Err: errors.New("it ended"), Crashed: true}
	pauses := usualTiming.pauses
	for _, c := range []struct {
		what string
		err  error
		want []time.Duration
	}{
		{"no failure", nil, nil},
		{"not allowed", errors.New("not allowed"), nil},
		{"it cannot help", &StartError{Err: errors.New("it is disabled"), Final: true}, nil},
		{"a start that failed", failed, pauses},
		{"a process that ended", fmt.Errorf("wrapped: %w", crashed), pauses[:maxCrashes-1]},
	} {
		var got []time.Duration
		for tries := newTries(timing{}); ; {
			pause, again := tries.next(c.err)
			if !again {
				break
			}
			got = append(got, pause)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: tried again after %v, not %v", c.what, got, c.want)
		}
	}
}

func TestTheEndOfALogIsShownWithoutSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "OctopusTentacle.txt")
	long := strings.Repeat("x", 300)
	text := strings.Repeat("an old line\n", 5000) + "started\n\n  password: hunter22\r\n" + long + "\nhttps://me:hunter22@proxy\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := LastWords(t.Context(), "octo-tentacle-no-such-service", file, 4)
	want := []string{"started", "password: ********", long[:logLine] + "…", "https://********@proxy"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	for _, none := range []string{"", filepath.Dir(file), file + ".1"} {
		if got := LastWords(t.Context(), "octo-tentacle-no-such-service", none, 4); len(got) > 0 {
			t.Errorf("%q has the lines %q", none, got)
		}
	}
}

func TestAServiceThatWasStartedAgainRunsOnceItHasLivedForAWhile(t *testing.T) {
	now := time.Date(2026, 8, 1, 10, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		status Status
		want   State
	}{
		{Status{State: Running, Started: now.Add(-time.Second)}, Running},
		{Status{State: Running, Started: now.Add(-time.Second), Restarts: 1}, Crashing},
		{Status{State: Running, Started: now.Add(-2 * time.Minute), Restarts: 9}, Running},
		{Status{State: Running, Restarts: 9}, Running}, // since when is not known
		{Status{State: Failed, Restarts: 9}, Failed},
		{Status{State: Crashing}, Crashing},
	} {
		if got := c.status.seen(now); got.State != c.want {
			t.Errorf("%+v is seen as %s", c.status, got.State)
		}
	}
}

func TestTheEndOfAProcessIsWaitedFor(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command(self, "-test.run=^$")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if !exists(os.Getpid()) {
		t.Error("this process does not exist")
	}
	ended := make(chan error, 1)
	go func() { ended <- other.Wait() }()
	WaitForExit(t.Context(), other.Process.Pid)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it was not waited for")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	WaitForExit(ctx, os.Getpid()) // returns
}

package service

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// outside is a detached process, which leaves its work when there is a file "leave" in the folder,
// takes it up again with "again", and ends with "end". It says with files what it has done.
func outside(folder string) int {
	d, err := TakeUpDetached()
	if d == nil || err != nil {
		return 3
	}
	does := func(one ...string) (what string) {
		for {
			for _, what := range one {
				if _, err := os.Stat(filepath.Join(folder, what)); err == nil {
					return what
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	did := func(what string) { _ = os.WriteFile(filepath.Join(folder, what), nil, 0o600) }
	did("runs")
	does("leave")
	d.Leave()
	did("left")
	if does("again", "end") == "again" && d.TakeUpAgain() {
		did("took")
	}
	does("end")
	return 0
}

func TestSystemdWhatIsWantedWhileADetachedProcessEndsIsNotLost(t *testing.T) {
	t.Parallel()
	needSystemd(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	first, second := t.TempDir(), t.TempDir()
	put := func(folder, name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	has := func(folder, name string) func() bool {
		return func() bool { _, err := os.Stat(filepath.Join(folder, name)); return err == nil }
	}
	start := func(folder string) error {
		unit, err := StartDetached(t.Context(), "the-end", "a test", []string{self, "outside", folder})
		if unit != "octo-tentacle-the-end.service" {
			t.Errorf("the unit is %s", unit)
		}
		return err
	}
	t.Cleanup(func() {
		for _, what := range []string{"leave", "end"} {
			put(first, what)
			put(second, what)
		}
	})
	// While it takes care, nothing else is started.
	if err := start(first); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the process", has(first, "runs"))
	if err := start(second); err != nil || has(second, "runs")() {
		t.Fatalf("%v, or another one was started", err)
	}
	// When it has left its work and is about to end, another one is started after that.
	put(first, "leave")
	waitFor(t, "that it leaves", has(first, "left"))
	started := make(chan error, 1)
	go func() { started <- start(second) }()
	time.Sleep(300 * time.Millisecond)
	if has(second, "runs")() {
		t.Fatal("another one was started while the first one runs")
	}
	put(first, "end")
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	waitFor(t, "another process", has(second, "runs"))
	// Where it takes up its work again, that is relied on.
	put(second, "leave")
	waitFor(t, "that it leaves", has(second, "left"))
	put(second, "again")
	waitFor(t, "that it takes its work up again", has(second, "took"))
	if err := start(first); err != nil {
		t.Error(err)
	}
}

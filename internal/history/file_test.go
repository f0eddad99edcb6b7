package history

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logs is a Logs folder that does not exist yet, in one that does.
func logs(t *testing.T) string { return filepath.Join(t.TempDir(), "Logs") }

func appendTo(t *testing.T, folder string, e Entry) {
	t.Helper()
	if err := Append(folder, e); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, folder string) []Entry {
	t.Helper()
	entries, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestWhatIsWrittenIsReadTheNewestFirst(t *testing.T) {
	folder := logs(t)
	if entries, err := Read(folder); len(entries) != 0 || err != nil {
		t.Fatalf("before anything is written: %v, %v", entries, err)
	}
	first, second := change(), change()
	second.Time = second.Time.Add(time.Second)
	second.Reason = "a \"quoted\"\nreason with \x1b[2J and <é>"
	appendTo(t, folder, first)
	appendTo(t, folder, second)
	if difference := cmp.Diff([]Entry{second, first}, read(t, folder)); difference != "" {
		t.Error(difference)
	}
	content, err := os.ReadFile(filepath.Join(folder, FileName))
	if err != nil || bytes.Count(content, []byte("\n")) != 2 || bytes.Contains(content, []byte("\x1b")) {
		t.Errorf("the file is %q, %v", content, err)
	}
}

func TestOnlyTheLogsFolderIsCreated(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "no", "Logs")
	if err := Append(folder, change()); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Dir(folder)); err == nil {
		t.Error("its parent was created")
	}
}

func TestALineThatWasCutOffSpoilsNoOther(t *testing.T) {
	folder := logs(t)
	appendTo(t, folder, change())
	path := filepath.Join(folder, FileName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"time":"2026-11-26T04:15:00Z","comm`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	appendTo(t, folder, change())
	if entries := read(t, folder); len(entries) != 2 {
		t.Errorf("there are %d entries", len(entries))
	}
}

// fill makes the log as long as one that is full.
func fill(t *testing.T, folder string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(folder, FileName), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(bytes.Repeat([]byte("\n"), fullSize)); err != nil {
		t.Fatal(err)
	}
}

func TestAFullLogIsPutAsideAndTheOldestIsRemoved(t *testing.T) {
	folder := logs(t)
	other := filepath.Join(folder, "octo-tentacle-mine.log")
	e := change()
	for i := range mostOld + 3 {
		e.Time = e.Time.Add(time.Minute)
		e.Reason = fmt.Sprint(i)
		appendTo(t, folder, e)
		fill(t, folder)
		if i == 0 {
			if err := os.WriteFile(other, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries := read(t, folder)
	if len(entries) != mostOld+1 {
		t.Fatalf("there are %d entries", len(entries))
	}
	for i, e := range entries {
		if e.Reason != fmt.Sprint(mostOld+2-i) {
			t.Errorf("number %d from the newest is %s", i, e.Reason)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != mostOld+2 { // with the one of somebody else
		t.Errorf("there are %v, %v", files, err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}

func TestManyWritersAtOnceLoseNoLine(t *testing.T) {
	folder := logs(t)
	appendTo(t, folder, change())
	fill(t, folder)
	const writers = 30 // which fill the log three times
	long := strings.Repeat("x", fullSize/10)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			e := change()
			e.Time = e.Time.Add(time.Duration(i) * time.Second)
			e.Reason, e.Error = fmt.Sprint(i), long
			if err := Append(folder, e); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, e := range read(t, folder) {
		seen[e.Reason] = true
	}
	if len(seen) != writers+1 { // and the first
		t.Errorf("%d of %d lines are there", len(seen), writers+1)
	}
}

func TestALogThatSomebodyKeepsLockedIsWrittenAllTheSame(t *testing.T) {
	t.Parallel()
	folder := logs(t)
	appendTo(t, folder, change())
	f, err := os.OpenFile(filepath.Join(folder, FileName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := tryLock(f); err != nil {
		t.Fatal(err)
	}
	appendTo(t, folder, change())
	if entries := read(t, folder); len(entries) != 2 {
		t.Errorf("there are %d entries", len(entries))
	}
}

func TestALongLineIsRead(t *testing.T) {
	folder := logs(t)
	e := change()
	for i := range 5000 {
		e.Added = append(e.Added, Server{"TentacleActive", fmt.Sprintf("https://octo%d:10943", i), strings.Repeat("A", 40), "poll://aaaaaaaaaaaaaaaaaaaa/"})
	}
	appendTo(t, folder, e)
	appendTo(t, folder, change())
	if entries := read(t, folder); len(entries) != 2 {
		t.Errorf("there are %d entries", len(entries))
	}
}

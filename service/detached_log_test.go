package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func logOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(text), "\uFEFF"), "\r\n", "\n")
}

func TestEachLineOfALogHasItsTimeAndALogGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.txt")
	at := time.Date(2026, 8, 1, 10, 30, 0, 0, time.FixedZone("", 2*60*60))
	for _, day := range []int{0, 1} {
		l := newTimedLog(path)
		l.now = func() time.Time { return at.AddDate(0, 0, day) }
		for _, text := range []string{"one\ntw", "o\r\n", "\n", "the end"} {
			if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
				t.Fatal(n, err)
			}
		}
		if got := logOf(t, path); strings.Count(got, "the end") != day {
			t.Errorf("a line is written before it is whole:\n%s", got)
		}
		l.Close()
	}
	const one, two = "2026-08-01 10:30:00 +02:00  ", "2026-08-02 10:30:00 +02:00  "
	want := one + "one\n" + one + "two\n" + one + "\n" + one + "the end\n" + two + "one\n" + two + "two\n" + two + "\n" + two + "the end\n"
	if got := logOf(t, path); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAFullLogIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.txt")
	for range 2 {
		if err := os.WriteFile(path, make([]byte, fullLog), 0o600); err != nil {
			t.Fatal(err)
		}
		l := newTimedLog(path)
		if _, err := l.Write([]byte("a line\n")); err != nil {
			t.Fatal(err)
		}
		if got := logOf(t, path); !strings.HasSuffix(got, "  a line\n") || len(got) > 100 {
			t.Errorf("the log has %d bytes", len(got))
		}
		if old, err := os.Stat(filepath.Join(filepath.Dir(path), "log.old.txt")); err != nil || old.Size() != fullLog {
			t.Errorf("the old one: %v", err)
		}
	}
}

func TestALogThatCannotBeWrittenStopsNobodyAndIsMadeUpFor(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	l := newTimedLog(filepath.Join(folder, "log.txt"))
	l.wait = 10 * time.Millisecond
	for _, text := range []string{"one\n", "two\n"} {
		if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	l.Close()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Write([]byte("three\n")); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(logOf(t, l.path)) {
		lines = append(lines, strings.TrimSpace(line[strings.Index(line, "  "):]))
	}
	if got := strings.Join(lines, " "); got != "one two three" {
		t.Errorf("the log has %q", got)
	}
}

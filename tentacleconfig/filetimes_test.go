package tentacleconfig

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestTheTimesOfAFileTellReplacingFromWriting(t *testing.T) {
	skipOnWine(t, "a file has no time of birth")
	path := filepath.Join(t.TempDir(), "Tentacle.config")
	before := time.Now().Add(-time.Second)
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := timesOf(t, path)
	if first.Modified.Before(before) || first.Modified.After(time.Now().Add(time.Second)) {
		t.Errorf("modified %v, now it is %v", first.Modified, time.Now())
	}
	if first.Created.IsZero() {
		t.Skip("the birth of a file is not told here")
	}
	time.Sleep(20 * time.Millisecond) // file systems count in some milliseconds
	if err := os.WriteFile(path, []byte("written into"), 0o600); err != nil {
		t.Fatal(err)
	}
	written := timesOf(t, path)
	if !written.Created.Equal(first.Created) || !written.Modified.After(first.Modified) {
		t.Errorf("written into: %+v, before %+v", written, first)
	}
	if err := os.WriteFile(path+".new", []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	// Windows lets the new file inherit the birth of the one it replaces at once: see TimesOf.
	if replaced := timesOf(t, path); !replaced.Created.After(first.Created) && runtime.GOOS != "windows" {
		t.Errorf("replaced: %+v, before %+v", replaced, first)
	}
	if _, err := TimesOf(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func timesOf(t *testing.T, path string) FileTimes {
	t.Helper()
	times, err := TimesOf(path)
	if err != nil {
		t.Fatal(err)
	}
	return times
}

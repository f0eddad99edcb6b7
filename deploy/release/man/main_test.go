package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written are the files of a folder and what is in them.
func written(t *testing.T, date string, compress bool) map[string]string {
	t.Helper()
	folder := t.TempDir()
	if err := write(folder, "1.2.3", date, compress); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(folder, path))
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTheManualOfAReleaseIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	plain := written(t, "2026-08-01", false)
	for path, content := range written(t, "2026-08-01T10:00:00Z", true) {
		name, zipped := strings.CutSuffix(path, ".gz")
		if !zipped {
			t.Errorf("%s is not compressed", path)
		}
		reader, err := gzip.NewReader(strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if !reader.ModTime.IsZero() || reader.Name != "" || content[8] != 2 {
			t.Errorf("%s is not compressed as by gzip -9n", path)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, []byte(plain[name])) {
			t.Errorf("%s is not %s", path, name)
		}
	}
	for _, name := range []string{"man8/octo-tentacle.8", "man8/octo-tentacle-poll-server.8", "man7/octo-tentacle-json.7"} {
		if !strings.Contains(plain[name], `"2026-08-01" "octo\-tentacle 1.2.3"`) {
			t.Errorf("%s does not have the date and the version", name)
		}
	}
}

func TestTheManualNeedsADate(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"", "today", "01.08.2026"} {
		folder := t.TempDir()
		if err := write(folder, "1.2.3", date, false); err == nil || !strings.Contains(err.Error(), "like 2026-08-01") {
			t.Errorf("%q: %v", date, err)
		}
		if left, _ := os.ReadDir(folder); slices.ContainsFunc(left, fs.DirEntry.IsDir) {
			t.Errorf("%q: something was written", date)
		}
	}
}

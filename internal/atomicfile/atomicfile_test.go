package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestAWrittenFileIsWholeAndItsOwnersAlone(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "target"), filepath.Join(folder, "link")
	put(t, target, "old and longer")
	if err := os.Chmod(target, 0o666); err != nil {
		t.Fatal(err)
	}
	path := target
	if runtime.GOOS != "windows" { // which has them for administrators only
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		path = link
	}
	if err := WriteFile(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := read(t, target); got != "new" {
		t.Errorf("got %q", got)
	}
	if info, _ := os.Stat(target); runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := WriteFile(folder, nil, 0o600); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a folder: %v", err)
	}
	if err := WriteFile(filepath.Join(folder, "no", "file"), nil, 0o600); err == nil || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("no folder: %v", err)
	}
}

func TestAReplacedFileHasItsModeAndItsLinkIsNotFollowed(t *testing.T) {
	folder := t.TempDir()
	path, elsewhere := filepath.Join(folder, "web.service"), filepath.Join(folder, "elsewhere")
	put(t, elsewhere, "untouched")
	if runtime.GOOS != "windows" {
		if err := os.Symlink(elsewhere, path); err != nil {
			t.Fatal(err)
		}
	}
	for _, content := range []string{"first", "second"} {
		if err := Replace(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Errorf("got %q", got)
		}
	}
	if info, err := os.Lstat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o666 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if got := read(t, elsewhere); got != "untouched" {
		t.Errorf("behind the link there is %q", got)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
	err := Replace(filepath.Join(folder, "no", "file"), nil, 0o644)
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), tempSuffix) {
		t.Errorf("no folder: %v", err)
	}
}

func TestAFileIsCreatedWithItsFolderButNeverReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "file")
	if err := Create(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing one: %v", err)
	}
	if got := read(t, path); got != "first" {
		t.Errorf("got %q", got)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestANewFileIsItsOwnersAloneAndNothingIsReplaced(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "new")
	if err := WriteNew(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info, err)
	}
	if err := WriteNew(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing one: %v", err)
	}
	if got := read(t, path); got != "first" {
		t.Errorf("got %q", got)
	}
	link := filepath.Join(folder, "link")
	if runtime.GOOS != "windows" { // which has them for administrators only
		if err := os.Symlink("nowhere", link); err != nil {
			t.Fatal(err)
		}
		if err := WriteNew(link, nil, 0o600); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over a link to nowhere: %v", err)
		}
	}
	if err := WriteNew(filepath.Join(folder, "no", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if left := Leftovers(path, 0); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOnlyAbandonedTemporaryFilesAreRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	abandoned, inUse, other := Sidecar(path, "0123456789abcdef.tmp"), Sidecar(path, "1123456789abcdef.tmp"), Sidecar(path, "lock")
	before := time.Now().Add(-2 * Abandoned)
	for _, name := range []string{abandoned, inUse, other} {
		put(t, name, "")
	}
	for _, name := range []string{abandoned, other} {
		if err := os.Chtimes(name, before, before); err != nil {
			t.Fatal(err)
		}
	}
	RemoveLeftovers(path, Abandoned)
	for name, stays := range map[string]bool{abandoned: false, inUse: true, other: true} {
		if _, err := os.Stat(name); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
	RemoveLeftovers(path, 0)
	if _, err := os.Stat(inUse); err == nil {
		t.Errorf("%s is still there", inUse)
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

//go:build !windows

package history

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// withDeadline fails where something waits for a pipe.
func withDeadline(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("it waits")
	}
}

// TestWhatSomebodyElsePutThereIsNotWrittenTo: root writes into the folder of the account of the
// service.
func TestWhatSomebodyElsePutThereIsNotWrittenTo(t *testing.T) {
	for name, put := range map[string]func(target, path string) error{
		"a link to a file":             os.Symlink,
		"a link within the folder":     func(target, path string) error { return os.Symlink(filepath.Base(target), path) },
		"a second name of a file":      os.Link,
		"a folder":                     func(_, path string) error { return os.Mkdir(path, 0o755) },
		"a pipe":                       func(_, path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to a device":           func(_, path string) error { return os.Symlink("/dev/full", path) },
		"a link to what is not there":  func(_, path string) error { return os.Symlink("/no/such/file", path) },
		"a link out and in again":      func(target, path string) error { return os.Symlink("../Logs/"+filepath.Base(target), path) },
		"a link to what is yet to be":  func(_, path string) error { return os.Symlink("made", path) },
		"a link to a folder, not file": func(_, path string) error { return os.Symlink(".", path) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := logs(t)
			if err := os.Mkdir(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			target := filepath.Join(folder, "OctopusTentacle.txt")
			if err := os.WriteFile(target, []byte("theirs\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := put(target, filepath.Join(folder, FileName)); err != nil {
				t.Fatal(err)
			}
			withDeadline(t, func() {
				if err := Append(folder, change()); err == nil || !strings.HasPrefix(err.Error(), folder+": ") {
					t.Errorf("written: %v", err)
				}
				if entries, err := Read(folder); len(entries) != 0 {
					t.Errorf("read: %v, %v", entries, err)
				}
			})
			if content, err := os.ReadFile(target); string(content) != "theirs\n" || err != nil {
				t.Errorf("the file is now %q, %v", content, err)
			}
			if info, err := os.Stat(filepath.Join(folder, "made")); err == nil && info.Size() > 0 {
				t.Error("something was written behind the link")
			}
		})
	}
}

func TestAFolderOfSomebodyElseIsNotReachedThroughTheirLink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give links to others")
	}
	elsewhere, folder := t.TempDir(), logs(t)
	if err := os.Symlink(elsewhere, folder); err != nil {
		t.Fatal(err)
	}
	appendTo(t, folder, change()) // root's own link leads where root wants
	if err := os.Lchown(folder, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	if err := Append(folder, change()); err == nil || !strings.Contains(err.Error(), "symbolic link of user 4711") {
		t.Errorf("got %v", err)
	}
	if entries := read(t, elsewhere); len(entries) != 1 {
		t.Errorf("there are %d entries", len(entries))
	}
}

func TestTheLogBelongsToWhoOwnsTheFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files to others")
	}
	folder := logs(t)
	if err := os.Chown(filepath.Dir(folder), 4711, 4712); err != nil {
		t.Fatal(err)
	}
	appendTo(t, folder, change())
	for path, mode := range map[string]os.FileMode{folder: os.ModeDir | 0o755, filepath.Join(folder, FileName): 0o640} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 4711 || stat.Gid != 4712 || info.Mode()&^mode != 0 {
			t.Errorf("%s: %d:%d, %v", path, stat.Uid, stat.Gid, info.Mode())
		}
	}
}

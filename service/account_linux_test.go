package service

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAFileThatAnAccountMayNotReadIsNamed(t *testing.T) {
	self, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := user.Lookup("nobody"); err != nil || self.Username == "nobody" {
		t.Skip("needs another account, nobody")
	}
	folder, err := os.MkdirTemp("/tmp", "octo-tentacle-*") // where everybody passes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	file, link := filepath.Join(folder, "Tentacle.config"), filepath.Join(folder, "link")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		folder, file os.FileMode
		account      string
		want         string
	}{
		{0o755, 0o600, "nobody", file},
		{0o755, 0o640, "nobody", file},
		{0o755, 0o604, "nobody", ""},
		{0o700, 0o644, "nobody", folder},
		{0o711, 0o644, "nobody", ""},
		{0o700, 0o600, self.Username, ""},
		{0o700, 0o600, "root", ""},
		{0o700, 0o600, "no-such-account", ""},
	} {
		if err := os.Chmod(folder, test.folder); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, test.file); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{file, link} {
			if got := Unreadable(test.account, path); got != test.want {
				t.Errorf("%v: %q", test, got)
			}
		}
	}
	if got := Unreadable("nobody", filepath.Join(folder, "missing")); got != "" {
		t.Errorf("a file that is not there: %q", got)
	}
}

func TestAFileCanBeReadByItsOwnerAndItsGroupWhereOthersCannot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Tentacle.config")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	own, group := fmt.Sprint(stat.Uid), fmt.Sprint(stat.Gid)
	const another = "4711"
	for _, c := range []struct {
		mode   os.FileMode
		uid    string
		groups []string
		want   bool
	}{
		{0o644, own, nil, true},
		{0o244, own, []string{group}, false}, // the owner's bits count, and no others
		{0o644, another, []string{"4712", group}, true},
		{0o604, another, []string{group}, false},
		{0o644, another, []string{another}, false},
		{0o644, another, nil, false},
	} {
		if err := os.Chmod(file, c.mode); err != nil {
			t.Fatal(err)
		}
		if got := readsAsOwnerOrGroup(file, c.uid, c.groups); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if readsAsOwnerOrGroup(file+".none", own, nil) {
		t.Error("a file that is not there can be read")
	}
}

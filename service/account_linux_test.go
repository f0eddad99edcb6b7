package service

import (
	"os"
	"os/user"
	"path/filepath"
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

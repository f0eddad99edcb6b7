package tentacleconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"golang.org/x/sys/unix"
)

// theirs gives a link to the account of a service, which owns the folder, too.
func theirs(t *testing.T, to, link string) {
	t.Helper()
	symlink(t, to, link)
	for _, path := range []string{link, filepath.Dir(link)} {
		if err := os.Lchown(path, 1234, 4321); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRootDoesNotFollowALinkOfSomebodyElseToAFileThatIsNotHis(t *testing.T) {
	asRoot(t)
	victim := writeConfig(t, oldConfig)
	folder := t.TempDir()
	link, inFolder, chain := filepath.Join(folder, "Tentacle.config"), filepath.Join(folder, "folder"), filepath.Join(t.TempDir(), "chain")
	theirs(t, victim, link)
	theirs(t, filepath.Dir(victim), inFolder)
	symlink(t, link, chain) // root's own, which leads over theirs
	for _, path := range []string{link, filepath.Join(inFolder, filepath.Base(victim)), chain} {
		if changed, err := Update(t.Context(), path, Change{Edit: setK("new")}); changed || err == nil || !strings.Contains(err.Error(), "is a symbolic link of user 1234") {
			t.Errorf("a change of %s: %v, %v", path, changed, err)
		}
		if err := atomicfile.WriteFile(path, []byte("key"), 0o600); err == nil || !strings.Contains(err.Error(), "is a symbolic link of user 1234") {
			t.Errorf("an export to %s: %v", path, err)
		}
	}
	if got := content(t, victim); got != oldConfig {
		t.Errorf("the file says %q", got)
	}

	if err := os.Chown(victim, 1234, 4321); err != nil { // his own he may lead to
		t.Fatal(err)
	}
	if changed, err := Update(t.Context(), link, Change{Edit: setK("new")}); !changed || err != nil {
		t.Errorf("his own file: %v, %v", changed, err)
	}
}

func TestAFilePutInPlaceOfTheConfigurationDuringASaveIsNotRead(t *testing.T) {
	path := writeConfig(t, oldConfig)
	secret := filepath.Join(t.TempDir(), "secret")
	put(t, secret, strings.Replace(oldConfig, "old", "secret", 1))
	runs := 0
	_, err := Update(t.Context(), path, Change{Edit: func(d *Document) error {
		if runs++; strings.Contains(string(d.Bytes()), "secret") {
			t.Error("it was read")
		}
		if runs == 1 {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			symlink(t, secret, path)
		}
		d.Set("k", "new")
		return nil
	}})
	if err == nil {
		t.Error("no error")
	}
	if entries, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp")); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestALockFileThatLeadsElsewhereIsNotOpened(t *testing.T) {
	path := writeConfig(t, oldConfig)
	elsewhere := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(elsewhere, 0o600); err != nil {
		t.Fatal(err)
	}
	symlink(t, elsewhere, lockFile(path))
	done := make(chan error, 1)
	go func() {
		_, err := Update(t.Context(), path, Change{Edit: setK("new")})
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), lockFile(path)) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for a writer to the pipe")
	}
	if got := content(t, path); got != oldConfig {
		t.Errorf("the file says %q", got)
	}
}

func TestABackupThatIsALinkIsNotRead(t *testing.T) {
	path := writeConfig(t, oldConfig)
	backup := Backup{Path: path + ".bak-20200101T000000Z"}
	symlink(t, path, backup.Path)
	if _, err := backup.Read(); err == nil {
		t.Error("it was read")
	}
}

func TestTheUmaskDoesNotExposeSecrets(t *testing.T) {
	for _, mask := range []int{0, 0o077} {
		folder := t.TempDir()
		before := unix.Umask(mask)
		err := Create(filepath.Join(folder, "sub", "Tentacle.config"))
		if err == nil {
			err = atomicfile.WriteFile(filepath.Join(folder, "export"), []byte("key"), 0o600)
		}
		if err == nil {
			_, err = Update(t.Context(), filepath.Join(folder, "sub", "Tentacle.config"), Change{Edit: setK("new"), Backup: func(string) {}})
		}
		unix.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			info, _ := entry.Info()
			if mode := info.Mode().Perm(); path != folder && (entry.IsDir() && mode&0o022 != 0 || !entry.IsDir() && mode&0o077 != 0) {
				t.Errorf("with umask %03o, %s has mode %04o", mask, path, mode)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

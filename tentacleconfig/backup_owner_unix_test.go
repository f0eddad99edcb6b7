//go:build !windows

package tentacleconfig

import (
	"os"
	"strings"
	"testing"
)

func TestOnlyBackupsOfTheFilesOwnerOrRootCount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files to others")
	}
	for _, c := range []struct {
		name           string
		config, backup int
		counts         bool
	}{
		{"of root, both", 0, 0, true},
		{"of the service's account, both", 4711, 4711, true},
		{"made by root of an account's file", 4711, 0, true},
		{"of somebody else", 4711, 4712, false},
		{"of an account, beside a file of root", 0, 4711, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := writeConfig(t, oldConfig)
			backup := path + ".bak-20200101T000000Z"
			put(t, backup, newConfig)
			if err := os.Chown(path, c.config, -1); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(backup, c.backup, -1); err != nil {
				t.Fatal(err)
			}
			_, found := NewestUsableBackup(path)
			ignored, err := IgnoredBackups(path)
			if all := backups(t, path); err != nil || (len(all) == 1) != c.counts || found != c.counts || (len(ignored) == 0) != c.counts {
				t.Fatalf("counting are %v, ignored %v, %v", all, ignored, err)
			}
			if !c.counts && !strings.HasPrefix(ignored[0].Why, "belongs to user 471") {
				t.Errorf("the reason is %q", ignored[0].Why)
			}
			if !IsOwnFile(backup, path) {
				t.Error("it could be overwritten")
			}
			// A foreign one is neither counted nor removed.
			for range 12 {
				if _, err := Update(t.Context(), path, Change{Edit: appendToK, Backup: func(string) {}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(backup); (err == nil) == c.counts {
				t.Errorf("after twelve changes: %v", err)
			}
			if all := backups(t, path); len(all) != 12 {
				t.Errorf("there are %d", len(all))
			}
		})
	}
}

func appendToK(d *Document) error {
	now, _ := d.Get("K")
	d.Set("K", now+"+")
	return nil
}

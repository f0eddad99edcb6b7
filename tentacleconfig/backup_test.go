package tentacleconfig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func backups(t testing.TB, path string) []Backup {
	t.Helper()
	all, err := Backups(path)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestABackupIsTheOldFileItselfOrOnWindowsACopy(t *testing.T) {
	path := writeConfig(t, oldConfig)
	old, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	os.SameFile(old, old) // on Windows it is only now that Go asks which file that is
	var told string
	begin := time.Now().UTC().Truncate(time.Second)
	if changed, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(path string) { told = path }}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	all := backups(t, path)
	if len(all) != 1 || all[0].Path != told || content(t, told) != oldConfig || content(t, path) != newConfig {
		t.Fatalf("told is %q, there are %v", told, all)
	}
	kept, err := os.Stat(told)
	// On Windows it would be the live file, which Tentacle writes into, where it cannot be removed
	// after a save that failed.
	if err != nil || os.SameFile(old, kept) == (runtime.GOOS == "windows") || kept.Mode() != old.Mode() {
		t.Errorf("it is %v, %v, beside %v", kept, err, old)
	}
	if all[0].Time.Before(begin) || all[0].Time.After(time.Now()) || told != path+".bak-"+all[0].Time.Format("20060102T150405Z") {
		t.Errorf("%s was made at %v, after %v", told, all[0].Time, begin)
	}
	onlyConfigAndBackups(t, path)
}

func TestWhereThereCanBeNoLinkTheBackupIsACopyLikeTheOldFile(t *testing.T) {
	path := writeConfig(t, oldConfig)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	s := saving{target: path}
	if err := s.copyTo(t.Context(), path+".bak-20261123T041500Z", []byte(oldConfig)); err != nil {
		t.Fatal(err)
	}
	b := backups(t, path)[0]
	old, _ := os.Stat(path)
	kept, err := os.Stat(b.Path)
	if err != nil || kept.Mode() != old.Mode() || os.SameFile(old, kept) || content(t, b.Path) != oldConfig {
		t.Errorf("it is %v, %q, %v", kept, content(t, b.Path), err)
	}
	onlyConfigAndBackups(t, path)
}

func TestWithoutABackupFunctionBackupsAreNeitherMadeNorRemoved(t *testing.T) {
	path := writeConfig(t, oldConfig)
	for i := range 12 {
		put(t, fmt.Sprintf("%s.bak-202001%02dT000000Z", path, i+1), "")
	}
	if _, err := Update(t.Context(), path, Change{Edit: setK("new")}); err != nil {
		t.Fatal(err)
	}
	if all := backups(t, path); len(all) != 12 {
		t.Errorf("there are %d", len(all))
	}
}

func TestOldBackupsAreRemovedAndOtherFilesStay(t *testing.T) {
	path := writeConfig(t, oldConfig)
	folder := filepath.Dir(path)
	others := []string{ // none of these is a backup of this configuration
		"Tentacle.config.bak", "Tentacle.config.bak-", "Tentacle.config.bak-old", "Tentacle.config.bak-20200101T000000", "Tentacle.config.bak-20200101T000000z",
		"Tentacle.config.bak-20200101T000000Z-", "Tentacle.config.bak-20200101T000000Z-0", "Tentacle.config.bak-20200101T000000Z-1", "Tentacle.config.bak-20200101T000000Z-02",
		"Tentacle.config.bak-20200101T000000Z-+2", "Tentacle.config.bak-20200101T000000.5Z", "Tentacle.config.bak-20201301T000000Z", "Tentacle.config.bak-20200101T000000Z.txt",
		"other.config.bak-20200101T000000Z", "xTentacle.config.bak-20200101T000000Z",
	}
	for _, name := range others {
		put(t, filepath.Join(folder, name), "")
	}
	for i := range 30 {
		put(t, fmt.Sprintf("%s.bak-202001%02dT000000Z", path, i+1), "older")
	}
	if err := os.Mkdir(path+".bak-20200131T000000Z", 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 15 { // most of them within a second
		if _, err := Update(t.Context(), path, Change{Edit: setK(fmt.Sprint("value ", i)), Backup: func(string) {}}); err != nil {
			t.Fatal(err)
		}
	}
	all := backups(t, path)
	if len(all) != 15 {
		t.Fatalf("there are %d: %v", len(all), all)
	}
	for i, b := range all[:14] {
		if k, _ := parse(t, content(t, b.Path)).Get("K"); k != fmt.Sprint("value ", 13-i) {
			t.Errorf("%s, number %d from the newest, has %q", b.ID(), i, k)
		}
	}
	if got := content(t, all[14].Path); got != oldConfig {
		t.Errorf("the oldest is %q", got)
	}
	for _, name := range append(others, "Tentacle.config.bak-20200131T000000Z") {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Errorf("%s is gone", name)
		}
	}
}

func TestBackupsAreKeptByNumberAndByAge(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	every := func(interval time.Duration, count int) (list []Backup) { // the newest is as old as the interval
		for i := range count {
			list = append(list, Backup{Time: now.Add(-time.Duration(i+1) * interval), number: 1})
		}
		return list
	}
	for _, c := range []struct {
		name string
		all  []Backup
		kept int
	}{
		{"none", nil, 0},
		{"few of long ago", every(400*day, 9), 9},
		{"many of long ago", every(400*day, 50), 10},
		{"one a week", every(7*day, 50), 12},
		{"one a day", every(day, 95), 90},
		{"one an hour", every(time.Hour, 300), 100},
		{"the 90 days are over", every(9*day+time.Second, 11), 10},
		{"a clock that was set back", every(-time.Minute, 120), 100},
	} {
		gone := surplus(c.all, now)
		if kept := len(c.all) - len(gone); kept != c.kept {
			t.Errorf("%s: of %d, %d are kept, not %d", c.name, len(c.all), kept, c.kept)
		}
		if len(gone) > 0 && gone[len(gone)-1] != c.all[len(c.all)-1] {
			t.Errorf("%s: the oldest stays", c.name)
		}
	}
}

// ahead is the ID of a backup that was made with a clock that was so far ahead.
func ahead(by time.Duration) string {
	return Backup{Time: time.Now().UTC().Add(by).Truncate(time.Second), number: 1}.ID()
}

func TestANewBackupIsTheNewestEvenIfTheClockWasSetBack(t *testing.T) {
	path := writeConfig(t, oldConfig)
	newest := ahead(time.Hour)
	put(t, path+".bak-"+newest, "ahead")
	for _, want := range []string{newest + "-2", newest + "-3"} {
		if _, err := Update(t.Context(), path, Change{Edit: setK(want), Backup: func(string) {}}); err != nil {
			t.Fatal(err)
		}
		if all := backups(t, path); all[0].ID() != want {
			t.Errorf("the newest is %s, not %s", all[0].ID(), want)
		}
	}
	if got := content(t, path+".bak-"+newest+"-2"); got != oldConfig {
		t.Errorf("the first is %q", got)
	}
}

func TestABackupOfTheFutureIsNotTheNewest(t *testing.T) {
	path := writeConfig(t, oldConfig)
	for i := range 12 {
		put(t, fmt.Sprintf("%s.bak-299901%02dT000000Z", path, i+1), "future")
	}
	before := time.Now().UTC().Truncate(time.Second)
	if _, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	if all := backups(t, path); len(all) != 1 || all[0].Time.Before(before) || all[0].Time.After(time.Now()) || content(t, all[0].Path) != oldConfig {
		t.Errorf("there are %v", all)
	}
	ignored, err := IgnoredBackups(path)
	if err != nil || len(ignored) != 12 || ignored[0].ID() != "29990112T000000Z" || ignored[0].Why != "is dated in the future" {
		t.Errorf("ignored are %v, %v", ignored, err)
	}
}

func TestANameThatIsTakenIsLeftToWhatHasIt(t *testing.T) {
	path := writeConfig(t, oldConfig)
	newest := ahead(time.Hour)
	put(t, path+".bak-"+newest, "ahead")
	if err := os.Mkdir(path+".bak-"+newest+"-2", 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	if all := backups(t, path); len(all) != 2 || all[0].ID() != newest+"-3" || content(t, all[0].Path) != oldConfig {
		t.Errorf("there are %v", all)
	}
}

func TestWhatTheNewestBackupSaysIsNotKeptTwice(t *testing.T) {
	path := writeConfig(t, oldConfig)
	newest := path + ".bak-20200102T000000Z"
	put(t, newest, oldConfig)
	put(t, path+".bak-20200101T000000Z", "older")
	var told string
	if _, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(path string) { told = path }}); err != nil {
		t.Fatal(err)
	}
	if all := backups(t, path); told != newest || len(all) != 2 {
		t.Errorf("told is %q, there are %v", told, all)
	}
	// The older one of the same content does not count: this one is undone first.
	if _, err := Update(t.Context(), path, Change{Edit: setK("old"), Backup: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	if all := backups(t, path); len(all) != 3 || content(t, all[0].Path) != newConfig {
		t.Errorf("there are %v", all)
	}
}

func TestAChangeThatDoesNotHappenLeavesNoBackup(t *testing.T) {
	mine := errors.New("mine")
	for name, before := range map[string]func(stop context.CancelFunc) error{
		"Before fails": func(context.CancelFunc) error { return mine },
		"stopped":      func(stop context.CancelFunc) error { stop(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			path := writeConfig(t, oldConfig)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := Change{Edit: setK("new"), Backup: func(string) { t.Error("told of a backup") }}
			c.Before = func() error {
				if all := backups(t, path); len(all) != 1 || content(t, all[0].Path) != oldConfig {
					t.Errorf("when Before runs there are %v", all)
				}
				return before(cancel)
			}
			if changed, err := Update(ctx, path, c); changed || err == nil {
				t.Errorf("got %v, %v", changed, err)
			}
			onlyConfig(t, path)
		})
	}
}

func TestWhatIsKeptIsWhatIsReplacedWhenTentacleWritesMeanwhile(t *testing.T) {
	path := writeConfig(t, oldConfig)
	theirs := strings.Replace(oldConfig, "<set", "<set key=\"T\">1</set>\r\n  <set", 1)
	if _, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(string) {}, Before: func() error {
		return os.WriteFile(path, []byte(theirs), 0o640) // in place, so into the backup as well
	}}); err != nil {
		t.Fatal(err)
	}
	if all := backups(t, path); len(all) != 1 || content(t, all[0].Path) != theirs {
		t.Errorf("there are %v", all)
	}
	if v, _ := parse(t, content(t, path)).Get("K"); v != "new" {
		t.Errorf("K is %q", v)
	}
	onlyConfigAndBackups(t, path)
}

func TestBackupsLieBesideTheFileThatALinkLeadsTo(t *testing.T) {
	path := writeConfig(t, oldConfig)
	link := filepath.Join(t.TempDir(), "link.config")
	symlink(t, path, link)
	if _, err := Update(t.Context(), link, Change{Edit: setK("new"), Backup: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	of, direct := backups(t, link), backups(t, path)
	if len(of) != 1 || len(direct) != 1 || of[0] != direct[0] || filepath.Dir(of[0].Path) != filepath.Dir(path) {
		t.Errorf("there are %v and %v", of, direct)
	}
	if entries, _ := os.ReadDir(filepath.Dir(link)); len(entries) != 1 {
		t.Errorf("beside the link there are %v", entries)
	}
}

func TestADamagedFileIsReplacedOnlyOnRequest(t *testing.T) {
	for name, damaged := range map[string]string{"truncated": oldConfig[:60], "empty": "", "no text": "\x00\x01", "another root": "<a></a>"} {
		t.Run(name, func(t *testing.T) {
			path := writeConfig(t, damaged)
			longAgo(t, path)
			backup := parse(t, newConfig)
			replace := func(d *Document) error {
				if len(d.Settings()) != 0 || string(d.Bytes()) != damaged || d.path != path {
					t.Errorf("the damaged one is %q with %v", d.Bytes(), d.Settings())
				}
				d.Replace(backup)
				return nil
			}
			if changed, err := Update(t.Context(), path, Change{Edit: replace}); changed || err == nil {
				t.Fatal(changed, err)
			}
			if changed, err := Update(t.Context(), path, Change{Edit: replace, Damaged: true, Backup: func(string) {}}); !changed || err != nil {
				t.Fatal(changed, err)
			}
			if all := backups(t, path); content(t, path) != newConfig || len(all) != 1 || content(t, all[0].Path) != damaged {
				t.Errorf("it is now %q, with %v", content(t, path), all)
			}
		})
	}
}

func TestAFileThatCannotBeReadAtAllIsNotTakenForADamagedOne(t *testing.T) {
	folder := t.TempDir()
	for _, path := range []string{filepath.Join(folder, "missing.config"), folder} {
		if d, err := ReadDamaged(path); d != nil || err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", path, d, err)
		}
	}
}

func TestACopyOfADocumentIsChangedByItself(t *testing.T) {
	d := parse(t, oldConfig)
	clone := d.Clone()
	clone.Set("K", "a longer value")
	clone.Set("A", "b")
	other := parse(t, newConfig)
	d.Replace(other)
	d.Set("K", "third")
	if k, _ := other.Get("K"); k != "new" || string(other.Bytes()) != newConfig {
		t.Errorf("the other now has %q: %q", k, other.Bytes())
	}
	if k, _ := clone.Get("K"); k != "a longer value" || !strings.Contains(string(clone.Bytes()), ">a longer value<") {
		t.Errorf("the clone has %q: %q", k, clone.Bytes())
	}
	if got := string(d.Bytes()); got != strings.Replace(oldConfig, "old", "third", 1) {
		t.Errorf("it is now %q", got)
	}
}

func TestTheNewestUsableBackupHasServersThatCanBeRead(t *testing.T) {
	path := writeConfig(t, oldConfig)
	if b, ok := NewestUsableBackup(path); ok {
		t.Errorf("without backups: %v", b)
	}
	usable := path + ".bak-20200101T000000Z"
	put(t, usable, oldConfig)
	put(t, path+".bak-20200102T000000Z", `<octopus-settings><set key="`+KeyTrustedServers+`">oops</set></octopus-settings>`)
	put(t, path+".bak-20200103T000000Z", oldConfig[:40])
	for _, b := range backups(t, path) {
		longAgo(t, b.Path)
		if d, _, err := b.ReadUsable(); (err == nil) != (b.Path == usable) || err == nil && string(d.Bytes()) != oldConfig {
			t.Errorf("%s: %v", b.ID(), err)
		}
	}
	if b, ok := NewestUsableBackup(path); !ok || b.Path != usable {
		t.Errorf("got %v, %v", b, ok)
	}
}

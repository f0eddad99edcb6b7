package tentacleconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

const oldConfig = bom + "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<octopus-settings>\r\n  <set key=\"K\">old</set>\r\n</octopus-settings>"

var newConfig = strings.Replace(oldConfig, "old", "new", 1)

func setK(value string) func(*Document) error {
	return func(d *Document) error { d.Set("K", value); return nil }
}

func add(address string) func(*Document) error {
	return func(d *Document) error {
		now, err := d.TrustedServers()
		if err != nil {
			return err
		}
		d.SetTrustedServers(Upsert(now, TrustedServer{Thumbprint: "AB", Style: StylePolling, Address: address}))
		return nil
	}
}

// printed is an error as it is printed: with its hints.
func printed(err error) string {
	if err == nil {
		return ""
	}
	return strings.Join(append([]string{err.Error()}, hint.Of(err)...), "\n")
}

func content(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// longAgo: a damaged file that was changed just now is read several times, in
// case that Tentacle is writing it.
func longAgo(t testing.TB, path string) {
	t.Helper()
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// onlyConfig: of what Update makes, only the lock file stays in the folder.
func onlyConfig(t testing.TB, path string) {
	t.Helper()
	if all := backups(t, path); len(all) > 0 {
		t.Errorf("left behind: %v", all)
	}
	onlyConfigAndBackups(t, path)
}

func onlyConfigAndBackups(t testing.TB, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		id, isBackup := strings.CutPrefix(e.Name(), "Tentacle.config.bak-")
		if _, ok := parseBackupID(id); isBackup && ok {
			continue
		}
		if e.Name() != "Tentacle.config" && e.Name() != ".Tentacle.config.octo-tentacle.lock" {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

func init() {
	if os.Getenv("OCTO_TENTACLE_TEST_UPDATE") != "" {
		// To the main thread, while main is on it for certain: strace counts the calls of
		// each thread by themselves, and main's begin with those of the dynamic loader.
		runtime.LockOSThread()
	}
}

// A process that does one Update and says how it went; the tests start it to
// kill it, or to have several.
func TestMain(m *testing.M) {
	if path := os.Getenv("OCTO_TENTACLE_TEST_UPDATE"); path != "" {
		_, _ = os.Stat("/octo-tentacle/begin")
		c := Change{Edit: setK("new")}
		if address := os.Getenv("OCTO_TENTACLE_TEST_ADDRESS"); address != "" {
			c.Edit = add(address)
		}
		if os.Getenv("OCTO_TENTACLE_TEST_BACKUP") != "" {
			c.Backup = func(string) {}
		}
		var err error
		if os.Getenv("OCTO_TENTACLE_TEST_RESTORE") != "" {
			c.Damaged = true
			c.Edit, err = restoreNewest(path)
		}
		if err == nil {
			_, err = Update(context.Background(), path, c)
		}
		_, _ = os.Stat("/octo-tentacle/end")
		if err != nil {
			fmt.Println(printed(err))
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func restoreNewest(path string) (func(*Document) error, error) {
	all, err := Backups(path)
	if err != nil {
		return nil, err
	}
	d, err := Read(all[0].Path)
	if err != nil {
		return nil, err
	}
	return func(now *Document) error { now.Replace(d); return nil }, nil
}

func updater(path, address string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "OCTO_TENTACLE_TEST_UPDATE="+path, "OCTO_TENTACLE_TEST_ADDRESS="+address)
	return c
}

func TestAnUpdateReplacesTheFile(t *testing.T) {
	path := writeConfig(t, oldConfig)
	changed, err := Update(t.Context(), path, Change{Edit: setK("new")})
	if !changed || err != nil {
		t.Fatal(changed, err)
	}
	if got := content(t, path); got != newConfig {
		t.Errorf("it is now %q", got)
	}
	onlyConfig(t, path)
}

func TestAnUpdateThatChangesNothingWritesNothing(t *testing.T) {
	path := writeConfig(t, oldConfig)
	before, _ := os.Stat(path)
	changed, err := Update(t.Context(), path, Change{
		Edit:   setK("old"),
		Before: func() error { t.Error("Before ran"); return nil },
	})
	if changed || err != nil {
		t.Fatal(changed, err)
	}
	after, _ := os.Stat(path)
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("something was written: %v", entries)
	}
}

func TestErrorsOfTheCallerLeaveTheFileAlone(t *testing.T) {
	mine := errors.New("mine")
	for name, c := range map[string]Change{
		"Edit":   {Edit: func(*Document) error { return mine }},
		"Before": {Edit: setK("new"), Before: func() error { return mine }},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeConfig(t, oldConfig)
			changed, err := Update(t.Context(), path, c)
			if changed || err != mine {
				t.Errorf("got %v, %v", changed, err)
			}
			if got := content(t, path); got != oldConfig {
				t.Errorf("it is now %q", got)
			}
			onlyConfig(t, path)
		})
	}
}

func TestBeforeRunsOnceWhenOnlyTheRenameIsLeft(t *testing.T) {
	path := writeConfig(t, oldConfig)
	runs := 0
	changed, err := Update(t.Context(), path, Change{Edit: setK("new"), Before: func() error {
		runs++
		temp, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp"))
		if len(temp) != 1 || content(t, temp[0]) != newConfig || content(t, path) != oldConfig {
			t.Errorf("beside the old file lies %v", temp)
		}
		// Tentacle writes at this very moment: everything starts over, but Before does not.
		return os.WriteFile(path, []byte(strings.Replace(oldConfig, "<set", "<set key=\"T\">1</set>\r\n  <set", 1)), 0o640)
	}})
	if !changed || err != nil || runs != 1 {
		t.Fatal(changed, err, runs)
	}
	d := parse(t, content(t, path))
	if k, _ := d.Get("K"); k != "new" {
		t.Errorf("our change is lost: %q", xmlOf(d).data)
	}
	if v, _ := d.Get("T"); v != "1" {
		t.Errorf("Tentacle's change is lost: %q", xmlOf(d).data)
	}
	onlyConfig(t, path)
}

func TestAChangeByTentacleIsKeptThatComesBetweenReadingAndSaving(t *testing.T) {
	path := writeConfig(t, "<octopus-settings></octopus-settings>")
	edits := 0
	_, err := Update(t.Context(), path, Change{Edit: func(d *Document) error {
		if edits++; edits == 2 { // the first with the lock
			theirs := parse(t, content(t, path))
			if err := add("https://theirs:1")(theirs); err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) // in place, as Tentacle does
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := f.Write(theirs.Bytes()); err != nil {
				return err
			}
		}
		return add("https://ours:1")(d)
	}})
	if err != nil || edits != 3 {
		t.Fatal(err, edits)
	}
	servers, err := parse(t, content(t, path)).TrustedServers()
	if err != nil || len(servers) != 2 || servers[0].Address != "https://theirs:1" || servers[1].Address != "https://ours:1" {
		t.Errorf("got %v, %v", servers, err)
	}
}

// lastMoment is a context that does something when it is asked last: after the
// file was read for the last time, and before it is replaced.
type lastMoment struct {
	context.Context
	do func()
}

func (c lastMoment) Err() error {
	c.do()
	return c.Context.Err()
}

// TestWhatTentacleWritesWhileTheFileIsReplacedIsKept: Tentacle knows no lock, and
// a program that opened the file before it was replaced writes to the old one.
func TestWhatTentacleWritesWhileTheFileIsReplacedIsKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that somebody is writing to cannot be replaced")
	}
	for _, test := range []struct {
		name   string
		whole  bool
		backup func(string)
	}{
		{"with a backup", true, func(string) {}},
		{"without a backup", true, nil},
		{"not if Tentacle ends halfway", false, func(string) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := writeConfig(t, "<octopus-settings></octopus-settings>")
			theirs := parse(t, content(t, path))
			if err := add("https://theirs:1")(theirs); err != nil {
				t.Fatal(err)
			}
			written := make(chan error, 1)
			var once sync.Once
			late := func() {
				once.Do(func() {
					f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
					if err != nil {
						written <- err
						return
					}
					text := theirs.Bytes()
					_, err = f.Write(text[:40])
					go func() {
						defer f.Close()
						if test.whole && err == nil {
							time.Sleep(30 * time.Millisecond)
							_, err = f.Write(text[40:])
						}
						written <- err
					}()
				})
			}
			changed, err := Update(lastMoment{t.Context(), late}, path, Change{Edit: add("https://ours:1"), Backup: test.backup})
			if err := errors.Join(err, <-written); err != nil || !changed {
				t.Fatal(changed, err)
			}
			want := 1
			if test.whole {
				want = 2
			}
			if got := serversIn(t, path); got != want {
				t.Errorf("%d servers: %s", got, content(t, path))
			}
			all, err := Backups(path)
			if err != nil || (len(all) == 1) != (test.backup != nil) {
				t.Errorf("%d backups, %v", len(all), err)
			}
			if test.whole && len(all) == 1 && serversIn(t, all[0].Path) != 1 {
				t.Errorf("the backup is %s", content(t, all[0].Path))
			}
		})
	}
}

func TestAFileThatKeepsChangingIsGivenUp(t *testing.T) {
	path := writeConfig(t, oldConfig)
	n := 0
	_, err := Update(t.Context(), path, Change{Edit: func(d *Document) error {
		n++
		d.Set("K", fmt.Sprint(n))
		return os.WriteFile(path, []byte(strings.Replace(oldConfig, "old", fmt.Sprint("theirs", n), 1)), 0o640)
	}, Before: func() error { return nil }})
	if err == nil || !strings.Contains(err.Error(), "changed by another program") || !strings.Contains(printed(err), "was not replaced") {
		t.Errorf("got %v", err)
	}
	onlyConfig(t, path)
}

func TestAStoppedUpdateChangesNothing(t *testing.T) {
	path := writeConfig(t, oldConfig)
	ctx, cancel := context.WithCancel(t.Context())
	changed, err := Update(ctx, path, Change{Edit: setK("new"), Before: func() error { cancel(); return nil }})
	if changed || !errors.Is(err, context.Canceled) || !strings.Contains(printed(err), path+" was not replaced") {
		t.Errorf("got %v, %v", changed, err)
	}
	if got := content(t, path); got != oldConfig {
		t.Errorf("it is now %q", got)
	}
	onlyConfig(t, path)
}

func TestASecondUpdateWaitsForTheFirst(t *testing.T) {
	path := writeConfig(t, oldConfig)
	// The first takes longer than the second waits, as a registration at a slow
	// server does, and is saved anyway.
	_, err := Update(t.Context(), path, Change{Edit: setK("first"), Before: func() error {
		waited := 0
		changed, err := Update(t.Context(), path, Change{Edit: setK("second"), Waiting: func() { waited++ }, LockTimeout: 100 * time.Millisecond})
		if changed || waited != 1 || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another octo-tentacle is changing "+path) {
			t.Errorf("got %v, %v after waiting %d times", changed, err, waited)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := Update(t.Context(), path, Change{Edit: setK("second"), Waiting: func() { t.Error("waited for nobody") }}); !changed || err != nil {
		t.Error(changed, err)
	}
}

func TestManyProcessesAndGoroutinesLoseNothing(t *testing.T) {
	path := writeConfig(t, "<octopus-settings></octopus-settings>")
	for i := range 20 { // which are removed meanwhile
		put(t, fmt.Sprintf("%s.bak-202001%02dT000000Z", path, i+1), "<octopus-settings> </octopus-settings>")
	}
	var all sync.WaitGroup
	for i := range 25 {
		all.Go(func() {
			c := updater(path, fmt.Sprintf("https://process%d:1", i))
			c.Env = append(c.Env, "OCTO_TENTACLE_TEST_BACKUP=1")
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
		all.Go(func() {
			if _, err := Update(t.Context(), path, Change{Edit: add(fmt.Sprintf("https://goroutine%d:1", i)), Backup: func(string) {}}); err != nil {
				t.Error(err)
			}
		})
	}
	done, watched := make(chan struct{}), make(chan int)
	go func() { watched <- watchBackups(t, path, done) }()
	all.Wait()
	close(done)
	if looks := <-watched; looks == 0 {
		t.Error("no backup was looked at meanwhile")
	}
	if n := serversIn(t, path); n != 50 {
		t.Errorf("%d of 50 are there", n)
	}
	kept := backups(t, path)
	if len(kept) != 50 {
		t.Errorf("there are %d backups", len(kept))
	}
	for i, b := range kept { // each is the file before one more change
		if n := serversIn(t, b.Path); n != 49-i {
			t.Errorf("%s, number %d from the newest, has %d servers", b.ID(), i, n)
		}
	}
	onlyConfigAndBackups(t, path)
}

// watchBackups reads the backups until done: each is whole at every moment.
func watchBackups(t *testing.T, path string, done chan struct{}) (looks int) {
	for {
		select {
		case <-done:
			return looks
		default:
		}
		all, err := Backups(path)
		if err != nil {
			t.Error(err)
			return looks
		}
		for _, b := range all {
			d, err := Read(b.Path)
			if errors.Is(err, fs.ErrNotExist) {
				continue // one of the oldest, gone by now
			}
			if err == nil {
				_, err = d.TrustedServers()
			}
			if err != nil {
				t.Error(err)
			}
			looks++
		}
	}
}

func serversIn(t *testing.T, path string) int {
	t.Helper()
	servers, err := parse(t, content(t, path)).TrustedServers()
	if err != nil {
		t.Error(path, err)
	}
	return len(servers)
}

// symlink makes a symbolic link, or skips the test: Windows has them for
// administrators only, and Wine says that it made one and did not.
func symlink(t *testing.T, to, link string) {
	t.Helper()
	err := os.Symlink(to, link)
	if err == nil {
		_, err = os.Readlink(link)
	}
	if err != nil {
		t.Skip("no symbolic links here: ", err)
	}
}

func TestASymbolicLinkKeepsPointing(t *testing.T) {
	path := writeConfig(t, oldConfig)
	folder := t.TempDir()
	middle, link := filepath.Join(folder, "middle.config"), filepath.Join(folder, "link.config")
	symlink(t, path, middle)
	symlink(t, "middle.config", link)
	if changed, err := Update(t.Context(), link, Change{Edit: setK("new")}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if to, err := os.Readlink(link); to != "middle.config" || err != nil {
		t.Errorf("the link is %q, %v", to, err)
	}
	if got := content(t, path); got != newConfig {
		t.Errorf("the file is now %q", got)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 2 {
		t.Errorf("beside the link there are %v", entries)
	}
	onlyConfig(t, path)
}

func TestALinkToNothingIsRefused(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link.config")
	symlink(t, "nowhere", link)
	if _, err := Update(t.Context(), link, Change{Edit: setK("new")}); err == nil || !strings.Contains(err.Error(), "it is a link to nowhere, which does not exist") {
		t.Errorf("got %v", err)
	}
}

func TestAReadOnlyFileIsLeftAlone(t *testing.T) {
	path := writeConfig(t, oldConfig)
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := Update(t.Context(), path, Change{Edit: setK("old")}); changed || err != nil {
		t.Errorf("nothing to do: %v, %v", changed, err)
	}
	changed, err := Update(t.Context(), path, Change{Edit: setK("new"), Before: func() error { t.Error("Before ran"); return nil }})
	refusal, is := errors.AsType[*ReadOnlyError](err)
	if changed || !is || refusal.Path != path || refusal.Immutable || !strings.Contains(err.Error(), path+" is read-only ("+readOnlyMark(info)+")") {
		t.Errorf("got %v, %v", changed, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("something was written: %v", entries)
	}
}

func TestWhatCannotBeUnderstoodIsLeftAlone(t *testing.T) {
	for name, data := range map[string]string{"truncated": oldConfig[:60], "bad list": "<octopus-settings><set key=\"" + KeyTrustedServers + "\">[{oops</set></octopus-settings>"} {
		path := writeConfig(t, data)
		longAgo(t, path)
		_, err := Update(t.Context(), path, Change{Edit: add("https://a:1")})
		if damage, is := errors.AsType[*DamagedError](err); !is || damage.Path != path || damage.Line == 0 || !strings.Contains(err.Error(), path+", line") {
			t.Errorf("%s: %v", name, err)
		}
		if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 || content(t, path) != data {
			t.Errorf("%s: something was written: %v", name, entries)
		}
	}
}

func TestLeftoversOfKilledProcessesAreRemoved(t *testing.T) {
	path := writeConfig(t, oldConfig)
	folder := filepath.Dir(path)
	stale := ".Tentacle.config.octo-tentacle.0123456789abcdef.tmp"
	others := []string{
		"Tentacle.config.tmp", ".Tentacle.config.octo-tentacle.tmp", ".Tentacle.config.octo-tentacle.0123456789abcdeg.tmp", ".Tentacle.config.octo-tentacle.01234567.tmp",
		".Tentacle.config.octo-tentacle.0123456789abcdef.bak", ".Tentacle.config.octo-tentacle.0123456789abcdef", "0123456789abcdef", ".other.config.octo-tentacle.0123456789abcdef.tmp",
	}
	for _, name := range append(others, stale) {
		put(t, filepath.Join(folder, name), "")
	}
	if _, err := Update(t.Context(), path, Change{Edit: setK("new")}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, stale)); err == nil {
		t.Error("the leftover is still there")
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Errorf("%s is gone", name)
		}
	}
}

// Where no lock is held, another process may be just writing.
func TestLeftoversOfNewFilesAreRemovedWhenTheyAreOld(t *testing.T) {
	home := machine(t)
	for path, write := range map[string]func(path string) error{
		filepath.Join(home, "certificate.txt"): func(path string) error { return atomicfile.WriteFile(path, []byte("new"), 0o600) },
		filepath.Join(home, "Tentacle.config"): func(path string) error { return Create(path) },
		IndexFolder(): func(string) error {
			_, err := Register(Instance{Name: "web", ConfigPath: "/web"})
			return err
		},
	} {
		old, recent := atomicfile.Sidecar(path, "0123456789abcdef.tmp"), atomicfile.Sidecar(path, "1123456789abcdef.tmp")
		put(t, old, "")
		put(t, recent, "")
		before := time.Now().Add(-2 * time.Hour)
		if err := os.Chtimes(old, before, before); err != nil {
			t.Fatal(err)
		}
		if err := write(path); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(old); err == nil {
			t.Errorf("the leftover %s is still there", old)
		}
		if _, err := os.Stat(recent); err != nil {
			t.Errorf("%s may be in use, but is gone: %v", recent, err)
		}
	}
}

func TestALargeFileIsSavedWhole(t *testing.T) {
	data := large(10000)
	path := writeConfig(t, string(data))
	if _, err := Update(t.Context(), path, Change{Edit: add("https://one-more:1")}); err != nil {
		t.Fatal(err)
	}
	want := bytes.Replace(data, []byte("]</set>"), []byte(`,{"Thumbprint":"AB","CommunicationStyle":2,"Address":"https://one-more:1","Squid":null,"SubscriptionId":null}]</set>`), 1)
	if got := content(t, path); got != string(want) {
		t.Errorf("%d bytes, not %d", len(got), len(want))
	}
}

package tentacleconfig

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestAMarkIsFoundForTheServiceThatItIsAboutUntilItIsCleared(t *testing.T) {
	folder := t.TempDir()
	temporaryKeys(t)
	path, _ := identified(t, folder, "web")
	if mark, found := FindRestartMark(path, "web"); found {
		t.Errorf("before: %+v", mark)
	}
	begin := time.Now().Add(-time.Second)
	if err := SetRestartMark(path, "web"); err != nil {
		t.Fatal(err)
	}
	mark, found := FindRestartMark(path, "web")
	if !found || mark.Service != "web" || mark.Time.Before(begin.Truncate(time.Second)) || mark.Time.After(time.Now()) || mark.Boot != ThisBoot() {
		t.Errorf("%+v, %v", mark, found)
	}
	if runtime.GOOS == "linux" && len(mark.Boot) != 36 {
		t.Errorf("boot %q", mark.Boot)
	}
	if mark, found := FindRestartMark(path, "another"); found {
		t.Errorf("of another service: %+v", mark)
	}
	file := restartMarkFile(path)
	if !IsOwnFile(file, path) {
		t.Errorf("%s is not called a Tentacle's own", file)
	}
	if files, err := IdentityFilesOf(path); err != nil || !slices.Contains(files.Rest, file) {
		t.Errorf("an image would have it: %+v, %v", files, err)
	}
	if backups, err := Backups(path); err != nil || len(backups) != 1 {
		t.Errorf("it is a backup: %v, %v", backups, err)
	}
	for range 2 {
		if err := ClearRestartMark(path); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*restart*")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWhatIsNoMarkCountsAsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Tentacle.config")
	put(t, path, "")
	for what, content := range map[string]string{"empty": "", "no JSON": "restarting", "of no service": "{}", "too large": `{"service": "web"}` + string(make([]byte, maxMark))} {
		put(t, restartMarkFile(path), content)
		if mark, found := FindRestartMark(path, "web"); found {
			t.Errorf("%s: %+v", what, mark)
		}
	}
	if err := os.Remove(restartMarkFile(path)); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" { // which has links for administrators only
		return
	}
	victim := filepath.Join(t.TempDir(), "victim")
	put(t, victim, "kept")
	if err := os.Symlink(victim, restartMarkFile(path)); err != nil {
		t.Fatal(err)
	}
	if err := SetRestartMark(path, "web"); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(victim); string(content) != "kept" || err != nil {
		t.Errorf("what a link leads to is %q, %v", content, err)
	}
	if _, found := FindRestartMark(path, "web"); !found {
		t.Error("there is no mark")
	}
}

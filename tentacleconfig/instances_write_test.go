package tentacleconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestAnInstanceIsPutIntoTheIndexAsTentacleDoesIt(t *testing.T) {
	home := machine(t)
	config := filepath.Join(home, "a&b", "Tentacle.config")
	changed, err := Register(Instance{"My Box", config})
	if !changed || err != nil {
		t.Fatalf("changed %t, %v", changed, err)
	}
	want := "{\n  \"Name\": \"My Box\",\n  \"ConfigurationFilePath\": \"" + strings.ReplaceAll(config, `\`, `\\`) + "\"\n}"
	if got := read(t, filepath.Join(home, "Tentacle", "Instances", "my-box.config")); got != want {
		t.Errorf("the index file:\n%s\nwant:\n%s", got, want)
	}
	if changed, err := Register(Instance{"My Box", config}); changed || err != nil {
		t.Errorf("a second time: changed %t, %v", changed, err)
	}
	if changed, err := Register(Instance{"MY BOX", config}); changed || err != nil {
		t.Errorf("in capitals: changed %t, %v", changed, err)
	}
	if list, err := Instances(); len(list) != 1 || list[0].Name != "My Box" || err != nil {
		t.Errorf("the index: %v, %v", list, err)
	}
}

func TestWhereNoConfigurationCanBeMadeIsKnownBefore(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckCreatable(filepath.Join(folder, "a", "b", "Tentacle.config")); err != nil {
		t.Errorf("below a folder: %v", err)
	}
	if err := CheckCreatable(filepath.Join(file, "a", "Tentacle.config")); err == nil {
		t.Error("below a file: no error")
	}
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		return // whom the mode does not bind
	}
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(folder, 0o700) }()
	if err := CheckCreatable(filepath.Join(folder, "a", "b", "Tentacle.config")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("below a folder that takes nothing: %v", err)
	}
}

func TestAnIndexFileOfAnotherInstanceIsLeftAlone(t *testing.T) {
	home := machine(t)
	if _, err := Register(Instance{"My Box", filepath.Join(home, "a.config")}); err != nil {
		t.Fatal(err)
	}
	if _, err := Register(Instance{"my-box", filepath.Join(home, "b.config")}); err == nil || !strings.Contains(err.Error(), `"My Box"`) {
		t.Errorf("got %v", err)
	}
	if list, _ := Instances(); len(list) != 1 || filepath.Base(list[0].ConfigPath) != "a.config" {
		t.Errorf("the index: %v", list)
	}
}

func TestANameThatWouldLeaveTheIndexFolderIsRefused(t *testing.T) {
	for _, name := range []string{"", " ", "..", "../x", `a\b`, "a/b", "C:", "a\nb", " a", "a "} {
		if CheckInstanceName(name) == nil {
			t.Errorf("%q was accepted", name)
		}
	}
	for _, name := range []string{"Tentacle", "My Box", "web.01", "Größe", "a&b"} {
		if err := CheckInstanceName(name); err != nil {
			t.Error(err)
		}
	}
}

func TestAnInstanceIsRemovedFromTheIndexAlone(t *testing.T) {
	home := machine(t, "Other", "My Box")
	if err := Unregister("My Box"); err != nil {
		t.Fatal(err)
	}
	if list, err := Instances(); len(list) != 1 || list[0].Name != "Other" || err != nil {
		t.Errorf("the index: %v, %v", list, err)
	}
	read(t, filepath.Join(home, "My Box", "Tentacle.config")) // is still there
	if err := Unregister("My Box"); err != nil {
		t.Errorf("a second time: %v", err)
	}
	t.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(home, "nowhere"))
	if err := Unregister("My Box"); err != nil {
		t.Errorf("without an index: %v", err)
	}
}

func TestAnInstanceWithoutItsConfigurationIsStillFoundInTheIndex(t *testing.T) {
	home := machine(t, "Gone")
	if err := os.Remove(filepath.Join(home, "Gone", "Tentacle.config")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"GONE", ""} {
		if i, err := FindRegistered(name, ""); i.Name != "Gone" || err != nil {
			t.Errorf("%q: %v, %v", name, i, err)
		}
		if _, err := Find(name, ""); err == nil {
			t.Errorf("%q: Find did not notice", name)
		}
	}
}

func TestANewConfigurationIsAsTentacleLeavesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "Tentacle.config")
	if err := Create(path, Setting{KeyHome, "/a & b"}); err != nil {
		t.Fatal(err)
	}
	want := bom + `<?xml version="1.0" encoding="utf-8"?>
<octopus-settings xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <set key="Octopus.Home">/a &amp; b</set>
</octopus-settings>`
	if got := read(t, path); got != want {
		t.Errorf("got:\n%s", got)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := Create(path, Setting{KeyHome, "/other"}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing one: %v", err)
	}
	if got := read(t, path); got != want {
		t.Error("the existing one was changed")
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
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

func TestNamesOfDevicesAreNoNamesOfInstancesOnWindows(t *testing.T) {
	for _, name := range []string{"con", "NUL", "aux.web", "COM1", "lpt9"} {
		if err := CheckInstanceName(name); (err != nil) != (runtime.GOOS == "windows") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckInstanceName("console"); err != nil {
		t.Error(err)
	}
}

func TestPathsAreComparedAsFilesAndElseByTheRulesOfTheSystem(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "Tentacle.config")
	put(t, file, "")
	put(t, filepath.Join(folder, "other"), "")
	for path, want := range map[string]bool{
		file: true,
		filepath.Join(folder, "x") + "/../Tentacle.config": true,
		filepath.Join(folder, "other"):                     false,
		filepath.Join(folder, "none"):                      false,
		folder:                                             false,
	} {
		if got := SamePath(file, path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	for _, c := range []struct {
		a, b, goos string
		want       bool
	}{
		{"none", "none", "linux", true},
		{"none", "./x/../none", "linux", true},
		{"none", "None", "linux", false},
		{"none", "None", "windows", true},
		{"none", "other", "windows", false},
	} {
		if got := samePathText(c.a, c.b, c.goos); got != c.want {
			t.Errorf("%s and %s on %s: %v", c.a, c.b, c.goos, got)
		}
	}
}

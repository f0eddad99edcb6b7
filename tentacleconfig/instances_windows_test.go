package tentacleconfig

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// older puts an instance into the index that Tentacle had before there were files.
func older(t *testing.T, name, config string) {
	t.Helper()
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, olderIndex+`\`+name, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if err != nil {
		t.Skip("needs an Administrator: ", err)
	}
	defer key.Close()
	t.Cleanup(func() {
		if err := unregisterOlder(name); err != nil {
			t.Error(err)
		}
	})
	if err := key.SetStringValue("ConfigurationFilePath", config); err != nil {
		t.Fatal(err)
	}
}

func TestAnInstanceOfTheOlderIndexIsFoundMigratedAndRemovedFromBoth(t *testing.T) {
	home := machine(t, "New One")
	config := filepath.Join(home, "old", "Tentacle.config")
	put(t, config, "<octopus-settings/>")
	older(t, "octo-tentacle Test", config)
	older(t, "New One", filepath.Join(home, "elsewhere", "Tentacle.config"))

	list, err := Instances()
	if err != nil || len(list) != 2 || list[0].ConfigPath != filepath.Join(home, "New One", "Tentacle.config") {
		t.Fatalf("the file goes before the registry, and both are listed, but: %v, %v", list, err)
	}
	found, err := Find("OCTO-TENTACLE test", "")
	if want := (Instance{"octo-tentacle Test", config}); found != want || err != nil {
		t.Fatalf("found %v, %v", found, err)
	}
	if now, err := Registered(found.Name); now.Name != "" || err != nil {
		t.Fatalf("looking has written: %v, %v", now, err)
	}
	for range 2 {
		if err := Migrate(Instance{found.Name, config + `\..\Tentacle.config`}); err != nil { // as it may be typed
			t.Fatal(err)
		}
		if now, err := Registered(found.Name); now != found || err != nil {
			t.Fatalf("the index has %v, %v", now, err)
		}
	}
	if err := Migrate(Instance{"Never Heard Of", config}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(IndexFile("Never Heard Of")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is in no index was written: %v", err)
	}

	if err := Unregister(found.Name); err != nil {
		t.Fatal(err)
	}
	if list, err := Instances(); err != nil || len(list) != 1 {
		t.Errorf("it is still there: %v, %v", list, err)
	}
	if _, err := os.Stat(config); err != nil {
		t.Error("its configuration is gone: ", err)
	}
}

func TestValuesOfTheOlderIndexAreReadAsDotNETReadsThem(t *testing.T) {
	home := machine(t, "New One")
	config := filepath.Join(home, "old", "Tentacle.config")
	put(t, config, "<octopus-settings/>")
	t.Setenv("OCTO_TENTACLE_TEST_HOME", home)
	set := func(name string, value func(registry.Key) error) {
		t.Helper()
		older(t, name, config)
		key, err := registry.OpenKey(registry.LOCAL_MACHINE, olderIndex+`\`+name, registry.ALL_ACCESS|registry.WOW64_64KEY)
		if err != nil {
			t.Fatal(err)
		}
		defer key.Close()
		if err := value(key); err != nil {
			t.Fatal(err)
		}
	}
	const value = "ConfigurationFilePath"
	set("octo-tentacle Expanded", func(k registry.Key) error {
		return k.SetExpandStringValue(value, `%OCTO_TENTACLE_TEST_HOME%\old\Tentacle.config`)
	})
	set("octo-tentacle Number", func(k registry.Key) error { return k.SetDWordValue(value, 7) })
	set("octo-tentacle List", func(k registry.Key) error { return k.SetStringsValue(value, []string{config}) })
	set("octo-tentacle Bytes", func(k registry.Key) error { return k.SetBinaryValue(value, []byte(config)) })
	set("octo-tentacle Empty", func(k registry.Key) error { return k.SetStringValue(value, "") })

	list, err := Instances()
	if want := (Instance{"octo-tentacle Expanded", config}); err != nil || len(list) != 2 || list[1] != want {
		t.Errorf("found %v, %v", list, err)
	}
	var skipped []string
	for _, s := range Skipped() {
		skipped = append(skipped, s.Name)
		if !strings.HasSuffix(s.Error(), `\`+s.Name+" was skipped: its ConfigurationFilePath is not a string") {
			t.Error(s)
		}
	}
	if got := strings.Join(skipped, ","); got != "octo-tentacle Bytes,octo-tentacle List,octo-tentacle Number" {
		t.Errorf("skipped %s", got)
	}
	if _, err := Find("octo-tentacle expanded", ""); err != nil {
		t.Error("another entry is in the way: ", err)
	}
	if _, err := Find("octo-tentacle number", ""); !errors.As(err, new(*SkippedError)) {
		t.Errorf("the reason is not told: %v", err)
	}
}

func TestAnIndexFileKeepsItsAttributesAndAccessList(t *testing.T) {
	home := machine(t, "New One")
	path := IndexFile("New One")
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;OW)(A;;FR;;;LS)")
	if err != nil {
		t.Fatal(err)
	}
	if err := setSecurity(path, sd, false); err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := windows.SetFileAttributes(name, windows.FILE_ATTRIBUTE_HIDDEN); err != nil {
		t.Fatal(err)
	}
	before := security(t, path)
	if changed, err := Register(Instance{"new one", filepath.Join(home, "elsewhere", "Tentacle.config")}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if after := security(t, path); after != before {
		t.Errorf("owner and access list: %s, before: %s", after, before)
	}
	if now, err := attributesOf(path); now&windows.FILE_ATTRIBUTE_HIDDEN == 0 || err != nil {
		t.Errorf("attributes %x, %v", now, err)
	}
}

func TestANewIndexFileHasWhatItsFolderGives(t *testing.T) {
	home := machine(t, "New One")
	folder := IndexFolder()
	sd, err := windows.SecurityDescriptorFromString("D:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;FA;;;OW)(A;OICI;0x1200a9;;;LS)")
	if err != nil {
		t.Fatal(err)
	}
	if err := setSecurity(folder, sd, false); err != nil {
		t.Fatal(err)
	}
	if changed, err := Register(Instance{"Another", filepath.Join(home, "Tentacle.config")}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if now, err := Registered("Another"); now.Name != "Another" || err != nil {
		t.Errorf("the index has %v, %v", now, err)
	}
	if got := security(t, IndexFile("Another")); !onWine() && !strings.Contains(got, "(A;ID;0x1200a9;;;LS)") { // which makes a mode of it
		t.Errorf("it has %s", got)
	}
}

func TestAnInstanceIsTheSameInWhateverCaseItsPathIsTyped(t *testing.T) {
	home := machine(t, "New One")
	i, err := Registered("New One")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		want bool
	}{
		{strings.ToUpper(i.ConfigPath), false},
		{i.ConfigPath + `\..\TENTACLE.config`, false},
		{filepath.Join(home, "Other.config"), true},
	} {
		if changed, err := Register(Instance{"New One", c.path}); changed != c.want || err != nil {
			t.Errorf("%s: %v, %v", c.path, changed, err)
		}
	}
}

func TestWhatIsNoInstanceStaysInTheRegistry(t *testing.T) {
	machine(t, "New One")
	path := olderIndex + `\New One`
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if err != nil {
		t.Skip("needs an Administrator: ", err)
	}
	defer key.Close()
	t.Cleanup(func() { registry.DeleteKey(registry.LOCAL_MACHINE, path) })
	if err := Unregister("New One"); err != nil {
		t.Fatal(err)
	}
	if left, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.READ|registry.WOW64_64KEY); err != nil {
		t.Error("something else of that name was removed: ", err)
	} else {
		left.Close()
	}
}

func TestACertificateOfATentacle1IsReadFromTheRegistry(t *testing.T) {
	const path, value = `Software\Octopus`, "Cert-cn=Octopus Tentacle"
	key, existed, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if err != nil {
		t.Skip("needs an Administrator: ", err)
	}
	defer key.Close()
	if _, _, err := key.GetStringValue(value); err == nil {
		t.Skip("this machine has one")
	}
	if _, err := RegistryCertificate(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("without one: %v", err)
	}
	want := base64.StdEncoding.EncodeToString([]byte("a PFX"))
	if err := key.SetStringValue(value, want); err != nil {
		t.Fatal(err)
	}
	got, err := RegistryCertificate()
	if got != want || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := key.DeleteValue(value); err != nil {
		t.Error(err)
	}
	if !existed {
		registry.DeleteKey(registry.LOCAL_MACHINE, path)
	}
}

package tentacleconfig

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows/registry"
)

// older puts an instance into the index that Tentacle had before there were files.
func older(t *testing.T, name, config string) {
	t.Helper()
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, registryIndex+`\`+name, registry.ALL_ACCESS|registry.WOW64_64KEY)
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

func TestWhatIsNoInstanceStaysInTheRegistry(t *testing.T) {
	machine(t, "New One")
	path := registryIndex + `\New One`
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

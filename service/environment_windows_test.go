package service

import (
	"errors"
	"testing"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

func TestTheRegistryHasTheEnvironmentOfAService(t *testing.T) {
	const name = "octo-tentacle-environment-test"
	const path = `SYSTEM\CurrentControlSet\Services\` + name
	if list, err := Environment(t.Context(), name); err != nil || len(list) > 0 {
		t.Fatalf("a service that does not exist: %v, %v", list, err)
	}
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.SET_VALUE)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		t.Skip("needs Administrator")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registry.DeleteKey(registry.LOCAL_MACHINE, path) })
	if list, err := Environment(t.Context(), name); err != nil || find(list, "A").Name != "" {
		t.Errorf("without an environment of its own: %v, %v", list, err)
	}
	err = key.SetStringsValue("Environment", []string{"A=1", "PATH=own"})
	_ = key.Close()
	if err != nil {
		t.Fatal(err)
	}
	list, err := Environment(t.Context(), name)
	if err != nil || find(list, "A").Value != "1" || find(list, "A").Source != SourceDefinition || find(list, "PATH").Value != "own" {
		t.Errorf("%v, %v", list, err)
	}
	if windir := find(list, "windir"); windir.Source != SourceSystem {
		t.Errorf("the system variables are missing: %v", list)
	}
}

func find(list []Variable, name string) Variable {
	for _, v := range list {
		if v.Name == name {
			return v
		}
	}
	return Variable{}
}

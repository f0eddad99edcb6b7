package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/windows/registry"
)

// Environment lists the variables that the service's key in the registry sets, and the system
// variables, which every service gets. It is empty for a service that does not exist.
func Environment(_ context.Context, name string) ([]Variable, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	own, err := openKey(`SYSTEM\CurrentControlSet\Services\` + name)
	if own == 0 || err != nil {
		return nil, err
	}
	defer own.Close()
	list, _, err := own.GetStringsValue("Environment")
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the environment of the service %s: %w", name, err)
	}
	variables := assignments(list, SourceDefinition)

	system, err := openKey(`SYSTEM\CurrentControlSet\Control\Session Manager\Environment`)
	if system == 0 || err != nil {
		return variables, err
	}
	defer system.Close()
	names, err := system.ReadValueNames(0)
	if err != nil {
		return variables, fmt.Errorf("cannot read the system environment variables: %w", err)
	}
	var all []Variable
	for _, n := range names {
		if value, _, err := system.GetStringValue(n); err == nil {
			all = append(all, Variable{Name: n, Value: value, Source: SourceSystem})
		}
	}
	return withMissing(variables, all), nil
}

// openKey opens a key of HKEY_LOCAL_MACHINE to read; 0 where it does not exist.
func openKey(path string) (registry.Key, error) {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot read the registry at HKLM\\%s: %w", strings.TrimSpace(path), err)
	}
	return key, nil
}

package tentacleconfig

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/windows/registry"
)

// registryInstances lists the instances of the index that Tentacle had before
// there were index files, in the 64-bit view of the registry
// (Configuration/Instances/WindowsRegistryApplicationInstanceStore.cs).
func registryInstances() ([]Instance, error) {
	const path = `Software\Octopus\Tentacle`
	const access = registry.READ | registry.WOW64_64KEY
	index, err := registry.OpenKey(registry.LOCAL_MACHINE, path, access)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf(`cannot read the instances of Tentacle in HKLM\%s: %w`, path, err)
	}
	defer index.Close()
	names, err := index.ReadSubKeyNames(-1)
	if err != nil {
		return nil, fmt.Errorf(`cannot list the instances of Tentacle in HKLM\%s: %w`, path, err)
	}
	var list []Instance
	for _, name := range names {
		config, err := configurationOf(index, name, access)
		if err != nil {
			return nil, fmt.Errorf(`cannot read the instance in HKLM\%s\%s: %w`, path, name, err)
		}
		if config == "" { // the same key holds other things of Tentacle's as well
			continue
		}
		instance, err := instanceAt(name, config)
		if err != nil {
			return nil, err
		}
		list = append(list, instance)
	}
	return list, nil
}

func configurationOf(index registry.Key, name string, access uint32) (string, error) {
	key, err := registry.OpenKey(index, name, access)
	if err != nil {
		return "", err
	}
	defer key.Close()
	config, _, err := key.GetStringValue("ConfigurationFilePath")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return config, err
}

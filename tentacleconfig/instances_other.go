//go:build !windows

package tentacleconfig

// registryInstances: only Windows has the older index in the registry.
func registryInstances() ([]Instance, error) { return nil, nil }

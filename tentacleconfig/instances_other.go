//go:build !windows

package tentacleconfig

import "errors"

func usualMachineHome() string { return "/etc/octopus" }

// registryIndex: only Windows has the older index in the registry.
func registryIndex() ([]Instance, []*SkippedError, error) { return nil, nil, nil }

// Migrate: only Windows has an older index.
func Migrate(Instance) error { return nil }

func unregisterOlder(string) error { return nil }

// RegistryCertificate is the certificate of an Octopus Tentacle 1.x, which only
// Windows can have.
func RegistryCertificate() (string, error) {
	return "", errors.New("only Windows has a registry to read a certificate from")
}

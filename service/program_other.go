//go:build !windows

package service

// installedPlace: only the installer of Windows says where it has put the Tentacle.
func installedPlace() string { return "" }

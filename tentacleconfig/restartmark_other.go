//go:build !linux

package tentacleconfig

// ThisBoot is "": this system has no name for a boot.
func ThisBoot() string { return "" }

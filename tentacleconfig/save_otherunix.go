//go:build !windows && !linux

package tentacleconfig

import "os"

// keepAttributes: octo-tentacle changes a Tentacle on Linux and Windows; where
// it is only developed, owner and mode are enough.
func keepAttributes(*os.File, string) error { return nil }

// mayReplace: there, the rename notices.
func mayReplace(string) error { return nil }

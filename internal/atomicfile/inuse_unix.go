//go:build !windows

package atomicfile

import "os"

// No program keeps another from a file here.
func isInUse(error) bool { return false }

func remove(path string) error { return os.Remove(path) }

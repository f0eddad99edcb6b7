//go:build !windows

package history

import (
	"os"
	"syscall"
)

// tryLock locks a file until it is closed, or fails if another process has it.
func tryLock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

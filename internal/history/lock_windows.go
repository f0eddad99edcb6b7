package history

import (
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks a file until it is closed, or fails if another process has it. Windows keeps others
// from what is locked, so that is a byte far behind the end.
func tryLock(f *os.File) error {
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
}

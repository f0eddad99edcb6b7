//go:build !linux && !windows

package peakmemory

import (
	"runtime"
	"syscall"
)

// Peak is the most memory that this process had at a time: bytes.
func Peak() (int64, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss), err
	}
	return int64(usage.Maxrss) << 10, err
}

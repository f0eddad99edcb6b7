//go:build !windows

package tentacleconfig

import (
	"fmt"
	"os"
	"syscall"
)

// foreignOwner says why a backup of the file at target does not count: "" if it belongs to the
// owner of that file, or to root.
func foreignOwner(target string) func(backup string) string {
	trusted := ownerOf(target)
	return func(backup string) string {
		if owner := ownerOf(backup); owner != 0 && owner != trusted {
			return fmt.Sprintf("belongs to user %d", owner)
		}
		return ""
	}
}

// ownerOf is the number of the user that a file belongs to; root's for one that is gone by now.
func ownerOf(path string) int {
	if info, err := os.Lstat(path); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			return int(stat.Uid)
		}
	}
	return 0
}

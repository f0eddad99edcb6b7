//go:build !windows

package history

import (
	"io/fs"
	"os"
	"syscall"
)

// giveToOwner gives what was just created in a folder to the owner and group of the folder. Who may
// not give files away keeps it.
func giveToOwner(f *os.File, folder *os.Root) {
	info, err := folder.Stat(".")
	if err != nil || os.Geteuid() != 0 {
		return
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(stat.Uid), int(stat.Gid))
	}
}

// linked says whether a file has another name: then it may be somebody else's.
func linked(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}

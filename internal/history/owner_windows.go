package history

import (
	"io/fs"
	"os"
)

// giveToOwner: the folder decides who may use a file in it.
func giveToOwner(*os.File, *os.Root) {}

// linked: only administrators make links to files that they may not write to.
func linked(fs.FileInfo) bool { return false }

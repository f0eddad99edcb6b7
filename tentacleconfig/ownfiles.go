package tentacleconfig

import (
	"os"
	"path/filepath"
	"slices"
)

// IsOwnFile says whether path is, or leads to, a file that a Tentacle on this machine needs: the
// configuration of an instance, or that at config ("" for none), a backup of one, its lock or its
// mark of a restart, an index file, or a key of this machine. A path in the folder of the index is
// one, too: Tentacle takes every file there for an instance.
func IsOwnFile(path, config string) bool {
	var own []string
	indexed, _ := os.ReadDir(indexFolder()) // there may be none
	for _, file := range indexed {
		own = append(own, filepath.Join(indexFolder(), file.Name()))
	}
	instances, _ := Instances() // of a damaged index, those that can be read
	for _, i := range append(instances, Instance{ConfigPath: config}) {
		if i.ConfigPath == "" {
			continue
		}
		own = append(own, i.ConfigPath, lockFile(i.ConfigPath), restartMarkFile(i.ConfigPath))
		own = append(own, keyFilesOf(i.ConfigPath)...)
		backups, _ := everyBackup(i.ConfigPath) // what cannot be listed is not replaced here either
		for _, b := range backups {
			own = append(own, b.Path)
		}
	}
	return SamePath(filepath.Dir(path), indexFolder()) ||
		slices.ContainsFunc(own, func(o string) bool { return SamePath(path, o) })
}

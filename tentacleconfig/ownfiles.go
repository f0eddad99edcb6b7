package tentacleconfig

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// IsOwnFile says whether path is, or leads to, a file that a Tentacle on this machine needs: the
// configuration of an instance, or that at config ("" for none), a backup of one, its lock or its
// mark of a restart, an index file, or a key of this machine. A path in the folder of the index is
// one, too: Tentacle takes every file there for an instance.
func IsOwnFile(path, config string) bool {
	if SamePath(filepath.Dir(path), IndexFolder()) {
		return true
	}
	return slices.ContainsFunc(ownFiles(config), lookUp(path).isAt)
}

// ownFiles are the files that IsOwnFile means, each once. A folder is listed once, however many
// configurations are in it.
func ownFiles(config string) []string {
	own := map[string]bool{}
	indexed, _ := os.ReadDir(IndexFolder()) // there may be none
	for _, file := range indexed {
		own[filepath.Join(IndexFolder(), file.Name())] = true
	}
	instances, _ := Instances() // of a damaged index, those that can be read
	targets, folders := map[string]bool{}, map[string]bool{}
	for _, i := range append(instances, Instance{ConfigPath: config}) {
		if i.ConfigPath == "" {
			continue
		}
		for _, file := range append(keyFilesOf(i.ConfigPath), i.ConfigPath, lockFile(i.ConfigPath), restartMarkFile(i.ConfigPath)) {
			own[file] = true
		}
		if target, err := resolve(i.ConfigPath); err == nil { // what cannot be found has no backups
			targets[target], folders[filepath.Dir(target)] = true, true
		}
	}
	for folder := range folders {
		entries, _ := os.ReadDir(folder) // what cannot be listed is not replaced here either
		for _, e := range entries {
			file := filepath.Join(folder, e.Name())
			if target, isBackup := backedUp(file); isBackup && targets[target] && e.Type().IsRegular() {
				own[file] = true
			}
		}
	}
	return slices.Collect(maps.Keys(own))
}

// backedUp is the configuration that a file is a backup of, by its name.
func backedUp(file string) (target string, isBackup bool) {
	at := strings.LastIndex(file, backupMark)
	if at < 0 || BackupID(file) == "" {
		return "", false
	}
	return file[:at], true
}

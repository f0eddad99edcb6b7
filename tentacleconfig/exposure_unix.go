//go:build !windows

package tentacleconfig

import (
	"os"
	"path/filepath"
)

// Exposure finds out whether every user of this machine can read the secrets: the files, and the
// key, which on most machines is the machine id. Tentacle makes its configuration with whatever
// mode the umask leaves, which for root usually is 0644, and later writes into the file as it is
// (OctopusTentacle, XmlFileKeyValueStore.cs).
func (d *Document) Exposure() (e Exposure) {
	if _, isFile := d.body.(*xmlText); !isFile {
		return e
	}
	for _, s := range d.body.all() {
		if !IsSecret(s.Key) || s.Value == "" {
			continue
		}
		if _, key, err := decrypt(s.Value, d.path); err == nil {
			e.Key = key
			break
		}
	}
	if e.Key == "" || !everybodyReads(e.Key) {
		return e
	}
	files := []string{d.path}
	backups, _ := everyBackup(d.path) // where they cannot be listed, not everybody can read them either
	for _, b := range backups {
		files = append(files, b.Path)
	}
	for _, file := range files {
		if everybodyReads(file) {
			e.Files = append(e.Files, file)
		}
	}
	return e
}

// everybodyReads says whether the modes of a file and of all folders on the way to it let every
// user read it. What access lists say about others is in the modes, too.
func everybodyReads(path string) bool {
	const read, traverse = 0o004, 0o001
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	if target, err = filepath.Abs(target); err != nil {
		return false
	}
	info, err := os.Stat(target)
	if err != nil || info.Mode()&read == 0 {
		return false
	}
	for folder := filepath.Dir(target); ; folder = filepath.Dir(folder) {
		if info, err = os.Stat(folder); err != nil || info.Mode()&traverse == 0 {
			return false
		}
		if folder == filepath.Dir(folder) {
			return true
		}
	}
}

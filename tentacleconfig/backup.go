package tentacleconfig

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
)

// Backup is a configuration file that an Update replaced and kept beside the
// new one, as NAME.bak-TIME: with the owner, mode, access list and label that
// it had, for it holds the same secrets.
type Backup struct {
	Path string    // absolute
	Time time.Time // when it was replaced: UTC, whole seconds

	number int // 1, 2 for the second one of the same second, and so on
}

const (
	backupMark = ".bak-"
	backupTime = "20060102T150405Z" // ISO 8601 without colons, which Windows allows in no file name

	// maxBackups is how many of one configuration are kept.
	maxBackups = 10
)

// ID is the TIME in the file's name, like 20261123T041500Z; the second one of
// that second is 20261123T041500Z-2.
func (b Backup) ID() string {
	id := b.Time.Format(backupTime)
	if b.number > 1 {
		id += "-" + strconv.Itoa(b.number)
	}
	return id
}

// parseBackupID accepts only what ID makes.
func parseBackupID(id string) (b Backup, ok bool) {
	first, further, isFurther := strings.Cut(id, "-")
	b.number = 1
	var err error
	if isFurther {
		if b.number, err = strconv.Atoi(further); err != nil {
			return Backup{}, false
		}
	}
	if b.Time, err = time.Parse(backupTime, first); err != nil {
		return Backup{}, false
	}
	return b, b.ID() == id
}

// Read reads the backup as Read does a configuration, but not through a link:
// that would be no backup.
func (b Backup) Read() (*Document, error) { return readDocument(b.Path, atomicfile.OpenNoFollow) }

// ReadUsable reads the backup and the servers in it, and refuses what no Tentacle could work with.
func (b Backup) ReadUsable() (*Document, []TrustedServer, error) {
	document, err := b.Read()
	if err != nil {
		return nil, nil, err
	}
	servers, err := document.TrustedServers()
	return document, servers, err
}

// NewestUsableBackup is the newest backup of the configuration that ReadUsable accepts; ok is false
// where there is none.
func NewestUsableBackup(config string) (newest Backup, ok bool) {
	backups, _ := Backups(config) // what cannot be listed cannot be restored
	for _, b := range backups {
		if _, _, err := b.ReadUsable(); err == nil {
			return b, true
		}
	}
	return Backup{}, false
}

// Backups lists the backups of the configuration at path, the newest first.
// They are beside the file that a symbolic link leads to. Other names than those
// that Update gives, and what is not a file, are ignored.
func Backups(path string) ([]Backup, error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	return backupsOf(target)
}

func backupsOf(target string) ([]Backup, error) {
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		return nil, fmt.Errorf("cannot list the backups of %s: %w", target, err)
	}
	var list []Backup
	for _, e := range entries {
		id, isOurs := strings.CutPrefix(e.Name(), filepath.Base(target)+backupMark)
		if !isOurs || !e.Type().IsRegular() {
			continue
		}
		if b, ok := parseBackupID(id); ok {
			b.Path = target + backupMark + id
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b Backup) int { return cmp.Or(b.Time.Compare(a.Time), b.number-a.number) })
	return list, nil
}

// nextBackup names a backup that is made now. It comes after all others, even
// if the clock was set back: by their order the oldest is dropped and the
// newest restored, and the order matters more than the hour.
func nextBackup(target string, all []Backup, now time.Time) Backup {
	b := Backup{Time: now.UTC().Truncate(time.Second), number: 1}
	if len(all) > 0 && !all[0].Time.Before(b.Time) {
		b.Time, b.number = all[0].Time, all[0].number+1
	}
	for ; ; b.number++ {
		b.Path = target + backupMark + b.ID()
		if _, err := os.Lstat(b.Path); err != nil {
			return b
		}
	}
}

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

	// How many backups of one configuration are kept: those of the last weeks, for whoever has to
	// find out what was changed and when; some, however old; and not without end.
	leastBackups = 10
	mostBackups  = 100
	backupAge    = 90 * 24 * time.Hour

	// clockError is how far a clock may have been wrong, as by a time zone. A file that is dated
	// later than that would be the newest backup for years.
	clockError = 24 * time.Hour
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

// BackupID is the ID of the backup with that path, whether or not it exists; "" where the name is
// no backup's.
func BackupID(path string) string {
	at := strings.LastIndex(path, backupMark)
	if at < 0 {
		return ""
	}
	id := path[at+len(backupMark):]
	if _, ok := parseBackupID(id); !ok {
		return ""
	}
	return id
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

// Backups lists the backups of the configuration at path, the newest first. They are beside the
// file that a symbolic link leads to. Other names than those that Update gives, and what is not a
// file, are not listed, and neither is what IgnoredBackups lists.
func Backups(path string) ([]Backup, error) {
	counting, _, err := backupsBeside(path)
	return counting, err
}

// IgnoredBackup is a file with the name of a backup that is not taken for one: it is not the newest
// to restore, and is neither counted nor removed. Whoever may write to the folder of a
// configuration could otherwise have it replaced, or have older backups removed.
type IgnoredBackup struct {
	Backup
	Why string // after the name of the file, like "belongs to user 1001"
}

// IgnoredBackups lists what lies beside the configuration at path, has the name of a backup, and
// belongs to neither the owner of the configuration nor root (on Windows, Administrators or
// SYSTEM), or is dated in the future. The newest comes first.
func IgnoredBackups(path string) ([]IgnoredBackup, error) {
	_, ignored, err := backupsBeside(path)
	return ignored, err
}

func backupsBeside(path string) (counting []Backup, ignored []IgnoredBackup, err error) {
	target, err := resolve(path)
	if err != nil {
		return nil, nil, err
	}
	return backupsOf(target, time.Now())
}

// backupsOf tells the backups that count from those that do not.
func backupsOf(target string, now time.Time) (counting []Backup, ignored []IgnoredBackup, err error) {
	named, err := namedBackups(target)
	if err != nil || len(named) == 0 {
		return nil, nil, err
	}
	foreign := foreignOwner(target)
	for _, b := range named {
		why := foreign(b.Path)
		if b.Time.After(now.Add(clockError)) {
			why = "is dated in the future"
		}
		if why == "" {
			counting = append(counting, b)
		} else {
			ignored = append(ignored, IgnoredBackup{b, why})
		}
	}
	return counting, ignored, nil
}

// everyBackup are all files with the name of a backup, also those that Backups does not list: they
// may hold the same secrets.
func everyBackup(path string) ([]Backup, error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	return namedBackups(target)
}

// namedBackups are all files with the name of a backup, the newest first.
func namedBackups(target string) ([]Backup, error) {
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

// surplus are those of the backups, the newest first, that are not kept any longer.
func surplus(backups []Backup, now time.Time) []Backup {
	kept := min(len(backups), mostBackups)
	for kept > leastBackups && now.Sub(backups[kept-1].Time) > backupAge {
		kept--
	}
	return backups[kept:]
}

// nextBackup names a backup that is made now. It comes after all others that count, even if the
// clock was set back a little: by their order the oldest is dropped and the newest restored, and
// the order matters more than the hour.
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

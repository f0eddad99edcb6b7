package tentacleconfig

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Backup is a configuration file that an Update replaced and kept beside the
// new one, as NAME.bak-TIME: with the owner, mode, access list and label that
// it had, for it holds the same secrets.
type Backup struct {
	Path string    // absolute
	Time time.Time // when it was replaced: UTC, whole seconds

	number int // 1, and more for the further ones of the same second
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
func (b Backup) Read() (*Document, error) { return readDocument(b.Path, openTarget) }

// Backups lists the backups of the configuration at path, the newest first.
// They lie beside the file that a symbolic link leads to. What is called
// otherwise than Update calls them, or is no file, is none.
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

// oldFile is what a save does with the file it replaces.
type oldFile struct {
	backup Backup
	made   bool     // by this save; else the newest one that there was has the same content
	others []Backup // the newest first
}

// keep makes the backup of the file, whose content is old, before it is
// replaced: what cannot be kept is not replaced.
//
// The backup is a second name (a hard link) of the file itself. That is made in
// one step, takes no space, and keeps everything the file has; with the rename
// the file loses its first name, to the new one. Whoever is killed in between
// leaves a backup that is the configuration itself: harmless, and the next
// change finds that the newest backup says just what is to be kept, and makes
// no other.
func (s *saving) keep(old []byte) (oldFile, error) {
	if s.change.Backup == nil {
		return oldFile{}, nil
	}
	all, err := backupsOf(s.target)
	if err != nil {
		return oldFile{}, s.notKept(err)
	}
	if len(all) > 0 && hasContent(all[0].Path, old) {
		return oldFile{backup: all[0], others: all[1:]}, nil
	}
	b := nextBackup(s.target, all, time.Now())
	if s.late != nil || os.Link(s.target, b.Path) != nil {
		// Not every file system has links, and Linux may forbid them on a file of
		// somebody else (fs.protected_hardlinks). What was written late has no name.
		if err := s.copyTo(b.Path, old); err != nil {
			return oldFile{}, s.notKept(err)
		}
	}
	return oldFile{backup: b, made: true, others: all}, nil
}

func (s *saving) notKept(err error) error {
	return fmt.Errorf("cannot keep a backup of %s: %w\nmend that, or save without a backup: --no-backup", s.target, err)
}

func hasContent(path string, want []byte) bool {
	info, err := os.Stat(path)
	if err != nil || info.Size() != int64(len(want)) {
		return false
	}
	data, err := readAll(path, openTarget)
	return err == nil && bytes.Equal(data, want)
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

// copyTo makes the backup where there can be no link: as whole, and as much
// like the old file, as the new one is made.
func (s *saving) copyTo(path string, old []byte) error {
	temp, err := s.writeTemp(old)
	if err != nil {
		return err
	}
	if err := rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return err
	}
	return nil
}

// settle is for when it is known whether the file was replaced: then the oldest
// backups go and the caller learns of the new one; else that goes again.
func (s *saving) settle(old oldFile, replaced bool) {
	switch {
	case s.change.Backup == nil:
	case !replaced && old.made:
		_ = os.Remove(old.backup.Path) // else it is a backup too many, of what there is
	case replaced:
		for _, b := range old.others[min(maxBackups-1, len(old.others)):] {
			_ = os.Remove(b.Path) // else the next change does
		}
		s.change.Backup(old.backup.Path)
	}
}

package tentacleconfig

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
)

// BackupError is a backup that cannot be made, so that the file was not replaced.
type BackupError struct {
	Path string // of the file
	Err  error
}

func (e *BackupError) Error() string {
	return fmt.Sprintf("cannot keep a backup of %s: %v", e.Path, e.Err)
}
func (e *BackupError) Unwrap() error { return e.Err }

// backupOfSave is the backup of the file that a save replaces.
type backupOfSave struct {
	Backup
	created bool     // by this save; otherwise the newest that there was has the same content
	others  []Backup // the newest first
}

// backUp makes the backup of the file, whose content is given, before it is replaced: what cannot
// be kept is not replaced.
//
// The backup is a second name (a hard link) of the file itself. That is made in one step, takes no
// space, and keeps everything the file has; with the rename the file loses its first name, to the
// new one. A process that is killed in between leaves a backup that is the configuration itself:
// harmless, and the next change finds that the newest backup is just what is to be kept, and makes
// no other. Where a program that has the file open can prevent the rename, it would keep that
// second name from being removed, too: there it is a copy, since Tentacle writes into the file.
func (s *saving) backUp(ctx context.Context, content []byte) (backupOfSave, error) {
	if s.change.Backup == nil {
		return backupOfSave{}, nil
	}
	now := time.Now()
	all, _, err := backupsOf(s.target, now)
	if err != nil {
		return backupOfSave{}, &BackupError{s.target, err}
	}
	if len(all) > 0 && hasContent(all[0].Path, content) {
		return backupOfSave{Backup: all[0], others: all[1:]}, nil
	}
	b := nextBackup(s.target, all, now)
	if s.lost != nil || !replacesOpenFiles || os.Link(s.target, b.Path) != nil {
		// Not every file system has links, and Linux may forbid them on a file of somebody else
		// (fs.protected_hardlinks). A lost update has no name.
		if err := s.copyTo(ctx, b.Path, content); err != nil {
			return backupOfSave{}, &BackupError{s.target, err}
		}
	}
	return backupOfSave{Backup: b, created: true, others: all}, nil
}

func hasContent(path string, want []byte) bool {
	info, err := os.Stat(path)
	if err != nil || info.Size() != int64(len(want)) {
		return false
	}
	data, err := readAll(path, atomicfile.OpenNoFollow)
	return err == nil && bytes.Equal(data, want)
}

// copyTo makes the backup where there can be no link: as whole, and as much like the old file, as
// the new one is made.
func (s *saving) copyTo(ctx context.Context, path string, content []byte) error {
	temp, err := s.writeTemp(content)
	if err != nil {
		return err
	}
	return atomicfile.MoveTemp(ctx, temp, path)
}

// otherNames counts the names of the file besides its own and those of its backups. What cannot be
// counted is none: most file systems that have no count have no links either.
func otherNames(target string, current *os.File) int {
	names := namesOf(current) - 1
	if names <= 0 {
		return 0
	}
	info, err := current.Stat()
	if err != nil {
		return 0
	}
	backups, _ := namedBackups(target) // where they cannot be listed, none was made
	for _, b := range backups {
		if backup, err := os.Lstat(b.Path); err == nil && os.SameFile(info, backup) {
			names--
		}
	}
	return names
}

// finishBackup is called when it is known whether the file was replaced: then the oldest backups
// are removed and the caller learns of the new one; otherwise the new one is removed again.
func (s *saving) finishBackup(b backupOfSave, replaced bool) {
	switch {
	case s.change.Backup == nil:
	case !replaced && b.created:
		_ = atomicfile.Remove(b.Path) // else there is a backup too many, of what is still there
	case replaced:
		for _, oldest := range surplus(append([]Backup{b.Backup}, b.others...), time.Now()) {
			_ = os.Remove(oldest.Path) // else the next change does
		}
		s.change.Backup(b.Path)
	}
}

package tentacleconfig

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/crashpoint"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// Change is an edit of a configuration file, for Update.
type Change struct {
	// Edit decides, on what the file says at that moment, what it should say.
	// It runs first without the lock, and again on every later content that
	// Update has to start from, so it may only change the document.
	Edit func(*Document) error

	// Before, which is optional, runs once: when something is to change and the
	// new content lies flushed beside the old, so that only the rename is left.
	Before func() error

	// Backup, which is optional, has the old file kept beside the new one (see
	// Backups), and is called with its path when the file has been replaced. Older
	// backups are removed then: the ten newest stay, and those of the last 90 days,
	// a hundred at most. The backup is made before Before runs; where it cannot be
	// made, the file is not replaced.
	Backup func(path string)

	// Linked, which is optional, is called when the file has been replaced and had
	// other names (hard links), with their number: they keep the old content. Its
	// backups do not count.
	Linked func(names int)

	// Damaged has Edit run on a file too that Read refuses to understand, with
	// what ReadDamaged makes of it: for an Edit that replaces all of it.
	Damaged bool

	// Waiting, which is optional, is called once if another octo-tentacle holds
	// the lock and Update has to wait for it.
	Waiting func()

	// LockTimeout is how long to wait for another octo-tentacle; 0 is a minute. It
	// bounds nothing else: what Before waits for has a deadline of its own.
	LockTimeout time.Duration
}

// Tentacle writes the file at its start. More than this many changes by others during one save is
// something running wild.
const maxStarts = 20

// Update changes the configuration file at path: the file afterwards is either
// the old or the new one, whatever happens meanwhile, and a process that is
// killed leaves at worst a temporary file, which the next Update removes. A
// symbolic link keeps pointing where it does, and the file keeps its owner, its
// mode, its access list and, on Linux, its SELinux label and its user
// attributes. Where that cannot be had, Update refuses.
//
// If Edit leaves the file as it is, nothing at all is written and changed is
// false. Errors of Edit and Before are returned as they are, with the file
// untouched. When changed is true and there is an error too, the new content is
// in the file, but may not survive a power failure.
func Update(ctx context.Context, path string, c Change) (changed bool, err error) {
	target, err := resolve(path)
	if err != nil {
		return false, err
	}
	// Most runs find nothing to do: they must work on a read-only file system,
	// and need no lock, since reading once is reading one state.
	if _, same, err := edited(ctx, target, c); err != nil || same {
		return false, err
	}
	if err := checkWritable(ctx, target); err != nil {
		return false, err
	}
	unlock, err := lock(ctx, target, c.Waiting, cmp.Or(c.LockTimeout, time.Minute))
	if err != nil {
		return false, err
	}
	defer func() {
		if failed := unlock(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	crashpoint.Reach("locked")
	atomicfile.RemoveLeftovers(target, 0)

	s := saving{target: target, change: c}
	return s.run(ctx)
}

// revision is a content of the file and what should replace it.
type revision struct{ before, after []byte }

// edited reads the file and edits it; same says that this changes nothing.
func edited(ctx context.Context, target string, c Change) (r revision, same bool, err error) {
	read := readDocument
	if c.Damaged {
		read = readDamaged
	}
	d, err := awaitDocument(ctx, target, read, atomicfile.OpenNoFollowContext)
	if err != nil {
		return r, false, err
	}
	r.before = d.Bytes()
	if err := c.Edit(d); err != nil {
		return r, false, err
	}
	r.after = d.Bytes()
	return r, bytes.Equal(r.before, r.after), nil
}

// CheckWritable says why Update could not change the file at path, as far as that
// can be known without writing anything. Like Update, it waits for programs that
// have the file open, where these keep it from being replaced.
func CheckWritable(ctx context.Context, path string) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	return checkWritable(ctx, target)
}

// checkWritable refuses early what would fail later, or what root could do although somebody does
// not want it done.
func checkWritable(ctx context.Context, target string) error {
	info, err := os.Stat(target)
	if err != nil {
		return readError(target, err)
	}
	if info.Mode().Perm()&0o222 == 0 {
		return &ReadOnlyError{Path: target, how: readOnlyMark(info)}
	}
	for _, path := range []string{target, filepath.Dir(target)} {
		if err := checkPermission(path); err != nil {
			return fmt.Errorf("cannot change %s: %w", target, err)
		}
	}
	return checkNotHeld(ctx, target)
}

// checkNotHeld refuses a file that another program keeps from being replaced, after a wait.
func checkNotHeld(ctx context.Context, target string) error {
	if err := checkReplaceableNow(ctx, target); err != nil {
		return hint.With(fmt.Errorf("cannot change %s: %w", target, err), "nothing was changed")
	}
	return nil
}

// saving is one Update that holds the lock.
type saving struct {
	target    string
	change    Change
	beforeRan bool
	lost      *lostUpdate
}

// lostUpdate is what Tentacle, which takes no lock, wrote to the old file because it had opened
// that just before the new one took its name.
type lostUpdate struct {
	content []byte
	saved   []byte // what the file says meanwhile
}

// run starts over as long as someone else, that is Tentacle, changes the file while its new content
// is made.
func (s *saving) run(ctx context.Context) (changed bool, err error) {
	for range maxStarts {
		r, same, err := s.edited(ctx)
		if err != nil && (s.beforeRan || s.lost != nil) {
			err = s.withOutcome(err)
		}
		if err != nil || same {
			return changed, err
		}
		replaced, err := s.replace(ctx, r)
		changed = changed || replaced
		if err != nil || replaced && s.lost == nil {
			return changed, err
		}
	}
	err = hint.Errorf("find out which program writes to it, then try again",
		"%s was changed by another program %d times while it was being saved", s.target, maxStarts)
	return changed, s.withOutcome(err)
}

// edited edits what is to be kept: what the file says, or a lost update.
func (s *saving) edited(ctx context.Context) (revision, bool, error) {
	if s.lost == nil {
		return edited(ctx, s.target, s.change)
	}
	d, err := Parse(s.target, s.lost.content)
	if err != nil {
		return revision{}, false, err
	}
	err = s.change.Edit(d)
	r := revision{before: s.lost.content, after: d.Bytes()}
	return r, bytes.Equal(s.lost.saved, r.after), err
}

// withOutcome adds to an error what it means for the file.
func (s *saving) withOutcome(err error) error {
	switch {
	case s.lost != nil:
		return fmt.Errorf("%s is saved, but what another program wrote to it at the same time is lost: %w", s.target, err)
	case s.beforeRan:
		return hint.With(err, s.target+" was not replaced: it still has its old content")
	}
	return hint.With(err, "nothing was changed")
}

// replace puts the new content in the place of the old. It does nothing, and reports neither change
// nor error, if the file has another content by now.
func (s *saving) replace(ctx context.Context, r revision) (changed bool, err error) {
	temp, err := s.writeTemp(r.after)
	if err != nil {
		return false, s.withOutcome(fmt.Errorf("cannot save %s: %w", s.target, err))
	}
	moved := false
	defer func() {
		switch {
		case moved: // or removed, where that failed
		case err != nil:
			err = atomicfile.RemoveTemp(temp, err)
		default:
			_ = atomicfile.Remove(temp) // else the next Update does
		}
	}()
	backup, err := s.backUp(ctx, r.before)
	if err != nil {
		return false, s.withOutcome(err)
	}
	crashpoint.Reach("kept")
	defer func() { s.finishBackup(backup, changed) }()
	if s.change.Before != nil && !s.beforeRan {
		if err := checkNotHeld(ctx, s.target); err != nil { // who has it open may have come since the first look
			return false, err
		}
		if err := s.change.Before(); err != nil {
			return false, err
		}
		s.beforeRan = true
	}
	expected := s.expected(r)
	current, err := atomicfile.OpenNoFollowContext(ctx, s.target)
	if err != nil {
		return false, s.withOutcome(readError(s.target, err))
	}
	defer current.Close()
	if content, err := io.ReadAll(atomicfile.NewReader(ctx, current)); err != nil {
		return false, s.withOutcome(readError(s.target, err))
	} else if !bytes.Equal(content, expected) {
		s.lost = nil // the program that wrote then has written again
		return false, nil
	}
	if err := ctx.Err(); err != nil && s.lost == nil {
		return false, s.withOutcome(fmt.Errorf("stopped before %s was saved: %w", s.target, err))
	}
	names := otherNames(s.target, current)
	if !replacesOpenFiles {
		current.Close()
	}
	crashpoint.Reach("ready")
	moved = true
	if err := atomicfile.MoveTemp(ctx, temp, s.target); err != nil {
		return false, s.withOutcome(fmt.Errorf("cannot save %s: %w", s.target, err))
	}
	crashpoint.Reach("renamed")
	if names > 0 && s.change.Linked != nil {
		s.change.Linked(names)
	}
	// From here on the new content counts, so nothing may stop this halfway.
	if err := atomicfile.Flushed(filepath.Dir(s.target), s.target+" is saved"); err != nil {
		return true, err
	}
	s.lost = nil
	if replacesOpenFiles {
		s.lost = findLostUpdate(current, expected, r.after)
	}
	return true, nil
}

// OtherNames counts the names (hard links) that keep the old content when Update replaces the file
// at path, as Linked does. Those of a file that cannot be read are not counted.
func OtherNames(path string) int {
	target, err := resolve(path)
	if err != nil {
		return 0
	}
	current, err := atomicfile.OpenNoFollow(target)
	if err != nil {
		return 0
	}
	defer current.Close()
	return otherNames(target, current)
}

// expected is what the file says if nobody changed it since the new content was made.
func (s *saving) expected(r revision) []byte {
	if s.lost != nil {
		return s.lost.saved
	}
	return r.before
}

// findLostUpdate reads the old file once more: nil if it says what was expected, or does not become
// whole.
func findLostUpdate(old *os.File, expected, saved []byte) *lostUpdate {
	for range readTries {
		content, err := io.ReadAll(io.NewSectionReader(old, 0, maxSize+1))
		if err != nil || bytes.Equal(content, expected) {
			return nil
		}
		if _, err := Parse(old.Name(), content); err == nil {
			return &lostUpdate{content, saved}
		}
		time.Sleep(readPause)
	}
	return nil
}

// writeTemp makes the new file beside the old one: with everything the old one has, and on the
// disk.
func (s *saving) writeTemp(content []byte) (path string, err error) {
	info, err := os.Lstat(s.target)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("another program replaced it since it was read")
	}
	return atomicfile.WriteTemp(s.target, content, 0o600, func(f *os.File) error { return keepMetadata(f, s.target, info) })
}

package tentacleconfig

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
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

	// Backup, which is optional, has the old file kept beside the new one, as one
	// of at most ten (see Backups), and is called with its path when the file has
	// been replaced. The backup is made before Before runs; where it cannot be
	// made, the file is not replaced.
	Backup func(path string)

	// Damaged has Edit run on a file too that Read refuses to understand, with
	// what ReadDamaged makes of it: for an Edit that replaces all of it.
	Damaged bool

	// Waiting, which is optional, is called once if another octo-tentacle holds
	// the lock and Update has to wait for it.
	Waiting func()
}

const (
	// Between two looks whether the lock is free: short beside the second that
	// people notice, long beside the milliseconds that a save takes.
	lockPoll = 20 * time.Millisecond

	// Tentacle writes the file at its start. More than this many changes by
	// others during one save is something running wild.
	maxStarts = 20
)

// lockTime is how long to wait for another octo-tentacle. It bounds nothing else:
// what Before waits for has a deadline of its own. A variable for the tests.
var lockTime = time.Minute

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
	if _, same, err := edited(target, c); err != nil || same {
		return false, err
	}
	if err := checkWritable(target); err != nil {
		return false, err
	}
	unlock, err := lock(ctx, target, c.Waiting)
	if err != nil {
		return false, err
	}
	defer func() {
		if failed := unlock(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	step("locked")
	removeLeftovers(target, 0)

	s := saving{target: target, change: c}
	return s.run(ctx)
}

// resolve follows symbolic links: the file they lead to is replaced, not they.
func resolve(path string) (string, error) {
	target, err := behindLinks(path)
	if err != nil {
		return "", readError(path, err)
	}
	target, err = filepath.Abs(target)
	if err != nil {
		return "", fmt.Errorf("cannot tell where %s is: %w", path, err)
	}
	return target, nil
}

// behindLinks is filepath.EvalSymlinks, which on Windows cannot see through
// every folder on the way (one that may not be listed, some kinds of disk). Of a
// file that is no link itself, the path as it is will do: what is made beside it
// lies in the same folder.
func behindLinks(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if err == nil {
		return target, checkLinks(path, target)
	}
	if info, unseen := os.Lstat(path); unseen == nil && info.Mode().IsRegular() {
		return path, nil
	}
	return "", err
}

// revision is a content of the file and what should come in its place.
type revision struct{ old, new []byte }

// edited reads the file and edits it; same says that this changes nothing.
func edited(target string, c Change) (r revision, same bool, err error) {
	read := readDocument
	if c.Damaged {
		read = readDamaged
	}
	d, err := read(target, openTarget)
	if err != nil {
		return r, false, err
	}
	r.old = d.Bytes()
	if err := c.Edit(d); err != nil {
		return r, false, err
	}
	r.new = d.Bytes()
	return r, bytes.Equal(r.old, r.new), nil
}

// CheckWritable says why Update could not change the file at path, as far as that
// can be known without writing anything.
func CheckWritable(path string) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	return checkWritable(target)
}

// checkWritable refuses early what would fail late, or what root could do
// although it is not wanted.
func checkWritable(target string) error {
	info, err := os.Stat(target)
	if err != nil {
		return readError(target, err)
	}
	if info.Mode().Perm()&0o222 == 0 {
		return fmt.Errorf("%s is read-only%s, so it is left as it is\nif it should be changed, make it writable first: %s", target, readOnly(info), writableAgain(target))
	}
	for _, place := range []string{target, filepath.Dir(target)} {
		if err := mayWrite(place); err != nil {
			return fmt.Errorf("cannot change %s: %w", target, err)
		}
	}
	return nil
}

// lock keeps other octo-tentacles out. Tentacle itself takes no lock.
//
// The lock is on a file of its own, because the configuration is replaced and a
// lock would go with the old one; and it stays there afterwards, because with
// its removal two processes could each hold a lock on a file of that name. Who
// may write to the configuration may lock it; who may only read it may not, or
// any user of the machine could keep all changes out.
func lock(ctx context.Context, target string, waiting func()) (unlock func() error, err error) {
	name := ownFile(target, "lock")
	if err := makeLockFile(name, target); err != nil {
		return nil, mayNot(fmt.Errorf("cannot change %s: cannot make its lock file %s: %w\nnothing was changed", target, name, withoutPath(err)))
	}
	l := flock.New(name, flock.SetFlag(os.O_RDONLY|noFollow))
	taken, err := l.TryLock()
	if err == nil && !taken {
		if waiting != nil {
			waiting()
		}
		locking, cancel := context.WithTimeout(ctx, lockTime)
		defer cancel()
		_, err = l.TryLockContext(locking, lockPoll)
		if err != nil && locking.Err() != nil {
			return nil, fmt.Errorf("another octo-tentacle is changing %s (it holds %s), and did not finish in time: %w\nnothing was changed; try again when it is done", target, name, err)
		}
	}
	if err != nil {
		advice := ""
		if errors.Is(err, errors.ErrUnsupported) {
			advice = "\nits file system has no locks: mount it so that it has them, or move the configuration to another"
		}
		return nil, mayNot(fmt.Errorf("cannot change %s: cannot lock %s: %w%s\nnothing was changed", target, name, withoutPath(err), advice))
	}
	return func() error {
		if err := l.Unlock(); err != nil {
			return fmt.Errorf("cannot unlock %s: %w", name, err)
		}
		return nil
	}, nil
}

func makeLockFile(name, target string) error {
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return checkLockFile(name)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	// Who is not allowed to give files away keeps it; the lock holds all the same.
	_ = keepOwner(f, info)
	mayWrite := info.Mode().Perm() & 0o222
	return f.Chmod(mayWrite<<1 | mayWrite)
}

// checkLockFile refuses what has the name of the lock file and is none: to open a
// pipe would take for ever.
func checkLockFile(name string) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) { // removed meanwhile: the lock makes it anew, or fails
		return nil
	}
	if err == nil && !info.Mode().IsRegular() {
		return errors.New("there is something of that name that is not a file: remove it")
	}
	return err
}

// ownFile is the name of a file that this program keeps beside the
// configuration: hidden, and not to be mistaken for one of Tentacle's.
func ownFile(target, ending string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".octo-tentacle."+ending)
}

// abandoned is the age at which a temporary file that was made without the lock
// is certain to be in use no more.
const abandoned = time.Hour

// removeLeftovers removes temporary files of processes that were killed, if they
// are that old. None that is made under the lock is in use for who holds it.
func removeLeftovers(target string, age time.Duration) {
	prefix := filepath.Base(ownFile(target, ""))
	entries, _ := os.ReadDir(filepath.Dir(target)) // only tidiness depends on it
	for _, e := range entries {
		random, ok := strings.CutPrefix(e.Name(), prefix)
		random, isTemp := strings.CutSuffix(random, ".tmp")
		id, err := hex.DecodeString(random)
		if !ok || !isTemp || err != nil || len(id) != tempIDSize || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); age == 0 || err == nil && time.Since(info.ModTime()) > age {
			_ = os.Remove(filepath.Join(filepath.Dir(target), e.Name()))
		}
	}
}

const tempIDSize = 8

// saving is one Update that holds the lock.
type saving struct {
	target    string
	change    Change
	beforeRan bool
	late      *lateWrite
}

// lateWrite is what Tentacle, which takes no lock, wrote to the old file because
// it had opened that just before the new one took its name.
type lateWrite struct {
	theirs []byte
	saved  []byte // what the file says meanwhile
}

// run starts over as long as someone else, that is Tentacle, changes the file
// while its new content is made.
func (s *saving) run(ctx context.Context) (changed bool, err error) {
	for range maxStarts {
		r, same, err := s.edited()
		if err != nil && (s.beforeRan || s.late != nil) {
			err = s.untouched(err)
		}
		if err != nil || same {
			return changed, err
		}
		replaced, err := s.replace(ctx, r)
		changed = changed || replaced
		if err != nil || replaced && s.late == nil {
			return changed, err
		}
	}
	return changed, s.untouched(fmt.Errorf("%s was changed by another program %d times while it was being saved\nsee what writes to it, then try again", s.target, maxStarts))
}

// edited edits what is to be kept: what the file says, or what was written to
// the old one late.
func (s *saving) edited() (revision, bool, error) {
	if s.late == nil {
		return edited(s.target, s.change)
	}
	d, err := Parse(s.target, s.late.theirs)
	if err != nil {
		return revision{}, false, err
	}
	err = s.change.Edit(d)
	r := revision{old: s.late.theirs, new: d.Bytes()}
	return r, bytes.Equal(s.late.saved, r.new), err
}

// untouched adds to an error what it means for the file.
func (s *saving) untouched(err error) error {
	if s.late != nil {
		return fmt.Errorf("%w\n%s is saved, but without what another program wrote to it at the same moment", err, s.target)
	}
	if s.beforeRan {
		return fmt.Errorf("%w\n%s was not replaced: it says what it said before", err, s.target)
	}
	return fmt.Errorf("%w\nnothing was changed", err)
}

// replace puts the new content in the place of the old. It does nothing, and
// reports neither change nor error, if the file has another content by now.
func (s *saving) replace(ctx context.Context, r revision) (changed bool, err error) {
	temp, err := s.writeTemp(r.new)
	if err != nil {
		return false, s.untouched(fmt.Errorf("cannot save %s: %w", s.target, err))
	}
	defer func() {
		if !changed {
			_ = os.Remove(temp) // else the next Update does
		}
	}()
	old, err := s.keep(r.old)
	if err != nil {
		return false, s.untouched(err)
	}
	step("kept")
	defer func() { s.settle(old, changed) }()
	if s.change.Before != nil && !s.beforeRan {
		if err := s.change.Before(); err != nil {
			return false, err
		}
		s.beforeRan = true
	}
	said := s.expected(r)
	current, err := openTarget(s.target)
	if err != nil {
		return false, s.untouched(readError(s.target, err))
	}
	defer current.Close()
	if now, err := io.ReadAll(current); err != nil {
		return false, s.untouched(readError(s.target, err))
	} else if !bytes.Equal(now, said) {
		s.late = nil // whoever wrote then has written again
		return false, nil
	}
	if err := ctx.Err(); err != nil && s.late == nil {
		return false, s.untouched(fmt.Errorf("stopped before %s was saved: %w", s.target, err))
	}
	if !replacesOpenFiles {
		current.Close()
	}
	step("ready")
	if err := rename(temp, s.target); err != nil {
		return false, s.untouched(fmt.Errorf("cannot save %s: %w", s.target, err))
	}
	step("renamed")
	// From here on the new content counts, so nothing may stop this halfway.
	if err := lasting(filepath.Dir(s.target), s.target+" is saved"); err != nil {
		return true, err
	}
	s.late = nil
	if !replacesOpenFiles {
		return true, nil
	}
	if theirs := writtenLate(current, said); theirs != nil {
		s.late = &lateWrite{theirs: theirs, saved: r.new}
	}
	return true, nil
}

// expected is what the file says if nobody changed it since the new content was made.
func (s *saving) expected(r revision) []byte {
	if s.late != nil {
		return s.late.saved
	}
	return r.old
}

// writtenLate is what the old file says by now, if that is something else; nil
// too if it does not become whole.
func writtenLate(old *os.File, said []byte) []byte {
	for range readTries {
		says, err := io.ReadAll(io.NewSectionReader(old, 0, maxSize+1))
		if err != nil || bytes.Equal(says, said) {
			return nil
		}
		if _, err := Parse(old.Name(), says); err == nil {
			return says
		}
		time.Sleep(readPause)
	}
	return nil
}

// writeTemp makes the new file beside the old one: with everything the old one
// has, and on the disk.
func (s *saving) writeTemp(content []byte) (name string, err error) {
	info, err := os.Lstat(s.target)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not the file any more that was read: somebody replaced it meanwhile")
	}
	return writeBeside(s.target, content, 0o600, func(f *os.File) error { return keepMetadata(f, s.target, info) })
}

package tentacleconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// lockPoll is the time between two tries to take the lock: short beside the second that people
// notice, long beside the milliseconds that a save takes.
const lockPoll = 20 * time.Millisecond

// lock keeps other octo-tentacles out. Tentacle itself takes no lock.
//
// The lock is on a file of its own, because the configuration is replaced and a lock would go with
// the old one; and it stays there afterwards, because with its removal two processes could each
// hold a lock on a file of that name. Users who may write to the configuration may lock it. Users
// who may only read it may not: otherwise any user of the machine could block all changes.
//
// If it is taken, waiting is called, unless it is nil, and the wait ends after the timeout.
func lock(ctx context.Context, target string, waiting func(), timeout time.Duration) (unlock func() error, err error) {
	name := lockFile(target)
	err = makeLockFile(name, target)
	if errors.Is(err, fs.ErrExist) {
		err = checkLockFile(name)
	}
	if err != nil {
		return nil, lockError("cannot change %s: cannot create its lock file %s: %w", target, name, err)
	}
	l := flock.New(name, flock.SetFlag(os.O_RDONLY|atomicfile.NoFollow))
	taken := false
	err = atomicfile.WhileInUse(ctx, name, func() (err error) {
		taken, err = l.TryLock()
		return err
	})
	if err == nil && !taken {
		if waiting != nil {
			waiting()
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		_, err = l.TryLockContext(ctx, lockPoll)
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("another octo-tentacle is changing %s (it holds %s), and did not finish in time: %w", target, name, err)
			return nil, hint.With(err, "nothing was changed; try again when that is done")
		}
	}
	if err != nil {
		return nil, lockError("cannot change %s: cannot lock %s: %w", target, name, err)
	}
	return func() error {
		if err := l.Unlock(); err != nil {
			return fmt.Errorf("cannot unlock %s: %w", name, err)
		}
		return nil
	}, nil
}

func lockError(format, target, name string, cause error) error {
	err := hint.Permission(fmt.Errorf(format, target, name, atomicfile.WithoutPath(cause)))
	if errors.Is(cause, errors.ErrUnsupported) {
		err = hint.With(err, "its file system does not support locks: mount it with locks, or move the configuration to another file system")
	}
	return hint.With(err, "nothing was changed")
}

func lockFile(target string) string { return atomicfile.Sidecar(target, "lock") }

// checkLockFile refuses what has the name of the lock file and is none: opening a pipe would block
// for ever.
func checkLockFile(name string) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) { // removed meanwhile: taking the lock makes it again, or fails
		return nil
	}
	if err == nil && !info.Mode().IsRegular() {
		return hint.New("it exists and is not a file", "remove it")
	}
	return err
}

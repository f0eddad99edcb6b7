//go:build linux || windows

package service

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

const (
	// lockPoll is the time between two tries to take the lock: short beside a restart.
	lockPoll = 100 * time.Millisecond

	// lockWait is how long a restart by another octo-tentacle may take: also one that proves to be
	// of no use, and is followed by a second one, with the former configuration.
	lockWait = 15 * time.Minute
)

// Lock keeps other octo-tentacles from starting or stopping the service NAME until unlock is
// called. If one of them does so now, waiting is called, unless it is nil, and Lock waits for it,
// for a quarter of an hour at most, and not at all with a ctx that has ended.
//
// The lock is for this machine, because two configurations and any number of commands may be about
// one service. Only root and administrators take it, so that no other user can keep them from a
// restart. Whoever else may restart the service does so without it, as systemctl and sc.exe do, and
// so does everybody where the lock is not to be had.
func Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	file := lockFile(strings.TrimSuffix(name, ".service"))
	if file == "" {
		return func() {}, nil
	}
	l := flock.New(file, flock.SetFlag(os.O_RDWR|os.O_CREATE|atomicfile.NoFollow), flock.SetPermissions(0o600))
	unlock = func() { _ = l.Unlock() } // which closes the file in any case
	taken, err := l.TryLock()
	if taken || err != nil {
		return unlock, nil
	}
	if waiting != nil {
		waiting()
	}
	limited, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	switch _, err = l.TryLockContext(limited, lockPoll); {
	case err == nil:
		return unlock, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, hint.Errorf("try again when that is done",
		"another octo-tentacle is restarting the service %s (it holds %s), and did not finish within %v: %w", name, file, lockWait, err)
}

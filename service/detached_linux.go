package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"github.com/gofrs/flock"
	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
)

// detachedVariable marks what StartDetached starts. Its value is the name that it was given.
const detachedVariable = "OCTO_TENTACLE_OUTSIDE"

// StartDetached runs a command outside of this process's control group, as a transient unit of
// systemd named octo-tentacle-NAME.service, and returns that name once the command runs. If the
// unit runs already, nothing is started: before it ends, it looks whether there is something to do
// for it (see Detached). What the command prints goes to the journal.
func StartDetached(ctx context.Context, name, description string, command []string) (unit string, err error) {
	if len(command) == 0 || !filepath.IsAbs(command[0]) {
		return "", errors.New("the program to start needs an absolute path")
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	u, err := open(ctx, "octo-tentacle-"+name)
	if err != nil {
		return "", err
	}
	if u.conn == nil {
		return "", ErrUnmanaged
	}
	defer u.conn.Close()
	for {
		err := u.startTransient(ctx, description, command, detachedVariable+"="+name)
		if !errors.Is(err, errUnitExists) {
			return u.file, err
		}
		// It has its mark, or has not come that far, or is about to end.
		if isMarked(name) || sleep(ctx, lockPoll) != nil {
			return u.file, nil
		}
	}
}

var errUnitExists = errors.New("the unit exists")

// startTransient starts a command as this unit, which is gone when the command ends.
func (u unit) startTransient(ctx context.Context, description string, command []string, environment ...string) error {
	done := make(chan string, 1)
	_, err := u.conn.StartTransientUnitContext(ctx, u.file, "fail", []dbus.Property{
		dbus.PropDescription(description),
		dbus.PropExecStart(command, false),
		dbus.PropType("exec"), // started only when the program itself runs: it may be deleted right after
		{Name: "Environment", Value: godbus.MakeVariant(environment)},
		{Name: "CollectMode", Value: godbus.MakeVariant("inactive-or-failed")},
	}, done)
	if refused, is := errors.AsType[godbus.Error](err); is && refused.Name == "org.freedesktop.systemd1.UnitExists" {
		return errUnitExists
	}
	if err != nil {
		return u.failed(ctx, "start", err)
	}
	select {
	case result := <-done:
		if result != "done" {
			return u.seeLog(fmt.Errorf("%s did not start (%s)", u.file, result))
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// detachedMark is locked by a detached process for as long as it takes care of all changes. There
// is none where the lock is not to be had: then others rely on it until it has ended.
func detachedMark(name string) *flock.Flock {
	return flock.New(lockFile("octo-tentacle-"+name), flock.SetFlag(os.O_RDWR|os.O_CREATE|atomicfile.NoFollow), flock.SetPermissions(0o600))
}

// isMarked says whether a detached process of that name takes care of all changes, as far as this
// account can see.
func isMarked(name string) bool {
	mark := detachedMark(name)
	taken, err := mark.TryLock()
	if taken {
		_ = mark.Unlock()
	}
	return !taken || err != nil
}

// Detached is this process where StartDetached has started it, in the place of others that want the
// same. None of them is to wait for one that has nothing left to do: at its end, it leaves its work
// to others, looks whether somebody relied on it until then, and if so, takes it up again.
type Detached struct{ mark *flock.Flock }

// TakeUpDetached takes up what StartDetached has started this process for; nil for a process that
// was started otherwise.
func TakeUpDetached() (*Detached, error) {
	name := os.Getenv(detachedVariable)
	if checkName(name) != nil || !systemdRuns() {
		return nil, nil
	}
	d := &Detached{detachedMark(name)}
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	_, _ = d.mark.TryLockContext(ctx, lockPoll) // others look at it for a moment
	return d, nil
}

// Output is where the process writes to.
func (*Detached) Output() (out, err io.Writer) { return os.Stdout, os.Stderr }

// Note does nothing: systemd notes what a unit does.
func (*Detached) Note(string, ...any) {}

// Leave leaves the work to others: the next StartDetached starts another process.
func (d *Detached) Leave() { _ = d.mark.Unlock() }

// TakeUpAgain takes up the work that was left, unless somebody else does.
func (d *Detached) TakeUpAgain() bool {
	taken, err := d.mark.TryLock()
	return taken && err == nil
}

// Close does nothing.
func (*Detached) Close() {}

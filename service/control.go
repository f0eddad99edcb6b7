//go:build linux || windows

package service

import (
	"context"
	"errors"
	"time"
)

// settleTime is how long a started service has to stay up before the start counts: a Tentacle that
// cannot read its configuration or bind its port exits well within it.
const settleTime = 2 * time.Second

// restartTime is how long a restarted service may take to come back, and with systemd to stop
// before, for which that gives a service 90 seconds. A start that fails is tried again for about as
// long.
const restartTime = 5 * time.Minute

// crashAge is how long a process that the service manager started in place of another has to live
// before the service counts as running.
const crashAge = time.Minute

// seen is the status as others should see it at this moment: a process that was started again, and
// has not lived for a while yet, is no sign of health.
func (s Status) seen(now time.Time) Status {
	if s.State == Running && s.Restarts > 0 && now.Sub(s.Started) < crashAge {
		s.State = Crashing
	}
	return s
}

// orSilent is progress, or a function that does nothing where progress is nil.
func orSilent(progress func(string)) func(string) {
	if progress == nil {
		return func(string) {}
	}
	return progress
}

// timing is how a start that fails is tried again. Zero altogether it stands for usualTiming; tests
// make it short.
type timing struct {
	pauses []time.Duration // before each further try
}

// usualTiming has the pauses of Tentacle's own service command (StartService in
// Startup/WindowsServiceConfigurator.cs).
var usualTiming = timing{pauses: []time.Duration{4 * time.Second, 9 * time.Second, 16 * time.Second, 25 * time.Second, 36 * time.Second}}

// maxCrashes is how many processes in a row may end too early before that counts as what the next
// one would do, too. It is less than the number of tries of a start that fails, which may be due to
// something that takes a while, like a lock or a disk.
const maxCrashes = 3

// tries counts the tries of one start.
type tries struct {
	timing          timing
	failed, crashed int
}

func newTries(t timing) *tries {
	if len(t.pauses) == 0 {
		t = usualTiming
	}
	return &tries{timing: t}
}

// next says whether another try is worth it after this failure, and after which pause.
func (t *tries) next(err error) (pause time.Duration, again bool) {
	failure, is := errors.AsType[*StartError](err)
	if !is || failure.Final {
		return 0, false
	}
	if failure.Crashed {
		t.crashed++
	}
	if t.crashed >= maxCrashes || t.failed >= len(t.timing.pauses) {
		return 0, false
	}
	t.failed++
	return t.timing.pauses[t.failed-1], true
}

// sleep waits, and returns the cause of an end of ctx.
func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pause):
		return nil
	}
}

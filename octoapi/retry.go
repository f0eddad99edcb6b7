package octoapi

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

// retryFor says for how long a kind of failure is worth another try.
type retryFor int

const (
	noRetry            retryFor = iota
	retryBriefly                // rarely passes, but does while a service is being restarted
	retryWhileStarting          // passes once a server has started
	retryUntilDeadline          // of the context
)

const (
	maxDelay         = 8 * time.Second
	maxStartingDelay = 2 * time.Second // a server that has just started is found soon
)

// timing is how long things take. Zero altogether it stands for usualTiming; tests make it short.
type timing struct {
	briefly    time.Duration // retryBriefly, counted from the first try
	firstDelay time.Duration // after the first failure; each further one is half as long again, up to maxDelay
	starting   time.Duration // retryWhileStarting, likewise
	patience   time.Duration // with a read, before the same is asked once more beside it
	portTry    time.Duration // the same with a polling port
	ending     time.Duration // how long a question to a polling port goes on after it was broken off
	idle       time.Duration // how long a connection is kept for the next call
	taskPoll   time.Duration // between two questions about a running task
}

var usualTiming = timing{
	briefly:    2500 * time.Millisecond,
	firstDelay: 400 * time.Millisecond,
	// As long as a Tentacle waits for a server to start (OctopusClients, OctopusAsyncRepository.cs,
	// LoadRootDocumentInner).
	starting: time.Minute,
	patience: 30 * time.Second,
	portTry:  10 * time.Second,
	// Ports answer within 40 ms, and a question that is not ended as Halibut expects is an error in
	// the server's log.
	ending: 250 * time.Millisecond,
	// Short, because the server may close an idle connection, and the outcome of a write on it
	// would be unknown.
	idle:     2 * time.Second,
	taskPoll: time.Second,
}

func (t timing) withDefaults() timing {
	if t == (timing{}) {
		return usualTiming
	}
	return t
}

// attempts counts the tries of one thing.
type attempts struct {
	timing timing
	start  time.Time
	count  int
	delay  time.Duration
}

func newAttempts(t timing) *attempts {
	return &attempts{timing: t, start: time.Now(), delay: t.firstDelay}
}

// next says whether to try again after a failure, and how long to wait before: at least atLeast
// (what a Retry-After asked for). It returns false if the time for retries or the context's
// deadline would be over by then.
func (a *attempts) next(ctx context.Context, r retryFor, atLeast time.Duration) (wait time.Duration, again bool) {
	a.count++
	wait = max(atLeast, a.delay*3/4+rand.N(a.delay/2)) // jitter: a fleet started together does not come back together
	a.delay = min(a.delay*3/2, maxDelay)
	if r == retryWhileStarting {
		wait = min(wait, maxStartingDelay)
	}
	if ctx.Err() != nil || r == noRetry || r == retryBriefly && time.Since(a.start)+wait > a.timing.briefly ||
		r == retryWhileStarting && time.Since(a.start)+wait > a.timing.starting {
		return 0, false
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return 0, false
	}
	return wait, true
}

// told tells of the number of a try, from the second on.
func (a *attempts) told(ctx context.Context) context.Context {
	if a.count == 0 {
		return ctx
	}
	return steps.With(ctx, "try", a.count+1)
}

// note says how often it was tried, where that was more than once.
func (a *attempts) note() string {
	if a.count < 2 {
		return ""
	}
	return fmt.Sprintf(" (tried %d times in %s)", a.count, round(time.Since(a.start)))
}

// deadlinePassed says whether the context's deadline is over. A connection knows it a moment before
// the context does.
func deadlinePassed(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return has && !time.Now().Before(deadline)
}

// leastTime is less than an answer takes: what had no more was not really asked.
const leastTime = 5 * time.Millisecond

// noTimeLeft says whether a question cannot be answered before the context's deadline: what is over
// before it was asked says nothing of the server. (A clock of Windows shows milliseconds late that
// a deadline has passed.)
func noTimeLeft(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return has && time.Until(deadline) < leastTime
}

// sleep waits, and says whether it did so to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package octoapi

import (
	"context"
	"math/rand/v2"
	"time"
)

// patience is for how long a kind of failure is worth another try, counted from the first.
type patience time.Duration

const (
	never     patience = 0
	unlimited patience = 1<<63 - 1 // until the context's deadline
)

// briefly is for failures that hardly pass, but do when a service is just being restarted. A variable for the tests.
var briefly = patience(2500 * time.Millisecond)

// firstDelay is waited after the first failure; each further wait is half as long again, up to maxDelay. A variable for the tests.
var firstDelay = 400 * time.Millisecond

const maxDelay = 8 * time.Second

// retrying counts the tries of one thing.
type retrying struct {
	start time.Time
	tries int
	delay time.Duration
}

func newRetrying() *retrying { return &retrying{start: time.Now(), delay: firstDelay} }

// next says whether to try again after a failure, and how long to wait before: at least atLeast (what a Retry-After asked
// for). It says no when patience or the context's deadline would be over by then.
func (r *retrying) next(ctx context.Context, p patience, atLeast time.Duration) (wait time.Duration, again bool) {
	r.tries++
	wait = max(atLeast, r.delay*3/4+rand.N(r.delay/2)) // jitter: a fleet started together does not come back together
	r.delay = min(r.delay*3/2, maxDelay)
	if ctx.Err() != nil || p == never || p != unlimited && time.Since(r.start)+wait > time.Duration(p) {
		return 0, false
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return 0, false
	}
	return wait, true
}

// atDeadline says whether the context's deadline is over. A connection knows it a moment before the context does.
func atDeadline(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return has && !time.Now().Before(deadline)
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

package octoapi

import (
	"context"
	"time"
)

// beside calls try. If that has not ended after a while, it calls it once more beside the first,
// which goes on: what is slow needs time, and what is lost needs another try. The first good result
// counts, without one the one that says most; drop ends the other. A try ends with its context, at
// the latest when done is called.
func beside[T any](ctx context.Context, patience time.Duration, try func(ctx context.Context, second bool) (T, error),
	good func(T) bool, drop func(T)) (value T, done context.CancelFunc, err error) {
	var contexts [2]context.Context
	var cancels [2]context.CancelFunc
	for i := range contexts {
		contexts[i], cancels[i] = context.WithCancel(ctx)
	}
	done = func() { cancels[0](); cancels[1]() }
	ended := make(chan tried[T], len(contexts))
	start := func(number int) {
		value, err := try(contexts[number], number > 0)
		ended <- tried[T]{value, err, number, ctx.Err() != nil || deadlinePassed(ctx)}
	}
	go start(0)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var bad *tried[T] // that has ended
	for running := 1; ; {
		select {
		case <-timer.C:
			running++
			go start(1)
		case t := <-ended:
			running--
			isGood := t.err == nil && good(t.value)
			switch {
			case running > 0 && !isGood:
				bad = &t
				continue
			case running > 0:
				cancels[1-t.number]()
				go func() { drop((<-ended).value) }()
			case bad != nil && !isGood && bad.saysMoreThan(t):
				drop(t.value)
				t = *bad
			case bad != nil:
				drop(bad.value)
			}
			return t.value, done, t.err
		}
	}
}

// tried is how a try of beside ended.
type tried[T any] struct {
	value  T
	err    error
	number int
	late   bool // its time was over
}

// saysMoreThan compares two tries, of which last ended later.
func (t tried[T]) saysMoreThan(last tried[T]) bool {
	switch {
	case (t.err == nil) != (last.err == nil):
		return t.err == nil
	case t.late != last.late:
		return last.late
	}
	return t.late && t.number == 0
}

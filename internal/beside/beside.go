// Package beside asks once more where an answer does not come, and goes on waiting for it: what is
// slow needs time, and what is lost needs another try.
package beside

import (
	"context"
	"time"
)

// Tries are how something is tried.
type Tries[T any] struct {
	Patience time.Duration // how long the first try is alone
	Again    func()        // tells of the second one
	Try      func(context.Context) (T, error)
	Good     func(T) bool // whether what came without an error ends the other try
	Drop     func(T)      // ends what came and is not needed
}

// Do tries something. If that has not ended after a while, it does so once more beside it. The
// first good result counts, without one the one that says most. A try, also what it returned, ends
// with its context, at the latest when done is called. A try that is not needed any more may end
// after Do.
func (t Tries[T]) Do(ctx context.Context) (value T, done context.CancelFunc, err error) {
	var contexts [2]context.Context
	var cancels [2]context.CancelFunc
	for i := range contexts {
		contexts[i], cancels[i] = context.WithCancel(ctx)
	}
	done = func() { cancels[0](); cancels[1]() }
	ended := make(chan tried[T], len(contexts))
	start := func(number int) {
		value, err := t.Try(contexts[number])
		ended <- tried[T]{value, err, number, isOver(ctx)}
	}
	go start(0)
	timer := time.NewTimer(t.Patience)
	defer timer.Stop()
	var bad *tried[T] // that has ended
	for running := 1; ; {
		select {
		case <-timer.C:
			if isOver(ctx) {
				continue
			}
			running++
			t.Again()
			go start(1)
		case last := <-ended:
			running--
			isGood := last.err == nil && t.Good(last.value)
			switch {
			case running > 0 && !isGood:
				bad = &last
				continue
			case running > 0:
				cancels[1-last.number]()
				go func() { t.Drop((<-ended).value) }()
			case bad != nil && !isGood && bad.saysMoreThan(last):
				t.Drop(last.value)
				last = *bad
			case bad != nil:
				t.Drop(bad.value)
			}
			return last.value, done, last.err
		}
	}
}

// isOver says whether a context has ended. A connection knows of its deadline a moment before the
// context does.
func isOver(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return ctx.Err() != nil || has && !time.Now().Before(deadline)
}

// tried is how a try ended.
type tried[T any] struct {
	value  T
	err    error
	number int
	late   bool // its time was over
}

// saysMoreThan compares two tries that are not good, of which last ended later. One that the end of
// the time broke off says least; of two such, the first has waited longer.
func (t tried[T]) saysMoreThan(last tried[T]) bool {
	switch {
	case (t.err == nil) != (last.err == nil):
		return t.err == nil
	case t.late != last.late:
		return last.late
	}
	return t.late && t.number == 0
}

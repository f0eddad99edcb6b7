package octoapi

import (
	"context"
	"errors"
	"sync"
)

// cached keeps a loaded value. A failure is not kept, but callers that ask during the load share
// it, unless it is one of time, and they have more of that.
type cached[T any] struct {
	mu      sync.Mutex
	current *load[T] // going on, or successful; nil for none
}

type load[T any] struct {
	ctx   context.Context
	done  chan struct{} // closed when the others are set
	ended bool          // the context had ended when the load had
	value T
	err   error
}

// get returns the value, which fetch loads, with the context, if there is none.
func (c *cached[T]) get(ctx context.Context, fetch func() (T, error)) (T, error) {
	c.mu.Lock()
	l := c.current
	if l != nil {
		c.mu.Unlock()
		<-l.done
		if l.err != nil && mayTakeLonger(l.err) && hasMoreTime(ctx, l.ctx, l.ended) {
			return c.get(ctx, fetch)
		}
		return l.value, l.err
	}
	l = &load[T]{ctx: ctx, done: make(chan struct{})}
	c.current = l
	c.mu.Unlock()

	l.value, l.err = fetch()
	l.ended = ctx.Err() != nil
	if l.err != nil {
		c.mu.Lock()
		c.current = nil
		c.mu.Unlock()
	}
	close(l.done)
	return l.value, l.err
}

// mayTakeLonger says whether a failure might be none with more time.
func mayTakeLonger(err error) bool {
	refused, is := errors.AsType[*StatusError](err)
	return is && refused.Repeated || errors.As(err, new(*UnreachableError)) || errors.Is(err, context.Canceled)
}

// hasMoreTime says whether a context goes on longer than another one, which may have ended.
func hasMoreTime(ctx, other context.Context, ended bool) bool {
	if ctx.Err() != nil || deadlinePassed(ctx) {
		return false
	}
	end, ends := ctx.Deadline()
	otherEnd, otherEnds := other.Deadline()
	return ended || otherEnds && (!ends || end.After(otherEnd))
}

// has says whether there is something loaded.
func (c *cached[T]) has() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return false
	}
	select {
	case <-c.current.done:
		return true
	default:
		return false
	}
}

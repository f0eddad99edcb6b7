package octoapi

import "sync"

// cached keeps a loaded value. A failure is not kept, but callers that ask during the load share
// it.
type cached[T any] struct {
	mu      sync.Mutex
	current *load[T] // going on, or successful; nil for none
}

type load[T any] struct {
	done  chan struct{} // closed when the others are set
	value T
	err   error
}

func (c *cached[T]) get(fetch func() (T, error)) (T, error) {
	c.mu.Lock()
	l := c.current
	if l != nil {
		c.mu.Unlock()
		<-l.done
		return l.value, l.err
	}
	l = &load[T]{done: make(chan struct{})}
	c.current = l
	c.mu.Unlock()

	l.value, l.err = fetch()
	if l.err != nil {
		c.mu.Lock()
		c.current = nil
		c.mu.Unlock()
	}
	close(l.done)
	return l.value, l.err
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

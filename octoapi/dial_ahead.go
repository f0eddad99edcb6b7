package octoapi

import (
	"context"
	"net"
	"sync"
	"time"
)

// dialAhead opens connections before they are needed: questions that are asked at the same time
// need several, and opening one takes a round trip.
type dialAhead struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	keep time.Duration // how long an unused connection is kept open

	mu    sync.Mutex
	ready map[string]chan net.Conn // by address; each has been opened ahead, or is being opened
}

func newDialAhead(dial func(ctx context.Context, network, address string) (net.Conn, error), keep time.Duration) *dialAhead {
	return &dialAhead{dial: dial, keep: keep, ready: map[string]chan net.Conn{}}
}

// connectionsAhead is how many are opened together with the first one to an address: with that one,
// as many as there are usually questions at a time.
const connectionsAhead = 3

// onNewConnection is a context for a request that gets no connection opened ahead: the server may
// have closed that one by now, and the outcome of a write on it would be unknown.
func onNewConnection(ctx context.Context) context.Context {
	return context.WithValue(ctx, newConnectionKey{}, true)
}

type newConnectionKey struct{}

// DialContext is that of a net.Dialer.
func (d *dialAhead) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if ctx.Value(newConnectionKey{}) != nil {
		return d.dial(ctx, network, address)
	}
	d.mu.Lock()
	ready, known := d.ready[address]
	if !known {
		ready = make(chan net.Conn, connectionsAhead)
		d.ready[address] = ready
		for range connectionsAhead {
			go d.open(network, address, ready)
		}
	}
	d.mu.Unlock()
	select {
	case conn := <-ready:
		return conn, nil
	default:
		return d.dial(ctx, network, address)
	}
}

// open opens one connection, and closes it if nobody takes it. One that cannot be opened is opened
// again by the caller that needs it, which then reports the error.
func (d *dialAhead) open(network, address string, ready chan net.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	conn, err := d.dial(ctx, network, address)
	if err != nil {
		return
	}
	ready <- conn
	time.Sleep(d.keep)
	select {
	case unused := <-ready:
		_ = unused.Close()
	default:
	}
}

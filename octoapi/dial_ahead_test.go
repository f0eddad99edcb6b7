package octoapi

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

func TestConnectionsAreOpenedAheadAndClosedUnused(t *testing.T) {
	var dialed, closed atomic.Int32
	ahead := newDialAhead(func(context.Context, string, string) (net.Conn, error) {
		dialed.Add(1)
		near, far := net.Pipe()
		_ = far.Close()
		return &countedConn{near, &closed}, nil
	}, 20*time.Millisecond)

	if _, err := ahead.DialContext(t.Context(), "tcp", "octopus:443"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connections ahead are opened", func() bool { return dialed.Load() == 1+connectionsAhead })
	if _, err := ahead.DialContext(t.Context(), "tcp", "octopus:443"); err != nil || dialed.Load() != 1+connectionsAhead {
		t.Errorf("the second connection was dialed, not taken: %v", err)
	}
	eventually(t, "the others are closed", func() bool { return closed.Load() == connectionsAhead-1 })
	if _, err := ahead.DialContext(t.Context(), "tcp", "octopus:443"); err != nil || dialed.Load() != 2+connectionsAhead {
		t.Errorf("a later connection was not dialed: %v", err)
	}
}

type countedConn struct {
	net.Conn
	closed *atomic.Int32
}

func (c *countedConn) Close() error {
	c.closed.Add(1)
	return c.Conn.Close()
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not so: " + what)
		}
	}
}

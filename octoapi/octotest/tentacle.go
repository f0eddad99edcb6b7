package octotest

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// Polled is an address that a Tentacle polls, and under which subscription, where the port presents
// exactly this thumbprint.
type Polled struct{ Address, Thumbprint, Subscription string }

// Tentacle stands in for a running Tentacle, as far as polling goes: it keeps a connection for each
// address, and does the work that is queued there (see Cluster.Queue). Where it is refused, or the
// port presents another thumbprint, it tries again, for ever.
type Tentacle struct {
	Certificate tls.Certificate
	Dial        func(address string) (net.Conn, error) // nil: TCP
	// RetryAfter is how long it waits after a failure, and after each further one; the last is for
	// all that follow. Nil is what was measured with Tentacle 9.1.
	RetryAfter []time.Duration

	stop    context.CancelFunc
	running sync.WaitGroup
}

var measuredRetries = []time.Duration{5 * time.Second, 9 * time.Second, 22 * time.Second, 60 * time.Second, 120 * time.Second}

// Start starts it, or starts it again with other addresses.
func (t *Tentacle) Start(polled []Polled) {
	t.Stop()
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	for _, one := range polled {
		t.running.Go(func() { t.poll(ctx, one) })
	}
}

// Stop ends its connections, and waits for their end. It may be stopped already.
func (t *Tentacle) Stop() {
	if t.stop != nil {
		t.stop()
	}
	t.running.Wait()
}

// poll keeps polling one address. Each has waiting times of its own.
func (t *Tentacle) poll(ctx context.Context, p Polled) {
	retryAfter := t.RetryAfter
	if retryAfter == nil {
		retryAfter = measuredRetries
	}
	for failures := 0; ; failures++ {
		if t.work(ctx, p) {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryAfter[min(failures, len(retryAfter)-1)]):
		}
	}
}

// work connects, and does what it is asked until the connection ends. It says whether it was
// connected at all.
func (t *Tentacle) work(ctx context.Context, p Polled) (connected bool) {
	dial := t.Dial
	if dial == nil {
		dial = func(address string) (net.Conn, error) { return dialTCP(ctx, address) }
	}
	raw, err := dial(p.Address)
	if err != nil {
		return false
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	conn := tls.Client(raw, &tls.Config{
		InsecureSkipVerify: true, // #nosec G402: the thumbprint is compared
		Certificates:       []tls.Certificate{t.Certificate},
	})
	if conn.HandshakeContext(ctx) != nil || thumbprint.Of(conn.ConnectionState().PeerCertificates[0].Raw) != p.Thumbprint {
		return false
	}
	if _, err := io.WriteString(conn, "MX\r\n\r\nMX-SUBSCRIBER 1.0 "+p.Subscription+"\r\n\r\n"); err != nil {
		return false
	}
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return connected
		}
		connected = true
		if number, is := strings.CutPrefix(line, "REQUEST "); is {
			_, _ = fmt.Fprintf(conn, "DONE %s", number)
		}
	}
}

func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, "tcp", u.Host)
}

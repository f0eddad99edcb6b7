package commands_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// agent stands in for a running Tentacle, as far as polling goes. It reads its configuration when
// it starts, and not again. It keeps a connection for each entry that polls, and takes the work of
// the entry's subscription where the port presents exactly the entry's thumbprint. Where it does
// not, it tries again, for ever.
type agent struct {
	dial        func(address string) (net.Conn, error)
	certificate tls.Certificate
	config      string
	list        string // of trusted servers, which its environment sets instead of that in the file; "" for none

	stop    context.CancelFunc
	running sync.WaitGroup
}

// retryAfter is how long an agent waits after a failure, and after each further one; the last is
// for all that follow. It was measured with Tentacle 9.1.
var retryAfter = []time.Duration{5 * time.Second, 9 * time.Second, 22 * time.Second, 60 * time.Second, 120 * time.Second}

// start starts the agent, or starts it again.
func (a *agent) start() error {
	a.close()
	document, err := tentacleconfig.Read(a.config)
	if err != nil {
		return err
	}
	if a.list != "" {
		document.Set(tentacleconfig.KeyTrustedServers, a.list)
	}
	servers, err := document.TrustedServers()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	for _, server := range servers {
		if server.Polls() {
			a.running.Go(func() { a.poll(ctx, server) })
		}
	}
	return nil
}

func (a *agent) close() {
	if a.stop != nil {
		a.stop()
	}
	a.running.Wait()
}

// poll keeps polling one entry. Each has waiting times of its own.
func (a *agent) poll(ctx context.Context, server tentacleconfig.TrustedServer) {
	for failures := 0; ; failures++ {
		if a.takeWork(ctx, server) {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryAfter[min(failures, len(retryAfter)-1)]):
		}
	}
}

// takeWork connects, and does what it is asked until the connection ends. It says whether it was
// connected at all.
func (a *agent) takeWork(ctx context.Context, server tentacleconfig.TrustedServer) (connected bool) {
	raw, err := a.dial(server.Address)
	if err != nil {
		return false
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	conn := tls.Client(raw, &tls.Config{
		InsecureSkipVerify: true, // #nosec G402: the thumbprint is compared
		Certificates:       []tls.Certificate{a.certificate},
	})
	if conn.HandshakeContext(ctx) != nil || thumbprint.Of(conn.ConnectionState().PeerCertificates[0].Raw) != server.Thumbprint {
		return false
	}
	if _, err := io.WriteString(conn, "MX\r\n\r\nMX-SUBSCRIBER 1.0 "+server.SubscriptionID+"\r\n\r\n"); err != nil {
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

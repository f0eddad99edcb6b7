package commands

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"golang.org/x/sync/errgroup"
)

// connection connects a Tentacle to an Octopus Server and its polling ports.
type connection struct {
	*octoapi.Client
	console   *console
	ports     proxyChoice
	roots     *x509.CertPool // nil: the system's
	webSocket webSocketTrust
	timeout   time.Duration
	deadline  time.Time // of all requests together
}

// connect reaches the Octopus Server the way the Tentacle itself does: through its polling proxy,
// if one is configured. It does not use the network.
func (t *tentacle) connect(c *console, o apiOptions) (*connection, error) {
	proxy, err := t.document.PollingProxy()
	if err != nil {
		return nil, err
	}
	return connect(c, o, proxy)
}

func connect(c *console, o apiOptions, proxy tentacleconfig.Proxy) (*connection, error) {
	pool, err := o.rootCAs()
	if err != nil {
		return nil, err
	}
	c.keepSecret(proxy.Password)
	client, err := octoapi.New(octoapi.Options{
		Server:          o.server,
		Credentials:     o.credentials(),
		IgnoreSSLErrors: o.ignoreSSLErrors,
		RootCAs:         pool,
		Proxy:           apiProxy(proxy),
		UserAgent:       userAgent(),
		Waiting:         c.progress,
	})
	if err != nil {
		return nil, err
	}
	s := &connection{Client: client, console: c, ports: pollingProxy(proxy, runtime.GOOS), roots: pool, timeout: o.timeout}
	s.startTimeout()
	return s, nil
}

// startTimeout gives the requests from now on the full --timeout.
func (s *connection) startTimeout() { s.deadline = time.Now().Add(s.timeout) }

// within runs a function that uses the network, until the deadline.
func (s *connection) within(ctx context.Context, use func(context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, s.deadline)
	defer cancel()
	err := use(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return timeoutError{err, s.timeout}
	}
	return err
}

// timeoutError says that a command ended at its deadline.
type timeoutError struct {
	error
	timeout time.Duration
}

func (e timeoutError) Unwrap() error { return e.error }

// Hints name the option.
func (e timeoutError) Hints() []string {
	return []string{fmt.Sprintf("timed out after --timeout=%v; try a longer timeout", e.timeout)}
}

// proxyChoice is the proxy for an address, nil for none; a nil proxyChoice is the environment's.
type proxyChoice = func(*url.URL) (*url.URL, error)

// apiProxy leads to the API: the Tentacle's polling proxy if it has one, else the environment's.
func apiProxy(p tentacleconfig.Proxy) proxyChoice {
	if p.UseDefault {
		return nil
	}
	return pollingProxy(p, runtime.GOOS)
}

// pollingProxy leads to a polling port. A port must be tried through the proxy that the Tentacle
// uses, which ignores the environment: the "default proxy" of a Tentacle is that of Windows, and
// none elsewhere.
func pollingProxy(p tentacleconfig.Proxy, goos string) proxyChoice {
	switch {
	case p.UseDefault && goos == "windows":
		return nil
	case p.UseDefault || p.Host == "":
		return func(*url.URL) (*url.URL, error) { return nil, nil }
	}
	through := &url.URL{Scheme: "http", Host: net.JoinHostPort(p.Host, strconv.Itoa(p.Port))}
	if p.Username != "" {
		through.User = url.UserPassword(p.Username, p.Password)
	}
	return octoapi.ProxyFunc(through)
}

// askCluster asks the API for the cluster's thumbprint and tries every polling port, all at the
// same time. Each port has to present the cluster's own certificate. The result is the thumbprint
// to trust.
//
// The function also runs at the same time; it may be nil.
//
// Behind a web socket is the certificate of the web server instead of the cluster's. There, as with
// the Tentacle CLI, the thumbprint that the port presents is the one to trust, unless the
// certificate is neither expected nor valid.
func (s *connection) askCluster(ctx context.Context, addresses []string, also func(context.Context) error) (string, error) {
	s.console.progress(askingText(s.URL(), len(addresses)))
	defer s.console.endProgress()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	var thumbprint string
	var ports []octoapi.Port
	var portErr error
	var all errgroup.Group
	api, apiCtx := errgroup.WithContext(ctx)
	api.Go(func() (err error) {
		thumbprint, err = s.Thumbprint(apiCtx)
		return err
	})
	if also != nil {
		api.Go(func() error { return also(apiCtx) })
	}
	all.Go(func() error {
		err := api.Wait()
		if err != nil {
			cancel() // the ports no longer matter
		}
		return err
	})
	all.Go(func() error {
		ports, portErr = s.tryPorts(ctx, addresses)
		return nil // what the API says is more important
	})
	switch err := all.Wait(); {
	case err != nil:
		return "", err
	case portErr != nil:
		return "", portErr
	case len(addresses) > 0 && strings.HasPrefix(addresses[0], "wss:"):
		return ports[0].Thumbprint, s.checkWebSocket(ports[0])
	}
	return thumbprint, octoapi.CheckThumbprints(ports, thumbprint)
}

func (s *connection) checkWebSocket(p octoapi.Port) error {
	if !s.webSocket.any {
		return octoapi.CheckWebSocket(p, s.webSocket.thumbprint)
	}
	if p.Invalid != nil {
		s.console.warn("%s: its certificate %s is trusted without having been verified", p.Address, p.Thumbprint)
	}
	return nil
}

func (s *connection) tryPorts(ctx context.Context, addresses []string) ([]octoapi.Port, error) {
	var answered atomic.Int32
	return octoapi.TryPorts(ctx, addresses, octoapi.PortOptions{
		Proxy:   s.ports,
		RootCAs: s.roots,
		Waiting: func(address, why string) { s.console.progress("trying again: " + why) },
		Done: func(octoapi.Port) {
			s.console.progress(fmt.Sprintf("%s, %d answered", askingText(s.URL(), len(addresses)), answered.Add(1)))
		},
	})
}

func askingText(url string, ports int) string {
	if ports == 0 {
		return "asking " + url
	}
	return fmt.Sprintf("asking %s, trying %s", url, plural.Of(ports, "polling port", "polling ports"))
}

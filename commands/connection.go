package commands

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// network is how a Tentacle's polling ports are reached.
type network struct {
	console  *console
	ports    proxyChoice
	roots    *x509.CertPool // of web sockets; nil: the system's
	timeout  time.Duration
	deadline time.Time // of all requests together
}

// connection connects a Tentacle to an Octopus Server and its polling ports.
type connection struct {
	*octoapi.Client
	*network
	options   octoapi.Options // of the client; without credentials
	webSocket webSocketTrust
}

// connect reaches the Octopus Server through a proxy. It does not use the network.
func connect(c *console, o apiOptions, proxy tentacleconfig.Proxy) (*connection, error) {
	pool, err := o.rootCAs(c.ended())
	if err != nil {
		return nil, err
	}
	c.keepSecret(proxy.Password)
	options := octoapi.Options{
		Server:          o.server,
		Credentials:     o.credentials(),
		IgnoreSSLErrors: o.ignoreSSLErrors,
		RootCAs:         pool,
		Proxy:           apiProxy(proxy),
		UserAgent:       userAgent(),
		Waiting:         c.progress,
	}
	if !isOwnName(o.server) {
		options.Unencrypted = func(kind octoapi.CredentialKind) { c.unencrypted.Store(new(kind.String())) }
	}
	if o.awaitsStart {
		options.Starting = c.startProgress()
	}
	client, err := octoapi.New(options)
	if err != nil {
		return nil, err
	}
	options.Credentials, options.Unencrypted, options.Starting = octoapi.Credentials{}, nil, nil
	n := &network{console: c, ports: pollingProxy(proxy, runtime.GOOS), roots: pool, timeout: o.timeout}
	n.startTimeout()
	return &connection{Client: client, network: n, options: options}, nil
}

// startTimeout gives the requests from now on the full --timeout.
func (n *network) startTimeout() { n.deadline = time.Now().Add(n.timeout) }

// within runs a function that uses the network, until the deadline.
func (n *network) within(ctx context.Context, use func(context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, n.deadline)
	defer cancel()
	err := use(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return timeoutError{err, n.timeout}
	}
	return err
}

// isOwnName says whether the address has the name of this machine.
func isOwnName(server string) bool {
	own, failed := os.Hostname()
	u, err := octoapi.ServerURL(server)
	return failed == nil && err == nil && strings.EqualFold(u.Hostname(), own)
}

// warnUnencrypted warns, at the end of a command, of credentials that went over http to another
// machine. Only once they do is it known that the server does not redirect to https.
func (c *console) warnUnencrypted() {
	if what := c.unencrypted.Load(); what != nil {
		c.warn("the %s was sent to the Octopus Server over http, where others can read it: use https if the server has it", *what)
	}
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

// apiProxy leads to the API: the Tentacle's polling proxy if it has one of its own, else that of
// the environment or, on Windows, of the system.
func apiProxy(p tentacleconfig.Proxy) proxyChoice {
	switch {
	case p.UseDefault && runtime.GOOS == "windows":
		return asUser(octoapi.ProxyFunc(nil), p)
	case p.UseDefault:
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
		return asUser(defaultProxy, p)
	case p.UseDefault || p.Host == "":
		return func(*url.URL) (*url.URL, error) { return nil, nil }
	}
	return asUser(octoapi.ProxyFunc(&url.URL{Scheme: "http", Host: net.JoinHostPort(p.Host, strconv.Itoa(p.Port))}), p)
}

// defaultProxy is the proxy of Windows, if the Tentacle on this machine uses it.
func defaultProxy(target *url.URL) (*url.URL, error) {
	if !pollsThroughSystemProxy() {
		return nil, nil
	}
	return octoapi.SystemProxy(target)
}

// pollsThroughSystemProxy says whether the Tentacle on this machine is the build for .NET
// Framework, as the usual installer has it: the others poll without the system's proxy
// (DEFAULT_PROXY_IS_NOT_AVAILABLE in Octopus.Tentacle.csproj and ProxyConfigParser.cs).
var pollsThroughSystemProxy = sync.OnceValue(func() bool {
	program, err := service.FindTentacle("")
	return err != nil || service.IsForNETFramework(program)
})

// asUser adds the user name and password that the Tentacle has for its proxy, if any.
func asUser(choose proxyChoice, p tentacleconfig.Proxy) proxyChoice {
	if p.Username == "" {
		return choose
	}
	return func(target *url.URL) (*url.URL, error) {
		chosen, err := choose(target)
		if err != nil || chosen == nil || chosen.User != nil {
			return chosen, err
		}
		proxy := *chosen
		proxy.User = url.UserPassword(p.Username, p.Password)
		return &proxy, nil
	}
}

func askingText(url string, ports int) string {
	tried := plural.Of(ports, "polling port", "polling ports")
	switch {
	case url == "":
		return "trying " + tried
	case ports == 0:
		return "asking " + url
	}
	return fmt.Sprintf("asking %s, trying %s", url, tried)
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// connect makes the client for the Octopus Server, the way the Tentacle itself
// would reach it: through its polling proxy, if one is configured.
func connect(c *console, o apiOptions, proxy tentacleconfig.Proxy) (*octoapi.Client, error) {
	pool, err := o.rootCAs()
	if err != nil {
		return nil, err
	}
	c.keepSecret(proxy.Password)
	return octoapi.New(octoapi.Options{
		Server:          o.server,
		Credentials:     o.credentials(),
		IgnoreSSLErrors: o.ignoreSSLErrors,
		RootCAs:         pool,
		Proxy:           apiProxy(proxy),
		UserAgent:       userAgent(),
		Waiting:         c.progress,
	})
}

// proxyChoice tells the proxy for an address, nil for none; as a whole nil, the
// environment's.
type proxyChoice = func(*url.URL) (*url.URL, error)

// apiProxy is the way to the API: the Tentacle's polling proxy if it has one,
// else the environment's.
func apiProxy(p tentacleconfig.Proxy) proxyChoice {
	if p.UseDefault {
		return nil
	}
	return pollingProxy(p, runtime.GOOS)
}

// pollingProxy is the way to a polling port. A port has to be tried the way the
// Tentacle will take, and that does not ask the environment: the "default
// proxy" of a Tentacle is Windows' own, and none elsewhere.
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

// askCluster learns the cluster's thumbprint from the API and tries every
// polling port, all at the same time, and accepts only the cluster's own
// certificate on each. The result is the thumbprint to trust.
//
// further is asked of the API in the meantime; it may be nil.
//
// Behind a web socket stands the web server's certificate, not the cluster's:
// there, as in the real Tentacle, what the port presents is what is trusted.
func askCluster(ctx context.Context, c *console, client *octoapi.Client, addresses []string, proxy tentacleconfig.Proxy,
	further func(context.Context) error) (string, error) {
	c.progress(askingText(client.URL(), len(addresses)))
	defer c.endProgress()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	var thumbprint string
	var ports []octoapi.Port
	var apiErr, portErr error
	var answered atomic.Int32
	var wait sync.WaitGroup
	wait.Go(func() {
		if thumbprint, apiErr = client.Thumbprint(ctx); apiErr == nil && further != nil {
			apiErr = further(ctx)
		}
		if apiErr != nil {
			cancel() // what the ports say does not matter any more
		}
	})
	wait.Go(func() {
		ports, portErr = octoapi.TryPorts(ctx, addresses, octoapi.PortOptions{
			Proxy:   pollingProxy(proxy, runtime.GOOS),
			Waiting: func(address, why string) { c.progress("trying again: " + why) },
			Done: func(octoapi.Port) {
				c.progress(fmt.Sprintf("%s, %d answered", askingText(client.URL(), len(addresses)), answered.Add(1)))
			},
		})
	})
	wait.Wait()

	switch {
	case apiErr != nil:
		return "", apiErr
	case portErr != nil:
		return "", portErr
	case len(addresses) > 0 && strings.HasPrefix(addresses[0], "wss:"):
		return ports[0].Thumbprint, nil
	}
	return thumbprint, octoapi.CheckThumbprints(ports, thumbprint)
}

func askingText(url string, ports int) string {
	if ports == 0 {
		return "asking " + url
	}
	return fmt.Sprintf("asking %s, trying %s", url, plural(ports, "polling port", "polling ports"))
}

// timedOut words a deadline that ended a command.
func timedOut(err error, o apiOptions) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w\n--timeout=%v was not enough; a longer one may be", err, o.timeout)
	}
	return err
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

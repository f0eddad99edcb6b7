package octoapi

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// dialTimeout is for one try of a connection: a host that is there answers at once, and a new
	// try is as good as one that waits. TLS, in which a slow server calculates, has all the time
	// there is.
	dialTimeout  = 10 * time.Second
	maxIdle      = 16 // connections kept open: as many as there are usually questions at a time
	maxRedirects = 5
)

// transport makes the connections to the server, whose name is host.
func transport(o Options, host string) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return proxyFor(o.Proxy, r.URL) },
		DialContext:            newDialAhead(dialer.DialContext, o.timing.idle).DialContext,
		OnProxyConnectResponse: proxyAnswered,
		IdleConnTimeout:        o.timing.idle,
		MaxIdleConnsPerHost:    maxIdle,
		MaxResponseHeaderBytes: 1 << 20,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            o.RootCAs,
			InsecureSkipVerify: o.IgnoreSSLErrors, // #nosec G402: asked for by the user
		},
	}
	dialTLS := func(ctx context.Context, network, address string) (net.Conn, error) {
		config := t.TLSClientConfig.Clone()
		// Errors of the server alone are ignored: an https proxy, which net/http would not check
		// either, is told a password.
		name, _, err := net.SplitHostPort(address)
		if err != nil || !strings.EqualFold(name, host) {
			config.InsecureSkipVerify = false
		}
		if address, _, zone := strings.Cut(name, "%"); zone {
			config.ServerName = address // no certificate has a zone, which is this machine's matter
		}
		return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, network, address)
	}
	t.DialTLSContext = newDialAhead(dialTLS, o.timing.idle).DialContext
	return t
}

// redirected is a redirect that is not followed.
type redirected struct {
	to  *url.URL
	why string
}

func (e *redirected) Error() string { return "redirected: " + e.why }

// checkRedirect lets a read be redirected within the server: the same scheme, host and port, or
// from http to https on the same host. A write is never redirected: net/http would turn it into a
// read, or send it twice.
func checkRedirect(r *http.Request, via []*http.Request) error {
	from, to := via[len(via)-1].URL, r.URL
	refuse := func(why string) error { return &redirected{to: to, why: why} }
	switch {
	case via[0].Method != http.MethodGet:
		return refuse("a request that changes something is not redirected")
	case !strings.EqualFold(from.Hostname(), to.Hostname()):
		return refuse("that is another host")
	case from.Scheme == "http" && to.Scheme == "https":
	case from.Scheme != to.Scheme:
		return refuse("that is not encrypted")
	case !sameOrigin(from, to):
		return refuse("that is another port")
	}
	if len(via) > maxRedirects {
		return refuse(fmt.Sprintf("that was the %dth redirect in a row", len(via)))
	}
	return nil
}

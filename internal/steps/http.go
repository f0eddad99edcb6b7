package steps

import (
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Requests is a transport that tells of each request, also of those that follow a redirect, once
// its answer has been read. Next is nil for the usual transport. ProxyOf says through which proxy a
// request goes; nil for none known.
func Requests(next http.RoundTripper, proxyOf func(*http.Request) (*url.URL, error)) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return requests{next, proxyOf}
}

type requests struct {
	next    http.RoundTripper
	proxyOf func(*http.Request) (*url.URL, error)
}

func (t requests) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if !Asked(ctx) {
		return t.next.RoundTrip(r)
	}
	what, started := r.Method+" "+shown(r.URL), time.Now()
	if method := r.Header.Get("X-HTTP-Method-Override"); method != "" {
		what = method + " " + shown(r.URL)
	}
	proxy := t.proxy(r)
	if proxy != "" {
		ctx = With(ctx, "proxy", proxy)
	}
	var to net.Addr
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { to = c.Conn.RemoteAddr() },
	}))
	answer, err := t.next.RoundTrip(r)
	if ip := ipOf(r.URL.Hostname(), to); ip != "" && proxy == "" {
		ctx = With(ctx, "ip", ip)
	}
	if err != nil {
		Log(ctx, what, "error", err, Took(started))
		return nil, err
	}
	b := &body{ReadCloser: answer.Body}
	answer.Body = b
	if to, err := answer.Location(); err == nil {
		ctx = With(ctx, "location", shown(to))
	}
	b.done = sync.OnceFunc(func() { Log(ctx, what, "status", answer.StatusCode, "bytes", b.size, Took(started)) })
	return answer, nil
}

// ipOf is the IP address of a host that has answered; "" if it is one itself, or unknown.
func ipOf(host string, to net.Addr) string {
	address, is := to.(*net.TCPAddr)
	if _, err := netip.ParseAddr(host); err == nil || !is {
		return ""
	}
	return address.IP.String()
}

// CloseIdleConnections is what http.Client calls to close those of its transport.
func (t requests) CloseIdleConnections() {
	if closer, is := t.next.(interface{ CloseIdleConnections() }); is {
		closer.CloseIdleConnections()
	}
}

// proxy is the proxy of a request, without its password.
func (t requests) proxy(r *http.Request) string {
	if t.proxyOf == nil {
		return ""
	}
	if proxy, err := t.proxyOf(r); err == nil && proxy != nil {
		return proxy.Host
	}
	return ""
}

// body counts what is read of an answer.
type body struct {
	io.ReadCloser
	size int64
	done func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.size += int64(n)
	return n, err
}

func (b *body) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// secretWords are in the names of what a query may have that nobody else should see.
var secretWords = []string{"key", "token", "sig", "secret", "password", "pwd", "auth", "code", "credential"}

// shown is a URL without its user and without secrets in its query.
func shown(u *url.URL) string {
	clean := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	query := u.Query()
	for name := range query {
		for _, word := range secretWords {
			if strings.Contains(strings.ToLower(name), word) {
				query.Set(name, "***")
			}
		}
	}
	clean.RawQuery = strings.ReplaceAll(query.Encode(), "%2A%2A%2A", "***")
	return clean.String()
}

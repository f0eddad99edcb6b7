// Package octoapi is what octo-tentacle sees of the network: an Octopus Server's REST API, and its polling ports.
//
// It promises that reads are repeated while there is hope and time and that writes are sent once; that credentials go to the
// server they were given for and nowhere else, neither into errors nor over a redirect; and that an error says what was
// expected, what came instead and what to do. It reads and writes no files and prints nothing.
package octoapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-resty/resty/v2"
)

const (
	maxBody   = 16 << 20         // bytes of an answer; the longest lists are a few MiB
	readCap   = 30 * time.Second // one try of a read; the deadline of the whole is the context's
	dialCap   = 10 * time.Second // one try of a connection
	redirects = 5
)

// idleCap is how long a connection is kept for the next call. Short: the other end may have given it up by then, and a write that meets
// that is lost with nobody knowing whether it was done. A variable for the tests.
var idleCap = 2 * time.Second

// Credentials are of exactly one kind.
type Credentials struct{ APIKey, BearerToken, Username, Password string }

// String names the kind, and no secret.
func (c Credentials) String() string {
	switch {
	case c.APIKey != "":
		return "API key"
	case c.BearerToken != "":
		return "bearer token"
	case c.Username != "":
		return "user name and password"
	}
	return "no credentials"
}

// GoString keeps %#v from showing what String hides.
func (c Credentials) GoString() string { return c.String() }

// sources are the options and variables that the credentials may come from.
func (c Credentials) sources() string {
	switch {
	case c.APIKey != "":
		return "--apikey, --apikey-file or OCTOPUS_API_KEY"
	case c.BearerToken != "":
		return "--bearerToken or OCTOPUS_ACCESS_TOKEN"
	}
	return "--username and --password or --password-file"
}

// trimmed drops the line end that a key read from a file has.
func (c Credentials) trimmed() Credentials {
	c.APIKey, c.BearerToken = strings.TrimSpace(c.APIKey), strings.TrimSpace(c.BearerToken)
	return c
}

// ErrSeveralCredentials is what Check says of more than one kind.
var ErrSeveralCredentials = errors.New("several kinds of credentials: give an API key, or a bearer token, or a user name with its password")

// Check refuses all but one whole kind, and a key that cannot be one. White space around a key does not count.
func (c Credentials) Check() error {
	c = c.trimmed()
	kinds := 0
	for _, given := range []bool{c.APIKey != "", c.BearerToken != "", c.Username != "" || c.Password != ""} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return ErrSeveralCredentials
	case c.Username != "" && c.Password == "":
		return errors.New("--username needs its --password-file, or --password")
	case c.Username == "" && c.Password != "":
		return errors.New("--password needs its --username")
	case kinds == 0:
		return errors.New("no credentials for the Octopus Server: give --apikey-file=FILE (- for standard input), set OCTOPUS_API_KEY, or use --apikey=API-…\n" +
			"an API key is made in the Octopus web portal, in the user's profile")
	case strings.ContainsFunc(c.APIKey+c.BearerToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return fmt.Errorf("what comes from %s has a space or another character that no %s has: it may have been cut or pasted wrongly", c.sources(), c)
	}
	return nil
}

// Options says which server, as whom, and over what connection.
type Options struct {
	Server          string // as people paste it
	Credentials     Credentials
	IgnoreSSLErrors bool
	RootCAs         *x509.CertPool                   // nil: the system's
	Proxy           func(*url.URL) (*url.URL, error) // nil: that of the environment when New is called; see ProxyFunc
	UserAgent       string
	Waiting         func(what string) // optional: a read did not succeed and is about to be repeated after a wait
}

// Client talks to one server. What it has learned (the root document, the user, the spaces) it does not ask again.
// Its methods may be called from several goroutines.
type Client struct {
	options Options
	resty   *resty.Client
	jar     *cookiejar.Jar

	baseMu sync.Mutex
	base   *url.URL // without a slash at the end

	root       memo[Root]
	session    memo[bool]
	me         memo[userResource]
	spaces     memo[[]spaceResource]
	thumbprint memo[string]
}

// memo keeps what was loaded once. A failure is not kept.
type memo[T any] struct {
	mu     sync.Mutex
	loaded bool
	value  T
}

func (m *memo[T]) get(load func() (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.loaded {
		return m.value, nil
	}
	v, err := load()
	if err == nil {
		m.value, m.loaded = v, true
	}
	return v, err
}

// New checks the options. It does not use the network.
func New(o Options) (*Client, error) {
	base, err := ServerURL(o.Server)
	if err != nil {
		return nil, err
	}
	if err := o.Credentials.Check(); err != nil {
		return nil, err
	}
	o.Credentials = o.Credentials.trimmed()
	if o.Proxy == nil {
		o.Proxy = ProxyFunc(nil)
	}
	if o.Waiting == nil {
		o.Waiting = func(string) {}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &Client{options: o, base: base, jar: jar}
	c.resty = resty.NewWithClient(&http.Client{Transport: transport(o, base.Hostname()), Jar: jar}).
		SetRedirectPolicy(resty.RedirectPolicyFunc(followable)).
		SetResponseBodyLimit(maxBody).
		SetDisableWarn(true).
		SetLogger(silent{}).
		SetHeader("Accept", "application/json")
	if o.UserAgent != "" {
		c.resty.SetHeader("User-Agent", o.UserAgent)
	}
	return c, nil
}

// silent keeps resty from printing.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

func transport(o Options, host string) *http.Transport {
	dialer := &net.Dialer{Timeout: dialCap, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return proxyFor(o.Proxy, r.URL) },
		DialContext:            dialer.DialContext,
		OnProxyConnectResponse: proxyAnswered,
		TLSHandshakeTimeout:    dialCap,
		IdleConnTimeout:        idleCap,
		MaxResponseHeaderBytes: 1 << 20,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            o.RootCAs,
			InsecureSkipVerify: o.IgnoreSSLErrors, // #nosec G402: what --ignoreSslErrors asks for
		},
	}
	if o.IgnoreSSLErrors {
		// Of the server alone: an https proxy, which net/http would not check either, is told a password.
		t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			config := t.TLSClientConfig.Clone()
			if name, _, err := net.SplitHostPort(address); err != nil || !strings.EqualFold(name, host) {
				config.InsecureSkipVerify = false
			}
			ctx, cancel := context.WithTimeout(ctx, dialCap)
			defer cancel()
			return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, network, address)
		}
	}
	return t
}

// URL is the base URL in use, without a slash at the end. It becomes https when the server sends there.
func (c *Client) URL() string {
	return c.baseURL().String()
}

func (c *Client) baseURL() *url.URL {
	c.baseMu.Lock()
	defer c.baseMu.Unlock()
	copied := *c.base
	return &copied
}

// ServerURL understands an address as people paste it: with a slash at the end, with what the browser shows behind /app, or with
// /api. What is left is scheme, host, port and, if there is one, the virtual directory, without a slash at the end.
func ServerURL(pasted string) (*url.URL, error) {
	text := strings.TrimSpace(pasted)
	if text == "" {
		return nil, errors.New("no Octopus Server: give its address with --server, for example --server https://octopus.example.com")
	}
	if !strings.Contains(text, "://") {
		return nil, fmt.Errorf("--server %s does not begin with https:// or http://: try --server https://%[1]s", clean(userless(text), 200))
	}
	u, err := url.Parse(text)
	if err != nil {
		if parse, is := errors.AsType[*url.Error](err); is { // its own text repeats the address, which may hold a password
			err = parse.Err
		}
		return nil, fmt.Errorf("--server is not an address: %s; it should look like https://octopus.example.com", clean(userless(err.Error()), 200))
	}
	port, portErr := strconv.Atoi(cmp.Or(u.Port(), "443"))
	switch {
	case u.User != nil:
		return nil, errors.New("--server must not hold a user name or password: give them with --username and --password")
	case !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https"):
		return nil, fmt.Errorf("--server %s://… is not the address of a web site: it should begin with https:// or http://\n  a polling address goes to --server-comms-address", clean(u.Scheme, 40))
	case u.Hostname() == "":
		return nil, errors.New("--server has no host name: it should look like https://octopus.example.com")
	case portErr != nil || port < 1 || port > 65535:
		return nil, fmt.Errorf("--server has the port %s, which is not one from 1 to 65535", clean(u.Port(), 40))
	}
	return &url.URL{Scheme: strings.ToLower(u.Scheme), Host: strings.TrimSuffix(u.Host, ":"), Path: virtualDirectory(u.Path)}, nil
}

// userless hides everything up to an @, which would be a user name and password.
func userless(text string) string {
	if at := strings.LastIndex(text, "@"); at >= 0 {
		return "…" + text[at+1:]
	}
	return text
}

// virtualDirectory is the path before the last /app or /api, with which Octopus's own paths begin.
func virtualDirectory(path string) string {
	segments := strings.Split(strings.TrimRight(path, "/"), "/")
	for i := len(segments) - 1; i > 0; i-- {
		if strings.EqualFold(segments[i], "app") || strings.EqualFold(segments[i], "api") {
			return strings.TrimRight(strings.Join(segments[:i], "/"), "/")
		}
	}
	return strings.Join(segments, "/")
}

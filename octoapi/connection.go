package octoapi

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

// connection sends requests to one server, and turns failures into errors. Its methods may be
// called from several goroutines.
type connection struct {
	options Options
	resty   *resty.Client
	seen    *observed
	jar     *cookiejar.Jar

	baseMu  sync.Mutex
	baseURL *url.URL // without a slash at the end

	unencrypted sync.Once // to tell of it

	starting atomic.Pointer[attempts] // of a wait for the server to start, if its time was too short

	spaceNames sync.Map // by ID, as far as they are known: for errors
	forNames   *room    // for all lists of what machines can be given: several are read at the same time
	clock      clock
}

func newConnection(o Options) (*connection, error) {
	base, err := ServerURL(o.Server)
	if err != nil {
		return nil, err
	}
	o.Credentials = o.Credentials.trimmed()
	o.timing = o.timing.withDefaults()
	if o.Proxy == nil {
		o.Proxy = ProxyFunc(nil)
	}
	if o.Waiting == nil {
		o.Waiting = func(string) {}
	}
	if o.Unencrypted == nil {
		o.Unencrypted = func(CredentialKind) {}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	t := transport(o, base.Hostname())
	c := &connection{options: o, baseURL: base, jar: jar, seen: observe(t), forNames: newRoom()}
	c.resty = resty.NewWithClient(&http.Client{Transport: steps.Requests(c.seen, t.Proxy), Jar: jar}).
		SetRedirectPolicy(resty.RedirectPolicyFunc(checkRedirect)).
		SetDoNotParseResponse(true). // answer.go reads it
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

// URL is the base URL in use, without a slash at the end. It becomes https when the server
// redirects there.
func (c *connection) URL() string {
	return c.base().String()
}

func (c *connection) base() *url.URL {
	c.baseMu.Lock()
	defer c.baseMu.Unlock()
	u := *c.baseURL
	return &u
}

// Clock says how far the server's clock is ahead of this machine's, to within a second and half of
// the time that the quickest answer took: negative when it is behind. It is known once the API has
// answered with a date.
func (c *connection) Clock() (ahead time.Duration, known bool) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.ahead, c.clock.known
}

// moveTo makes the URL that answered /api the base URL, if http redirected to https on the same
// host.
func (c *connection) moveTo(from *url.URL) {
	c.baseMu.Lock()
	defer c.baseMu.Unlock()
	if from.Scheme != c.baseURL.Scheme {
		c.baseURL = &url.URL{Scheme: from.Scheme, Host: from.Host, Path: virtualDirectory(from.Path)}
	}
}

// resolve makes a whole URL of a link. Behind a reverse proxy the server does not know the virtual
// directory it is reached at, so that links come with or without it (OctopusClients,
// DefaultLinkResolver.cs, does the same). A link to another host is refused.
func (c *connection) resolve(link string) (*url.URL, error) {
	base := c.base()
	u, err := url.Parse(strings.TrimPrefix(link, "~"))
	if err != nil || u.Opaque != "" {
		return nil, fmt.Errorf("the server at %s returned a malformed link: %s", base, c.quote(link))
	}
	if u.Host != "" && !sameOrigin(u, base) || u.Scheme != "" && u.Host == "" {
		return nil, fmt.Errorf("the server at %s returned a link to another host, %s; it was not followed, and nothing secret was sent there",
			base, c.quote(u.Host))
	}
	raw := "/" + strings.TrimLeft(u.EscapedPath(), "/")
	// The server's own spelling of the directory may differ in case from what people paste.
	if directory := base.EscapedPath(); !strings.HasPrefix(strings.ToLower(raw)+"/", strings.ToLower(directory)+"/") {
		raw = directory + raw
	}
	resolved, err := base.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("the server at %s returned a malformed link: %s", base, c.quote(link))
	}
	resolved.RawQuery = u.RawQuery
	return resolved, nil
}

// spaceName is the name of the space with this ID, once it is known; else the ID.
func (c *connection) spaceName(id string) string {
	if name, known := c.spaceNames.Load(id); known {
		return c.quote(name.(string))
	}
	return c.quote(id)
}

// show is a URL for the reader: without a query.
func (c *connection) show(u *url.URL) string {
	return c.quote((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// quote prepares text that came over the network to be shown: one line, printable, of moderate
// length, and without anything secret a server may have repeated.
func (c *connection) quote(text string) string {
	return oneLine(c.hide(text[:min(len(text), maxSearched)]), maxQuote)
}

// maxSearched is how many bytes of a text are searched for secrets, and can be quoted.
const maxSearched = 64 << 10

// hide removes secrets from what the server or a library says.
func (c *connection) hide(text string) string {
	secrets := c.secrets()
	return secrets.HideInQuote(text)
}

// secrets are those that went to the server, or came from it.
func (c *connection) secrets() Secrets {
	secrets := proxySecrets(c.options.Proxy, c.base())
	k := c.options.Credentials
	for _, secret := range []string{k.APIKey, k.BearerToken, k.Password} {
		secrets.Add(secret)
	}
	for _, cookie := range c.jar.Cookies(c.base().JoinPath("api")) {
		secrets.Add(cookie.Value)
	}
	return secrets
}

// proxySecrets is the password of the proxy on the way to u, if there is one.
func proxySecrets(proxyOf func(*url.URL) (*url.URL, error), u *url.URL) (secrets Secrets) {
	if proxy, err := proxyFor(proxyOf, u); err == nil && proxy != nil {
		password, _ := proxy.User.Password()
		secrets.Add(password)
	}
	return secrets
}

// cause is the text of a diagnosis without secrets. Only what a library says is a quote, in which
// they may be words.
func (d diagnosis) cause(secrets Secrets) string {
	if d.reason == OtherReason {
		return oneLine(secrets.HideInQuote(d.text), maxQuote)
	}
	return oneLine(secrets.Hide(d.text), maxQuote)
}

package octoapi

import (
	"cmp"
	"context"
	"crypto/sha1" // #nosec G505: a thumbprint is a SHA-1 by definition
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/go-resty/resty/v2"
)

// What an answer's status meant, for errors.Is. The errors returned have texts of their own.
var (
	ErrUnauthorized = errors.New("not accepted (401)")
	ErrForbidden    = errors.New("not permitted (403)")
	ErrNotFound     = errors.New("not found (404)")
)

// ErrUnsure is a write that was sent, and about which no answer tells whether it was done.
var ErrUnsure = errors.New("sent, without an answer that tells whether it was done")

// errNotOctopus is JSON that an Octopus Server does not answer there.
var errNotOctopus = errors.New("not an Octopus Server's JSON")

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// explained is an error with a text for the reader; the causes are for errors.Is alone.
type explained struct {
	text   string
	causes []error
}

func (e *explained) Error() string   { return e.text }
func (e *explained) Unwrap() []error { return e.causes }

// failure is one request that did not succeed: there is an answer with another status than 200, or a cause.
type failure struct {
	method  string
	url     *url.URL
	started time.Time
	took    time.Duration
	answer  *resty.Response
	cause   error
}

func (f failure) patience() patience {
	if f.cause != nil {
		return diagnose(f.cause, f.url.Host, f.took).patience
	}
	switch f.answer.StatusCode() {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return unlimited
	}
	return never
}

// short is what happened, for a progress line.
func (f failure) short() string {
	if f.cause != nil {
		return diagnose(f.cause, f.url.Host, f.took).text
	}
	return fmt.Sprintf("%s answers %s", f.url.Host, f.status())
}

func (f failure) status() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", f.answer.StatusCode(), http.StatusText(f.answer.StatusCode())))
}

// explain makes the error of a failure; tries is nil for what is sent once.
func (c *Client) explain(ctx context.Context, f failure, tries *retrying) error {
	if errors.Is(ctx.Err(), context.Canceled) && (f.cause != nil || tries != nil) { // not what a write was answered
		return &explained{text: fmt.Sprintf("interrupted while waiting for %s", f.url.Host), causes: []error{ctx.Err()}}
	}
	if f.cause == nil {
		return c.explainStatus(f)
	}
	e := &explained{causes: []error{f.cause}}
	var elsewhere *redirectError
	switch {
	case errors.As(f.cause, &elsewhere):
		e.text = c.explainRedirect(f, elsewhere)
	case errors.Is(f.cause, resty.ErrResponseBodyTooLarge):
		e.text = fmt.Sprintf("%s answers with more than %d MiB: that is not an Octopus Server's API\n  check --server", c.show(f.url), maxBody>>20)
	default:
		d := diagnose(f.cause, f.url.Host, f.took).through(c.options.Proxy, f.url)
		e.text = fmt.Sprintf("cannot reach the Octopus Server at %s: %s", c.URL(), c.quote(d.text))
		if tries != nil && tries.tries > 1 {
			e.text += fmt.Sprintf(" (tried %d times in %s)", tries.tries, round(time.Since(tries.start)))
		}
		e.text += "\n  " + strings.ReplaceAll(d.hint, "ADDRESS", "--server")
		if f.url.Scheme == "http" && d.patience == unlimited && tries != nil { // a write follows reads, which were answered
			e.text += "; if it speaks https, write https:// there"
		}
	}
	return e
}

func (c *Client) explainRedirect(f failure, r *redirectError) string {
	to := c.quote((&url.URL{Scheme: r.to.Scheme, Host: r.to.Host, Path: r.to.Path}).String()) // the query may hold a token
	return fmt.Sprintf("%s redirects to %s: %s, so it was not followed and nothing secret was sent there\n"+
		"  give the address of Octopus itself with --server; a login page in front of it must let the API through", c.show(f.url), to, r.why)
}

// explainStatus makes the error of an answer whose status is not one of success.
func (c *Client) explainStatus(f failure) error {
	e := &explained{}
	message := c.octopusMessage(f.answer.Body())
	because := func(text string) string {
		if message == "" {
			return text
		}
		return text + ": " + message
	}
	base, credentials := c.URL(), c.options.Credentials
	switch status := f.answer.StatusCode(); {
	case status == http.StatusUnauthorized:
		e.causes = append(e.causes, ErrUnauthorized)
		e.text = because(fmt.Sprintf("the Octopus Server at %s does not accept the %s (401)", base, credentials)) +
			fmt.Sprintf("\n  check what comes from %s: it may be mistyped, expired, or of another server", credentials.sources())
	case status == http.StatusForbidden:
		e.causes = append(e.causes, ErrForbidden)
		e.text = because(fmt.Sprintf("the Octopus Server at %s does not permit this to the account of the %s (403)", base, credentials))
		if m := missingPermission().FindStringSubmatch(message); m != nil {
			e.text += fmt.Sprintf("\n  give the account a team whose role has %s, in the space concerned", m[1])
		} else {
			e.text += "\n  give the account a team whose role permits it, in the space concerned"
		}
	case status == http.StatusNotFound:
		e.causes = append(e.causes, ErrNotFound)
		e.text = because(fmt.Sprintf("there is no %s (404)", c.show(f.url)))
		if message == "" {
			e.text += "\n  check --server: is it an Octopus Server? A virtual directory is part of its address"
		}
	case status == http.StatusProxyAuthRequired:
		between := "in between"
		if proxy, _ := c.options.Proxy(f.url); proxy != nil {
			between = proxy.Host
		}
		e.text = (&proxyError{proxy: between, status: status}).Error()
	case status == http.StatusBadRequest && f.url.Scheme == "http" && strings.Contains(string(f.answer.Body()), "HTTPS"):
		e.text = fmt.Sprintf("%s speaks https, not http\n  write --server https://%[1]s", f.url.Host)
	case status == http.StatusTooManyRequests || status >= 502 && status <= 504:
		e.text = because(fmt.Sprintf("the Octopus Server at %s is not available (%s)", base, f.status())) + pageNote(c, f.answer) + "\n  " + c.later(f)
	case status >= 500:
		e.text = because(fmt.Sprintf("the Octopus Server at %s failed (%s) on %s %s", base, f.status(), f.method, c.quote(f.url.Path))) + pageNote(c, f.answer) +
			"\n  its own log says why: Configuration, Diagnostics"
	case status >= 400:
		e.text = because(fmt.Sprintf("the Octopus Server at %s refused %s %s (%s)", base, f.method, c.quote(f.url.Path), f.status())) + pageNote(c, f.answer)
	default:
		e.text = fmt.Sprintf("%s answers %s, where an Octopus Server answers 200\n  check --server", c.show(f.url), f.status())
	}
	return e
}

// later says when to try again. More time helps only what is repeated.
func (c *Client) later(f failure) string {
	longer := ""
	if f.method == http.MethodGet {
		longer = ", or allow more time with --timeout"
	}
	const day = 24 * time.Hour
	switch wait := f.retryAfter(); {
	case wait > day:
		return "it asks to wait for more than a day"
	case wait > 0:
		return fmt.Sprintf("it asks to wait %s: try again then%s", round(wait), longer)
	}
	return "try again later" + longer
}

var (
	missingPermission = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)missing permissions?:? *([A-Za-z]+)`) })
	titleElement      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`) })
)

// octopusMessage is what the server says of an error (OctopusClients, OctopusExceptionFactory.cs), safe to be shown.
func (c *Client) octopusMessage(body []byte) string {
	var e struct {
		ErrorMessage string
		Errors       []string
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	parts := append([]string{e.ErrorMessage}, e.Errors...)
	return c.quote(strings.TrimSpace(strings.Join(parts, " ")))
}

// pageNote names the page when the answer is HTML: often that of a proxy.
func pageNote(c *Client, r *resty.Response) string {
	if title, is := c.htmlTitle(r); is && title != "" {
		return fmt.Sprintf(", with the page %q", title)
	}
	return ""
}

func (c *Client) htmlTitle(r *resty.Response) (title string, is bool) {
	body := strings.TrimLeftFunc(string(r.Body()), unicode.IsSpace)
	if !strings.HasPrefix(body, "<") && !strings.Contains(r.Header().Get("Content-Type"), "html") {
		return "", false
	}
	if m := titleElement().FindStringSubmatch(body); m != nil {
		title = c.quote(html.UnescapeString(m[1]))
	}
	return title, true
}

// unexpected explains an answer with status 200 that is not the JSON expected.
func (c *Client) unexpected(f failure, data []byte, err error) error {
	what := "something that is not JSON"
	hint := "check --server; something in between may have answered"
	var wrongType *json.UnmarshalTypeError
	switch title, isHTML := c.htmlTitle(f.answer); {
	case isHTML && title != "":
		what = fmt.Sprintf("a web page, %q, instead of JSON", title)
		hint = "check --server; a proxy or a login page may be in between: it must let " + c.quote(f.url.Path) + " through"
	case isHTML:
		what = "a web page instead of JSON"
	case len(data) == 0:
		what = "nothing, with status " + f.status()
	case errors.As(err, &wrongType), errors.Is(err, errNotOctopus):
		what = "JSON, but not an Octopus Server's"
	case strings.Contains(err.Error(), "unexpected end"):
		what = fmt.Sprintf("JSON that ends in the middle, after %d bytes", len(data))
		hint = "something between here and the server cuts answers short; try again"
	}
	return &explained{text: fmt.Sprintf("%s answers %s\n  %s", c.show(f.url), what, hint)}
}

// show is a URL for the reader: without a query.
func (c *Client) show(u *url.URL) string {
	return c.quote((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

const maxQuote = 300

// quote makes text that came over the network fit to be shown: one line, printable, of moderate length, and without anything secret a
// server may have repeated.
func (c *Client) quote(text string) string {
	return clean(c.hide(clean(text, len(text))), maxQuote)
}

// hide takes out of a text what is secret.
func (c *Client) hide(text string) string {
	k := c.options.Credentials
	var secrets Secrets
	for _, secret := range []string{k.APIKey, k.BearerToken, k.Password} {
		secrets.Add(secret)
	}
	for _, cookie := range c.jar.Cookies(c.baseURL().JoinPath("api")) {
		secrets.Add(cookie.Value)
	}
	if proxy, err := proxyFor(c.options.Proxy, c.baseURL()); err == nil && proxy != nil {
		password, _ := proxy.User.Password()
		secrets.Add(password)
	}
	return secrets.Hide(text)
}

// clean makes text one printable line of at most so many bytes.
func clean(text string, limit int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar }), " ")
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// printable is a name as a terminal may show it. Unlike clean it keeps every space: people ask for things by name.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r != ' ' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar) {
			return -1
		}
		return r
	}, name)
}

// diagnosis is what an error of the operating system, TLS or HTTP means.
type diagnosis struct {
	text     string
	hint     string // ADDRESS stands for the option the address came from
	patience patience
}

// diagnose finds out what err, on the way to host ("name:port") and after took, means.
func diagnose(err error, host string, took time.Duration) diagnosis {
	var operation *net.OpError
	onProxy := false
	for e := err; errors.As(e, &operation); e = operation.Err {
		onProxy = onProxy || operation.Op == "proxyconnect" // as net/http has it
		if operation.Addr != nil {
			host = operation.Addr.String()
		}
	}
	d := diagnoseCause(err, host, took)
	if onProxy {
		d.text = "the proxy that leads there does not answer: " + d.text
		d.hint = "check the proxy: HTTPS_PROXY and HTTP_PROXY of the environment, or that of polling-proxy"
	}
	return d
}

// through adds the proxy on the way to u, which may be the one that failed.
func (d diagnosis) through(proxyOf func(*url.URL) (*url.URL, error), u *url.URL) diagnosis {
	if proxy, err := proxyOf(u); err == nil && proxy != nil && !strings.Contains(d.text, proxy.Hostname()) {
		d.text += ", on the way through the proxy " + proxy.Host
	}
	return d
}

func diagnoseCause(err error, host string, took time.Duration) diagnosis {
	var (
		proxy     *proxyError
		dns       *net.DNSError
		untrusted *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		timeout   net.Error
	)
	switch {
	case errors.As(err, &proxy):
		d := diagnosis{patience: never}
		if proxy.status >= 502 {
			d.patience = briefly
		}
		d.text, d.hint, _ = strings.Cut(proxy.Error(), "\n  ")
		return d
	case errors.As(err, &dns) && dns.IsNotFound:
		return diagnosis{fmt.Sprintf("the name %s was not found (DNS)", dns.Name), "check the spelling in ADDRESS, and that this machine uses a DNS server that knows the name", briefly}
	case errors.As(err, &dns):
		return diagnosis{fmt.Sprintf("no DNS server told the address of %s", dns.Name), "check this machine's DNS servers", unlimited}
	case errors.Is(err, connectionRefused):
		return diagnosis{fmt.Sprintf("nothing listens on %s (connection refused)", host), "check the host and port in ADDRESS, and that the server runs", briefly}
	case errors.As(err, &untrusted):
		return diagnoseCertificate(untrusted, host)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return diagnosis{host + " does not speak TLS (https)", "check the port in ADDRESS, or whether it should begin with http://", never}
	case strings.Contains(err.Error(), "malformed HTTP response"):
		return diagnosis{host + " does not answer with HTTP", "check the port in ADDRESS, or whether it should begin with https://", never}
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return diagnosis{fmt.Sprintf("no answer from %s within %s", host, round(took)), "a firewall may drop the connection; check the host and port in ADDRESS, or allow more time with --timeout", unlimited}
	case errors.Is(err, networkUnreached), errors.Is(err, hostUnreached):
		return diagnosis{"there is no route to " + host, "check this machine's network, and the host in ADDRESS", unlimited}
	case errors.Is(err, connectionReset), errors.Is(err, connectionAborted), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return diagnosis{host + " ended the connection without a whole answer", "the server or something in between may be restarting; try again, and check the port in ADDRESS", unlimited}
	}
	if carrier, is := errors.AsType[*url.Error](err); is { // its text repeats the URL
		err = carrier.Err
	}
	return diagnosis{clean(err.Error(), maxQuote), "check the host and port in ADDRESS", never}
}

func diagnoseCertificate(err *tls.CertificateVerificationError, host string) diagnosis {
	d := diagnosis{text: "the certificate of " + host + " is not trusted", patience: never,
		hint: "if it is the right server, give the certificate of its issuer with --ca-file, or do without the check with --ignoreSslErrors"}
	if len(err.UnverifiedCertificates) == 0 {
		return d
	}
	leaf := err.UnverifiedCertificates[0]
	var (
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &name):
		d.text += ": it is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		d.text += fmt.Sprintf(": it is valid from %s to %s", leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly))
	default:
		d.text += ": this machine does not know its issuer"
	}
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	d.hint = fmt.Sprintf("subject %s, issuer %s, names %s, thumbprint %X\n  %s", clean(leaf.Subject.String(), 100), clean(leaf.Issuer.String(), 100),
		clean(cmp.Or(strings.Join(names, ", "), "none"), 150), sha1.Sum(leaf.Raw), d.hint)
	return d
}

// round makes a duration short to read.
func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

package octoapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-resty/resty/v2"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedjson"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// failedRequest is a request that did not succeed: there is an answer with another status than 200,
// or a cause.
type failedRequest struct {
	method  string
	url     *url.URL
	key     authorization
	started time.Time
	took    time.Duration
	answer  *resty.Response
	cause   error
}

func (f failedRequest) retry() retryFor {
	switch {
	case f.cause != nil:
		return diagnose(f.cause, f.url.Host, f.took).retry
	case temporary(f.answer.StatusCode()):
		return retryUntilDeadline
	}
	return noRetry
}

// temporary says whether a status asks to try again later: 408 is of a server, or of something in
// front of it, that did not get the request in time.
func temporary(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout ||
		status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout
}

// short is what happened, for a progress line.
func (f failedRequest) short() string {
	if f.cause != nil {
		return diagnose(f.cause, f.url.Host, f.took).text
	}
	return fmt.Sprintf("%s responds with %s", f.url.Host, f.status())
}

func (f failedRequest) status() string { return statusText(f.answer.StatusCode()) }

// retryAfter is what an answer asks to wait, as seconds or a date; 0 when it does not.
func (f failedRequest) retryAfter() time.Duration {
	if f.answer == nil {
		return 0
	}
	text := f.answer.Header().Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(time.Until(date), 0)
	}
	return 0
}

// later says when to try again.
func (f failedRequest) later() string {
	const day = 24 * time.Hour
	switch wait := f.retryAfter(); {
	case wait > day:
		return "the server asks to wait for more than a day"
	case wait > 0:
		return fmt.Sprintf("the server asks to wait %s: try again then", round(wait))
	}
	return "try again later"
}

// explain makes the error of a failed request; tries is nil for what is sent once.
func (c *connection) explain(ctx context.Context, f failedRequest, tries *attempts) error {
	if errors.Is(ctx.Err(), context.Canceled) && (f.cause != nil || tries != nil) { // not what a write was answered
		return &report{message: "interrupted while waiting for " + f.url.Host, causes: []error{ctx.Err()}}
	}
	if f.cause == nil {
		return c.explainStatus(f)
	}
	if elsewhere, is := errors.AsType[*redirected](f.cause); is {
		return c.explainRedirect(f, elsewhere)
	}
	d := diagnose(f.cause, f.url.Host, f.took).through(c.options.Proxy, f.url)
	e := &UnreachableError{
		Server: c.URL(),
		Reason: d.reason,
		Cause:  d.cause(c.secrets()),

		Answered: c.seen.answered.Load(),
	}
	// A write follows reads, which were answered.
	e.MaybeHTTPS = f.url.Scheme == "http" && d.retry == retryUntilDeadline && tries != nil && !e.Answered
	e.report = report{fmt.Sprintf("cannot reach the Octopus Server at %s: %s", e.Server, e.Cause), d.hints, []error{f.cause}}
	switch request := f.method + " " + c.quote(f.url.Path); {
	case d.reason == OutOfTime:
		e.message = fmt.Sprintf("there was no time left to ask the Octopus Server at %s for %s", e.Server, request)
	case d.reason == TimedOut && e.Answered: // it is there, and no firewall is to blame
		e.message = fmt.Sprintf("no response from the Octopus Server at %s to %s within %s", e.Server, request, round(f.took))
		e.hints = nil
	}
	if tries != nil {
		e.message += tries.note()
	}
	return e
}

func (c *connection) explainRedirect(f failedRequest, r *redirected) error {
	to := c.quote((&url.URL{Scheme: r.to.Scheme, Host: r.to.Host, Path: r.to.Path}).String()) // the query may hold a token
	return &RedirectError{report: report{
		message: fmt.Sprintf("%s redirects to %s: %s, so it was not followed and nothing secret was sent there", c.show(f.url), to, r.why),
		hints:   []string{"a login page in front of an Octopus Server must let the API through"},
		causes:  []error{f.cause},
	}}
}

// lostPath says, of a response that is not what was asked for, that a redirect led to it which lost
// the path, as from http://octopus/api to https://octopus/: nil for none. What a redirect puts
// before the path, like a virtual directory, loses nothing.
func (c *connection) lostPath(f failedRequest) error {
	if f.method != http.MethodGet || f.answer.RawResponse == nil || f.answer.RawResponse.Request == nil {
		return nil
	}
	to, from := f.answer.RawResponse.Request.URL, f.url
	if _, _, isAPI := resourceOf(to.Path); isAPI {
		return nil
	}
	e := &RedirectError{report: report{
		message: fmt.Sprintf("%s redirects to %s, which lacks the path and is not the API%s", c.show(from), c.show(to), c.pageNote(f.answer)),
		hints:   []string{"a redirect in front of an Octopus Server, like that to a login page, must spare the API or keep the path"},
		causes:  []error{ErrNotOctopus},
	}}
	if from.Scheme != to.Scheme {
		base := c.base()
		base.Scheme, base.Host = to.Scheme, to.Host
		e.Server = base.String()
	}
	return e
}

// explainStatus makes the error for a response whose status is not success.
func (c *connection) explainStatus(f failedRequest) error {
	if lost := c.lostPath(f); lost != nil {
		return lost
	}
	status, server := f.answer.StatusCode(), c.URL()
	says := c.octopusMessage(f.answer.Body())
	e := &StatusError{Server: server, Status: status, Credential: c.options.Credentials.Kind(), Repeated: f.method == http.MethodGet && temporary(status)}
	_, e.Page = c.htmlTitle(f.answer)
	describe := func(format string, a ...any) {
		e.message = fmt.Sprintf(format, a...)
		if says != "" {
			e.message += ": " + says
		}
	}
	switch {
	case f.key == withoutKey && (status == http.StatusUnauthorized || status == http.StatusForbidden):
		e.Anonymous = true
		e.causes = []error{ErrForbidden}
		if status == http.StatusUnauthorized {
			e.causes = []error{ErrUnauthorized}
		}
		describe("the Octopus Server at %s refuses %s %s without credentials (%d)", server, f.method, c.quote(f.url.Path), status)
		e.message += c.pageNote(f.answer)
		e.hints = []string{"Octopus Server itself needs none for that: a gateway or proxy in front of it may"}
	case status == http.StatusUnauthorized:
		e.causes = []error{ErrUnauthorized}
		describe("the Octopus Server at %s does not accept the %s (401)", server, e.Credential)
		e.message += c.pageNote(f.answer)
		if scheme := f.answer.Header().Get("WWW-Authenticate"); scheme != "" || e.Page {
			e.hints = []string{"a gateway or proxy in front of Octopus Server may require credentials of its own"}
		}
		if key := c.options.Credentials.APIKey; key != "" && !strings.HasPrefix(strings.ToUpper(key), "API-") {
			e.hints = append(e.hints, "an API key begins with API-, and this one does not")
		}
	case status == http.StatusForbidden:
		c.explainForbidden(f, e, says)
	case status == http.StatusNotFound:
		e.causes = []error{ErrNotFound}
		describe("there is no %s (404)", c.show(f.url))
		if says == "" {
			e.causes = append(e.causes, ErrNotOctopus)
		}
	case status == http.StatusProxyAuthRequired:
		refused := &ProxyError{Proxy: "in between", Status: status}
		if proxy, _ := c.options.Proxy(f.url); proxy != nil {
			refused.Proxy, refused.Given = proxy.Host, proxy.User != nil
		}
		return refused
	case status == http.StatusBadRequest && f.url.Scheme == "http" && strings.Contains(string(f.answer.Body()), "HTTPS"):
		return &UnreachableError{Server: server, Reason: NeedsHTTPS, report: report{message: f.url.Host + " speaks https, not http"}}
	case temporary(status):
		describe("the Octopus Server at %s is not available (%s)", server, f.status())
		e.message += c.pageNote(f.answer)
		e.hints = []string{f.later()}
	case status >= 500:
		describe("the Octopus Server at %s failed (%s) on %s %s", server, f.status(), f.method, c.quote(f.url.Path))
		e.message += c.pageNote(f.answer)
		e.hints = []string{"the server's own log says why: Configuration, Diagnostics"}
	case status >= 400:
		describe("the Octopus Server at %s refused %s %s (%s)", server, f.method, c.quote(f.url.Path), f.status())
		e.message += c.pageNote(f.answer)
	default:
		e.causes = []error{ErrNotOctopus}
		e.message = fmt.Sprintf("%s responds with %s, but an Octopus Server responds with 200", c.show(f.url), f.status())
	}
	return e
}

// explainForbidden says what the account may not do, and the permission for it, which the server
// does not always name.
func (c *connection) explainForbidden(f failedRequest, e *StatusError, says string) {
	e.causes = []error{ErrForbidden}
	request := f.method + " " + c.quote(f.url.Path)
	if e.Page {
		e.message = fmt.Sprintf("the Octopus Server at %s refused %s (403)%s", c.URL(), request, c.pageNote(f.answer))
		e.hints = []string{"a proxy or firewall in front of the server may have responded instead"}
		return
	}
	need, _ := NeedOf(f.method, f.url.Path)
	e.Permission = need.Permission
	note := ""
	switch named := missingPermission().FindStringSubmatch(says); {
	case named != nil:
		e.Permission = Permission(named[1])
	case need.Permission != "":
		note = ", which needs the permission " + string(need.Permission)
	case need.Unpublished:
		note = "; Octopus does not publish which permission that needs"
	}
	in, where := "", ""
	if space, _, _ := resourceOf(f.url.Path); space != "" {
		in, where = " in space "+c.spaceName(space), " in that space"
	}
	if need.Action != "" {
		e.message = fmt.Sprintf("the Octopus Server at %s does not let the account of the %s %s%s (403 on %s%s)",
			c.URL(), e.Credential, need.Action, in, request, note)
	} else {
		e.message = fmt.Sprintf("the Octopus Server at %s does not permit %s to the account of the %s (403)", c.URL(), request, e.Credential)
	}
	if says != "" {
		e.message += ": " + says
	}
	grants := "permits it"
	if e.Permission != "" {
		grants = "has " + string(e.Permission)
	}
	e.hints = []string{"add the account to a team whose role " + grants + where}
}

// unexpected explains an answer with status 200 that is not the JSON expected.
// size is how many bytes of it were read.
func (c *connection) unexpected(f failedRequest, size int64, err error) error {
	if lost := c.lostPath(f); lost != nil {
		return lost
	}
	if much := tooMuch(err); much != "" {
		return &report{
			message: fmt.Sprintf("%s responds with %s: it is not the API of an Octopus Server", c.show(f.url), much),
			causes:  []error{err, ErrNotOctopus},
		}
	}
	e := &report{causes: []error{ErrNotOctopus}}
	what := "something that is not JSON"
	e.hints = []string{"a proxy or load balancer may have responded instead"}
	var wrongType *json.UnmarshalTypeError
	switch title, isHTML := c.htmlTitle(f.answer); {
	case isHTML && title != "":
		what = fmt.Sprintf("a web page, %q, instead of JSON", title)
		e.hints = []string{"a proxy or a login page may be responding instead: it must let " + c.quote(f.url.Path) + " through"}
	case isHTML:
		what = "a web page instead of JSON"
	case size == 0:
		what = "no content, with status " + f.status()
	case errors.As(err, &wrongType), errors.Is(err, errUnexpectedJSON), errors.Is(err, boundedjson.ErrKind):
		what = "JSON that is not from an Octopus Server"
	case errors.Is(err, io.ErrUnexpectedEOF):
		what = fmt.Sprintf("incomplete JSON, %d bytes long", size)
		e.hints, e.causes = []string{"something between this machine and the server cuts responses short: try again"}, nil
	}
	e.message = fmt.Sprintf("%s responds with %s", c.show(f.url), what)
	return e
}

// Compiled at first use: every start of the program would pay for them.
var (
	missingPermission = lazyregexp.New(`(?i)missing permissions?:? *([A-Za-z]+)`)
	titleElement      = lazyregexp.New(`(?is)<title[^>]*>(.*?)</title>`)
)

// octopusMessage is what the server says about an error (OctopusClients,
// OctopusExceptionFactory.cs), safe to be shown.
func (c *connection) octopusMessage(body []byte) string {
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
func (c *connection) pageNote(r *resty.Response) string {
	if title, is := c.htmlTitle(r); is && title != "" {
		return fmt.Sprintf(", with the page %q", title)
	}
	return ""
}

func (c *connection) htmlTitle(r *resty.Response) (title string, is bool) {
	body := strings.TrimLeftFunc(string(r.Body()), unicode.IsSpace)
	if !strings.HasPrefix(body, "<") && !strings.Contains(r.Header().Get("Content-Type"), "html") {
		return "", false
	}
	if m := titleElement().FindStringSubmatch(body); m != nil {
		title = c.quote(html.UnescapeString(m[1]))
	}
	return title, true
}

package octoapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
)

// Header names of Octopus's API (OctopusClients, ApiConstants.cs).
const (
	apiKeyHeader     = "X-Octopus-ApiKey"
	csrfHeader       = "X-Octopus-Csrf-Token"
	csrfCookiePrefix = "Octopus-Csrf-Token_"
)

// access says whether a request carries the credentials.
type access bool

const (
	anonymous access = false
	signedIn  access = true
)

// get reads what the link leads to into out, signed in.
func (c *Client) get(ctx context.Context, link string, out any) error {
	if c.options.Credentials.Username != "" {
		if err := c.signIn(ctx); err != nil {
			return err
		}
	}
	u, err := c.resolve(link)
	if err != nil {
		return err
	}
	_, err = c.read(ctx, u, signedIn, out)
	return err
}

// read asks for u until it answers, as long as there is hope and time, and returns the URL that answered in the end.
func (c *Client) read(ctx context.Context, u *url.URL, a access, out any) (*url.URL, error) {
	tries := newRetrying()
	var before *failure
	for {
		f := failure{method: http.MethodGet, url: u, started: time.Now()}
		tryCtx, cancel := context.WithTimeout(ctx, readCap)
		r, err := c.request(tryCtx, a).Get(u.String())
		cancel()
		f.took = time.Since(f.started)
		if err == nil && r.IsSuccess() {
			return r.RawResponse.Request.URL, c.decode(f, r, out)
		}
		f.answer, f.cause = r, err
		if before != nil && atDeadline(ctx) {
			f = *before // the deadline broke this try off, which says less than how the one before ended
		}
		wait, again := tries.next(ctx, f.patience(), f.retryAfter())
		if !again {
			return nil, c.explain(ctx, f, tries)
		}
		before = &f
		c.options.Waiting(fmt.Sprintf("%s; trying again in %s", f.short(), wait.Round(100*time.Millisecond)))
		if !sleep(ctx, wait) {
			return nil, c.explain(ctx, f, tries)
		}
	}
}

// write is a request that changes something.
type write struct {
	method string // POST, or PUT or DELETE
	url    *url.URL
	access access
	body   []byte      // JSON; nil: none
	out    any         // nil: the answer does not matter
	whole  func() bool // of out: whether it is what was asked for; nil: no matter
	unsure string      // when the answer is lost: what is not known, and how to see
}

// write sends w, once. PUT and DELETE go as a POST that says so in a header, as OctopusClients sends them: some proxies let nothing
// else through.
func (c *Client) write(ctx context.Context, w write) error {
	r := c.request(ctx, w.access)
	if w.body != nil {
		r.SetHeader("Content-Type", "application/json; charset=utf-8").SetBody(w.body)
	}
	if w.method != http.MethodPost {
		r.SetHeader("X-HTTP-Method-Override", w.method)
	}
	if token := c.csrfToken(w.url); token != "" {
		r.SetHeader(csrfHeader, token)
	}
	var sent atomic.Bool
	r.SetContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}))
	f := failure{method: w.method, url: w.url, started: time.Now()}
	answer, err := r.Post(w.url.String())
	f.took = time.Since(f.started)
	switch {
	case err == nil && !answer.IsSuccess():
		f.answer = answer
		err = c.explain(ctx, f, nil)
		if answer.StatusCode() < http.StatusInternalServerError {
			return err
		}
	case err == nil && w.out == nil:
		return nil
	case err == nil:
		if err = c.decode(f, answer, w.out); err == nil && w.whole != nil && !w.whole() {
			f.answer = answer
			err = c.unexpected(f, answer.Body(), errNotOctopus)
		}
	default:
		f.cause = err
		err = c.explain(ctx, f, nil)
		if _, redirected := errors.AsType[*redirectError](f.cause); redirected || !sent.Load() {
			return err
		}
	}
	if err != nil && w.unsure != "" {
		return &explained{text: fmt.Sprintf("%v\n  %s", err, w.unsure), causes: []error{err, ErrUnsure}}
	}
	return err
}

// request prepares a request, with the credentials if it is to be signed in.
func (c *Client) request(ctx context.Context, a access) *resty.Request {
	r := c.resty.R().SetContext(ctx)
	if a == anonymous {
		return r
	}
	switch k := c.options.Credentials; {
	case k.APIKey != "":
		r.SetHeader(apiKeyHeader, k.APIKey)
	case k.BearerToken != "":
		r.SetHeader("Authorization", "Bearer "+k.BearerToken)
	}
	return r
}

// csrfToken is what a write to u must repeat of the session's cookies, exactly as the server sent it.
func (c *Client) csrfToken(u *url.URL) string {
	for _, cookie := range c.jar.Cookies(u) {
		if strings.HasPrefix(cookie.Name, csrfCookiePrefix) {
			return cookie.Value
		}
	}
	return ""
}

// moveTo makes the place that answered /api the base, when http led to https on the same host.
func (c *Client) moveTo(from *url.URL) {
	c.baseMu.Lock()
	defer c.baseMu.Unlock()
	if from.Scheme != c.base.Scheme {
		c.base = &url.URL{Scheme: from.Scheme, Host: from.Host, Path: virtualDirectory(from.Path)}
	}
}

// redirectError is a redirect that is not followed.
type redirectError struct {
	to  *url.URL
	why string
}

func (e *redirectError) Error() string { return "redirected: " + e.why }

// followable lets a read be redirected within the server: the same scheme, host and port, or from http to https on the same host. A
// write is never redirected: net/http would turn it into a read, or send it twice.
func followable(r *http.Request, via []*http.Request) error {
	from, to := via[len(via)-1].URL, r.URL
	refuse := func(why string) error { return &redirectError{to: to, why: why} }
	switch {
	case via[0].Method != http.MethodGet:
		return refuse("what changes something is not sent on")
	case !strings.EqualFold(from.Hostname(), to.Hostname()):
		return refuse("that is another host")
	case from.Scheme == "http" && to.Scheme == "https":
	case from.Scheme != to.Scheme:
		return refuse("that is not encrypted")
	case !sameOrigin(from, to):
		return refuse("that is another port")
	}
	if len(via) > redirects {
		return refuse(fmt.Sprintf("that was the %dth redirect in a row", len(via)))
	}
	return nil
}

// retryAfter is what an answer asks to wait, as seconds or a date; 0 when it does not.
func (f failure) retryAfter() time.Duration {
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

// decode reads an answer that should be JSON.
func (c *Client) decode(f failure, r *resty.Response, out any) error {
	data := bytes.TrimSpace(bytes.TrimPrefix(r.Body(), []byte("\xef\xbb\xbf")))
	err := json.Unmarshal(data, out)
	if err == nil {
		return nil
	}
	f.answer = r
	return c.unexpected(f, data, err)
}

// list reads all pages of a collection; some servers answer some collections as a bare array.
func list[T any](ctx context.Context, c *Client, template string, values parameters) ([]T, error) {
	all := parameters{"skip": "0", "take": strconv.Itoa(pageSize)}
	maps.Copy(all, values)
	var found []T
	seen := map[string]bool{}
	for link := expand(template, all); link != "" && !seen[link]; {
		if seen[link] = true; len(seen) > maxPages {
			return nil, fmt.Errorf("the server at %s gives a list that does not end: %s", c.URL(), c.quote(link))
		}
		var p page[T]
		if err := c.get(ctx, link, &p); err != nil {
			return nil, err
		}
		found = append(found, p.Items...)
		link = p.Links["Page.Next"]
		if all["skip"] = strconv.Itoa(len(found)); link == "" && len(p.Items) > 0 && len(found) < p.TotalResults {
			link = expand(template, all) // environments/v2 has no links
		}
	}
	return found, nil
}

const (
	pageSize = 200  // items asked for at once: few requests for any usual cluster, and answers of moderate size
	maxPages = 1000 // against a server that always has one more
)

// page is one page of a collection, or all of it.
type page[T any] struct {
	Items        []T
	TotalResults int
	Links        links
}

// UnmarshalJSON reads a page, or an array.
func (p *page[T]) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return json.Unmarshal(data, &p.Items)
	}
	type plain page[T]
	if err := json.Unmarshal(data, (*plain)(p)); err != nil {
		return err
	}
	if p.Items == nil { // "there are none" would be believed
		return errNotOctopus
	}
	return nil
}

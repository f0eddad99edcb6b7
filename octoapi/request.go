package octoapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
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

// readTry is how long one try of a read may take; the deadline of the whole is the context's.
const readTry = 30 * time.Second

// authorization says whether a request carries the credentials: the API key or the bearer token in
// a header, or, to sign in, user name and password in its body. The cookies of a session go with
// every request.
type authorization bool

const (
	withoutKey authorization = false
	withKey    authorization = true
)

// read asks for u until it answers, or another try makes no sense, or time is up. It returns the
// URL that answered in the end.
func (c *connection) read(ctx context.Context, u *url.URL, a authorization, out any) (*url.URL, error) {
	tries := newAttempts(c.options.timing)
	var before *failedRequest
	for {
		f := failedRequest{method: http.MethodGet, url: u, key: a, started: time.Now()}
		tryCtx, cancel := context.WithTimeout(tries.told(ctx), readTry)
		r, err := c.request(tryCtx, a).Get(u.String())
		cancel()
		f.took = time.Since(f.started)
		if err == nil && r.IsSuccess() {
			err = c.decode(f, r, out)
			if err == nil {
				c.clock.note(r.Header(), f.started, f.took)
			}
			return r.RawResponse.Request.URL, err
		}
		f.answer, f.cause = r, err
		if before != nil && deadlinePassed(ctx) {
			f = *before // the deadline broke this try off, which says less than how the one before ended
		}
		wait, again := tries.next(ctx, f.retry(), f.retryAfter())
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
	method   string // POST, or PUT or DELETE
	url      *url.URL
	key      authorization
	body     []byte      // JSON; nil: none
	out      any         // nil: the answer does not matter
	complete func() bool // of out: whether it is what was asked for; nil: no matter

	// When the answer is lost:
	unknown string // what is not known, after "it is not known whether"; "" when that does not matter
	lookAt  string // where to see it
}

// write sends w, once. PUT and DELETE go as a POST that says so in a header, as OctopusClients
// sends them: some proxies let nothing else through.
func (c *connection) write(ctx context.Context, w write) error {
	r := c.request(ctx, w.key)
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
	r.SetContext(httptrace.WithClientTrace(onNewConnection(ctx), &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}))
	f := failedRequest{method: w.method, url: w.url, key: w.key, started: time.Now()}
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
		if err = c.decode(f, answer, w.out); err == nil && w.complete != nil && !w.complete() {
			f.answer = answer
			err = c.unexpected(f, answer.Body(), errUnexpectedJSON)
		}
	default:
		f.cause = err
		err = c.explain(ctx, f, nil)
		if _, is := errors.AsType[*redirected](f.cause); is || !sent.Load() {
			return err
		}
	}
	if err != nil && w.unknown != "" {
		return &report{
			message: fmt.Sprintf("%v, so it is not known whether %s", err, w.unknown),
			hints:   []string{w.lookAt},
			causes:  []error{err, ErrOutcomeUnknown},
		}
	}
	return err
}

// request prepares a request.
func (c *connection) request(ctx context.Context, a authorization) *resty.Request {
	r := c.resty.R().SetContext(ctx)
	if a == withoutKey {
		return r
	}
	switch k := c.options.Credentials; k.Kind() {
	case WithAPIKey:
		r.SetHeader(apiKeyHeader, k.APIKey)
	case WithBearerToken:
		r.SetHeader("Authorization", "Bearer "+k.BearerToken)
	}
	return r
}

// csrfToken is what a write to u must repeat of the session's cookies, exactly as the server sent
// it.
func (c *connection) csrfToken(u *url.URL) string {
	for _, cookie := range c.jar.Cookies(u) {
		if strings.HasPrefix(cookie.Name, csrfCookiePrefix) {
			return cookie.Value
		}
	}
	return ""
}

// decode reads an answer that should be JSON.
func (c *connection) decode(f failedRequest, r *resty.Response, out any) error {
	data := bytes.TrimSpace(bytes.TrimPrefix(r.Body(), []byte("\xef\xbb\xbf")))
	err := json.Unmarshal(data, out)
	if err == nil {
		return nil
	}
	f.answer = r
	return c.unexpected(f, data, err)
}

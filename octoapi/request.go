package octoapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/octo-tentacle/octo-tentacle/internal/beside"
	"github.com/octo-tentacle/octo-tentacle/internal/boundedjson"
)

// Header names of Octopus's API (OctopusClients, ApiConstants.cs).
const (
	apiKeyHeader     = "X-Octopus-ApiKey"
	csrfHeader       = "X-Octopus-Csrf-Token"
	csrfCookiePrefix = "Octopus-Csrf-Token_"
)

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
	tries := c.starting.Swap(nil) // whoever has more time goes on where a shorter wait ended
	if tries == nil || c.seen.answered.Load() {
		tries = newAttempts(c.options.timing)
	}
	var before *failedRequest
	for {
		f := failedRequest{method: http.MethodGet, url: u, key: a, started: time.Now()}
		from, err := c.readOnce(tries.told(ctx), &f, out)
		if f.answer == nil && f.cause == nil {
			return from, err
		}
		if before != nil && noTimeLeft(ctx) {
			f = *before // the deadline broke this try off, which says less than how the one before ended
		}
		retry := f.retry()
		starting := retry == retryBriefly && c.mayBeStarting(f)
		if starting {
			retry = retryWhileStarting
		}
		wait, again := tries.next(ctx, retry, f.retryAfter())
		switch {
		case !again:
		case starting:
			c.options.Starting(fmt.Sprintf("%s: waiting for the server to start", f.short()))
		default:
			c.options.Waiting(fmt.Sprintf("%s; trying again in %s", f.short(), round(wait)))
		}
		if !again || !sleep(ctx, wait) {
			if starting {
				c.starting.Store(tries)
			}
			return nil, c.explain(ctx, f, tries)
		}
		before = &f
	}
}

// readOnce asks for f.url, and once more where no answer begins for a while. Where it may make
// sense to ask again, f says why it failed; else the error does.
func (c *connection) readOnce(ctx context.Context, f *failedRequest, out any) (*url.URL, error) {
	if noTimeLeft(ctx) {
		f.cause = context.DeadlineExceeded
		return nil, f.cause
	}
	patience := c.options.timing.patience
	answer, done, err := beside.Tries[*resty.Response]{
		Patience: patience,
		Again: func() {
			c.options.Waiting(fmt.Sprintf("no response from %s within %s; asking once more", f.url.Host, round(patience)))
		},
		Try: func(ctx context.Context) (*resty.Response, error) {
			answer, err := c.request(ctx, f.key).Get(f.url.String())
			if err != nil {
				closeBody(answer)
				return nil, err
			}
			return answer, nil
		},
		Good: func(answer *resty.Response) bool { return !temporary(answer.StatusCode()) },
		Drop: closeBody,
	}.Do(ctx)
	defer done()
	defer closeBody(answer)
	f.took = time.Since(f.started)
	switch {
	case err != nil:
		f.cause = err
		return nil, err
	case !answer.IsSuccess():
		if f.cause = readFailure(answer); f.cause == nil {
			f.answer = answer
		}
		return nil, f.cause
	}
	err = c.decode(ctx, *f, answer, out)
	if broken, is := errors.AsType[*boundedjson.BrokenOffError](err); is {
		f.cause, f.took = broken.Err, time.Since(f.started)
	}
	if err == nil {
		c.clock.note(answer.Header(), f.started, f.took)
	}
	return answer.RawResponse.Request.URL, err
}

// closeBody ends an answer. One may have come together with an error, such as a redirect that is
// not followed.
func closeBody(answer *resty.Response) {
	if answer != nil && answer.RawResponse != nil {
		_ = answer.RawBody().Close()
	}
}

// mayBeStarting says whether a refused connection may be that to a server that is being started
// together with the Tentacle: whoever waits for one has had no answer yet.
func (c *connection) mayBeStarting(f failedRequest) bool {
	return c.options.Starting != nil && !c.seen.answered.Load() && f.cause != nil && errors.Is(f.cause, connectionRefused)
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
	defer closeBody(answer)
	if err == nil && !answer.IsSuccess() {
		_ = readFailure(answer) // the status says enough
	}
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
		err = c.decode(ctx, f, answer, w.out)
		if broken, is := errors.AsType[*boundedjson.BrokenOffError](err); is {
			f.cause, f.took = broken.Err, time.Since(f.started)
			err = c.explain(ctx, f, nil)
		}
		if err == nil && w.complete != nil && !w.complete() {
			f.answer = answer
			err = c.unexpected(f, 1, errUnexpectedJSON)
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
	c.noteUnencrypted()
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

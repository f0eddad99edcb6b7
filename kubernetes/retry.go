package kubernetes

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

// Every request is tried again if it may succeed the next time and cannot do harm: after a dropped
// or refused connection and after 429, 500, 502, 503 and 504, with growing delays or the one that
// the API asks for. What 401, 403, 404, 409 and 422 say does not change by asking again. A write
// that is sent twice does the same as once, or stands on a version of the object and is refused the
// second time; only a new object is not sent twice.
//
// A port where nothing listens is given up sooner while the API has never answered: then it is the
// wrong address, rather than an API that is being restarted.
const (
	attempts   = 6
	briefly    = 3
	firstDelay = 250 * time.Millisecond // 0.25, 0.5, 1, 2 and 4 s: a bit less than 8 s
	longest    = 30 * time.Second       // from the first attempt to the last, without a deadline; an API may ask for more
)

// sendAgain sends a request until it succeeds or fails for good. inDoubt says that an earlier
// attempt may have had its effect: its answer got lost.
func (c *Cluster) sendAgain(ctx context.Context, r request) (content []byte, inDoubt bool, err error) {
	begin := time.Now()
	delay := c.delay
	for attempt := 1; ; attempt++ {
		content, err = c.attempt(told(ctx, attempt), r)
		wait, again := tryAgain(r.method, err)
		most := attempts
		if nobodyListens(err) && !c.answered.Load() {
			most = briefly
		}
		if !again || attempt >= most || ctx.Err() != nil {
			return content, inDoubt, err
		}
		wait = max(wait, delay)
		delay *= 2
		if !lasts(ctx, begin, wait) {
			return content, inDoubt, err
		}
		inDoubt = inDoubt || r.method != http.MethodGet
		select {
		case <-ctx.Done():
			return nil, inDoubt, err
		case <-time.After(wait):
		}
	}
}

// told tells of the number of an attempt, from the second on.
func told(ctx context.Context, attempt int) context.Context {
	if attempt == 1 {
		return ctx
	}
	return steps.With(ctx, "try", attempt)
}

// nobodyListens says whether there was no connection at all.
func nobodyListens(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial" && !dial.Timeout()
}

// lasts says whether there is time for another attempt after a wait.
func lasts(ctx context.Context, begin time.Time, wait time.Duration) bool {
	if end, ends := ctx.Deadline(); ends {
		return time.Until(end) > wait
	}
	return time.Since(begin)+wait <= longest
}

// tryAgain says whether a request that ended like this may be sent again, and not before which time
// has passed.
func tryAgain(method string, err error) (wait time.Duration, again bool) {
	var refused *APIError
	var page *NotKubernetesError
	var unreachable *UnreachableError
	status := 0
	switch {
	case errors.As(err, &refused):
		status, wait = refused.Status, refused.RetryAfter
	case errors.As(err, &page):
		status = page.Status
	case errors.As(err, &unreachable):
		var unknown *net.DNSError
		if errors.As(err, &unknown) && unknown.IsNotFound {
			return 0, false
		}
		return 0, method != http.MethodPost
	}
	switch status {
	case http.StatusTooManyRequests: // the API did not look at the request
		return wait, true
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return wait, method != http.MethodPost
	}
	return 0, false
}

package kubernetes

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// lateError is context.DeadlineExceeded in words that say what happened.
type lateError struct{}

func (lateError) Error() string { return "it does not answer in time" }
func (lateError) Unwrap() error { return context.DeadlineExceeded }

// noAnswer says why a request got no answer, or not all of it.
func (c *Cluster) noAnswer(ctx context.Context, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the method and the URL, which may be long
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = lateError{}
	}
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &untrusted):
		return &UntrustedError{Server: c.Server, Err: untrusted.Err}
	case isX509(err):
		return &UntrustedError{Server: c.Server, Err: err}
	case strings.HasPrefix(err.Error(), "getting credentials: "): // client-go has no type for it
		return &CredentialsError{Server: c.Server, Err: errors.New(strings.TrimPrefix(err.Error(), "getting credentials: "))}
	}
	return &UnreachableError{Server: c.Server, Err: err}
}

func isX509(err error) bool {
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	return errors.As(err, &authority) || errors.As(err, &invalid) || errors.As(err, &host)
}

// refusal understands an answer that is not what was asked for.
func (c *Cluster) refusal(r request, response *http.Response, content []byte) error {
	status := response.StatusCode
	switch {
	case status >= 300 && status < 400:
		what := "a redirect"
		if to, err := response.Location(); err == nil {
			what += " to " + to.Host
		}
		return &NotKubernetesError{Server: c.Server, Status: status, What: what}
	case isPage(response, content):
		return &NotKubernetesError{Server: c.Server, Status: status, What: "an HTML page"}
	case status == http.StatusProxyAuthRequired:
		return &NotKubernetesError{Server: c.Server, Status: status, What: "a proxy that wants a login"}
	}
	e := newAPIError(r, status, content)
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(min(max(seconds, 0), 3600)) * time.Second // longer than anybody waits
	}
	return e
}

// beginOfPage is how much of an answer tells whether it is a page: bytes.
const beginOfPage = 100

// isPage says whether an answer is a page for a browser. The log of a pod may begin with a < as
// well.
func isPage(response *http.Response, content []byte) bool {
	start := strings.ToLower(string(bytes.TrimSpace(content[:min(len(content), beginOfPage)])))
	return strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") ||
		strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

// invalidValue is where the API quotes what it does not accept: of a patch, the whole object with
// all that is secret in it. One that is no text has no end that could be found.
var invalidValue = lazyregexp.New(`(Invalid|Duplicate) value: ("(\\.|[^"\\])*"|[^": ]*[{\[].*)`)

// How much is worth showing of a text that is no Status, and of the message in a Status.
const (
	maxText    = 200
	maxMessage = 2000
)

// newAPIError understands a refusal of the request r. Before a request gets to the API proper it
// may be refused with a line of text.
func newAPIError(r request, status int, content []byte) *APIError {
	e := &APIError{Verb: verbOf(r), Status: status}
	var said struct{ Reason, Message string }
	if json.Unmarshal(content, &said) == nil {
		e.Reason, e.Message = said.Reason, oneLine(said.Message)
	} else if line := oneLine(string(content)); len(line) <= maxText {
		e.Message = line
	}
	e.Message = shortened(invalidValue().ReplaceAllString(e.Message, "$1 value"), maxMessage)
	if e.Message != "" && e.Status != http.StatusNotFound && e.Message == e.Reason {
		e.Message = "" // such as Unauthorized, which says less than the status
	}
	e.Group, e.Namespace, e.Resource, e.Name = parsePath(r.path)
	return e
}

// verbOf is what RBAC calls a request.
func verbOf(r request) string {
	switch _, _, _, name := parsePath(r.path); {
	case r.method == http.MethodGet && name == "":
		return "list"
	case r.method == http.MethodPost:
		return "create"
	case r.method == http.MethodPut:
		return "update"
	}
	return strings.ToLower(r.method)
}

// marshal is json.Marshal of what always can be.
func marshal(value any) []byte {
	content, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("cannot write %T as JSON: %v", value, err))
	}
	return content
}

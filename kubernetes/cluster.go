package kubernetes

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"

	"github.com/octo-tentacle/octo-tentacle/internal/beside"
	"github.com/octo-tentacle/octo-tentacle/internal/boundedjson"
	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

// Cluster is the API of a Kubernetes cluster, as one account sees it.
type Cluster struct {
	Context string // of the kubeconfig; "" in a pod
	Server  string // URL of the API for people, without a slash at the end

	address   string // URL of the API, which may have a password in it
	client    *http.Client
	userAgent string
	patience  time.Duration // see attemptTime
	delay     time.Duration // before the second attempt
	answered  atomic.Bool   // once at least
}

// An attempt ends after a while. Only one that reads, where whoever asks has set a deadline, goes
// on until that, with another one beside it. A plugin that gets credentials may have to wait for
// somebody who logs in.
const (
	attemptTime       = 30 * time.Second
	attemptTimePlugin = 3 * time.Minute
)

// connect reaches the cluster that a configuration of client-go names.
func connect(config *rest.Config, userAgent string) (*Cluster, error) {
	address, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	config.UserAgent = userAgent
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	// A redirect would take the account's token elsewhere; no API server sends one.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &Cluster{
		Server:    strings.TrimSuffix(address.Redacted(), "/"),
		address:   strings.TrimSuffix(address.String(), "/"),
		client:    client,
		userAgent: userAgent,
		patience:  attemptTime,
		delay:     firstDelay,
	}
	if config.ExecProvider != nil {
		c.patience = attemptTimePlugin
		client.Transport = interruptible{client.Transport}
	}
	client.Transport = steps.Requests(client.Transport, nil)
	return c, nil
}

// interruptible ends a request with its context even while a plugin of client-go gets credentials,
// which takes no notice of the context.
type interruptible struct{ next http.RoundTripper }

func (i interruptible) RoundTrip(r *http.Request) (*http.Response, error) {
	type result struct {
		response *http.Response
		err      error
	}
	done := make(chan result, 1)
	go func() {
		response, err := i.next.RoundTrip(r)
		done <- result{response, err}
	}()
	select {
	case d := <-done:
		return d.response, d.err
	case <-r.Context().Done():
		go func() {
			if d := <-done; d.err == nil {
				d.response.Body.Close()
			}
		}()
		return nil, context.Cause(r.Context())
	}
}

// What a request carries.
const (
	jsonType       = "application/json"
	mergePatch     = "application/merge-patch+json"
	strategicPatch = "application/strategic-merge-patch+json"
	applyPatch     = "application/apply-patch+yaml"
)

// How much of an answer is read: bytes. No object is longer than a Secret with a Helm release: that
// has 1 MiB at most, and a third more in JSON. A list may have hundreds of them, but only what is
// looked for is kept.
const (
	maxAnswer = 1 << 30
	maxObject = 3 << 20
)

// request is one call of the API.
type request struct {
	method      string
	path        string // from the root of the API, escaped
	query       url.Values
	contentType string
	body        []byte

	read func(*boundedjson.Reader) error // reads an answer in JSON, once more in each attempt
	most int64                           // bytes of an answer that is text; what comes behind them is dropped
}

// send sends a request, and reads the answer, which it returns where it is text. It tries again as
// retry.go says. The error of an answer that is a refusal is an *APIError; the others are
// *UnreachableError, *UntrustedError, *CredentialsError and *NotKubernetesError, or the context's.
func (c *Cluster) send(ctx context.Context, r request) ([]byte, error) {
	content, _, err := c.sendAgain(ctx, r)
	return content, err
}

// attempt sends a request once, or twice where an answer to a read does not come.
func (c *Cluster) attempt(ctx context.Context, r request) ([]byte, error) {
	if _, ends := ctx.Deadline(); !ends || r.method != http.MethodGet {
		limited, cancel := context.WithTimeout(ctx, c.patience) // which leaves no time for a second one
		defer cancel()
		ctx = limited
	}
	response, done, err := beside.Tries[*http.Response]{
		Patience: c.patience,
		Again:    func() {},
		Try:      func(ctx context.Context) (*http.Response, error) { return c.ask(ctx, r) },
		Good:     func(response *http.Response) bool { return response.StatusCode < http.StatusInternalServerError },
		Drop: func(response *http.Response) {
			if response != nil {
				response.Body.Close()
			}
		},
	}.Do(ctx)
	defer done()
	if err != nil {
		return nil, c.noAnswer(ctx, err)
	}
	defer response.Body.Close()
	c.answered.Store(true)
	if response.StatusCode < 300 && r.read != nil {
		return nil, c.readJSON(ctx, r, response)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, cmp.Or(r.most, maxObject)))
	switch {
	case err != nil:
		return nil, c.noAnswer(ctx, err)
	case response.StatusCode >= 300 || isPage(response, content):
		return nil, c.refusal(r, response, content)
	}
	return content, nil
}

// ask sends a request and returns the answer, of which only the head has come.
func (c *Cluster) ask(ctx context.Context, r request) (*http.Response, error) {
	address := c.address + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", jsonType)
	request.Header.Set("User-Agent", c.userAgent)
	if r.contentType != "" {
		request.Header.Set("Content-Type", r.contentType)
	}
	return c.client.Do(request)
}

// readJSON reads an answer in JSON as r wants it.
func (c *Cluster) readJSON(ctx context.Context, r request, response *http.Response) error {
	json := boundedjson.NewReader(ctx, response.Body, boundedjson.Limits{Total: maxAnswer, Value: maxObject})
	begin, err := json.Peek(beginOfPage)
	if err == nil && isPage(response, begin) {
		return c.refusal(r, response, begin)
	}
	if err == nil {
		err = r.read(json)
	}
	if err == nil {
		err = json.End()
	}
	if broken, is := errors.AsType[*boundedjson.BrokenOffError](err); is {
		return c.noAnswer(ctx, broken.Err)
	}
	return c.notUnderstood(err)
}

// call is send for an answer in JSON, which goes to answer; nil where it does not matter.
func (c *Cluster) call(ctx context.Context, r request, answer any) error {
	if answer != nil {
		r.read = c.understands(answer)
	}
	_, err := c.send(ctx, r)
	return err
}

// notUnderstood is why an answer is none of a Kubernetes API.
func (c *Cluster) notUnderstood(err error) error {
	var syntax *json.SyntaxError
	var large *boundedjson.TooLargeError
	what := "unexpected JSON"
	switch {
	case err == nil, errors.As(err, new(*NotKubernetesError)):
		return err
	case errors.As(err, &large) && large.What == boundedjson.Bytes:
		what = fmt.Sprintf("JSON of more than %d MiB", large.Limit>>20)
	case errors.As(err, &large):
		what = "JSON of " + large.Error()
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF):
		what = "no JSON"
	}
	return &NotKubernetesError{Server: c.Server, Status: http.StatusOK, What: what}
}

// understands reads an answer in JSON.
func (c *Cluster) understands(answer any) func(*boundedjson.Reader) error {
	return func(r *boundedjson.Reader) error {
		if err := r.Decode(answer); err != nil {
			return err
		}
		return c.checkObject(answer)
	}
}

func (c *Cluster) checkObject(answer any) error {
	// What is no object reads like an empty one; and without its version, a change of it would be
	// one of whatever is there.
	if o, is := answer.(object); is && (o.meta().Name == "" || o.meta().ResourceVersion == "") {
		return &NotKubernetesError{Server: c.Server, Status: http.StatusOK, What: "JSON without the name and the version of an object"}
	}
	return nil
}

package octoapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedjson"
)

const redisPath = "/api/serverstatus/redis" // no document links there

// redis is what a node says about its connection to Redis.
type redis struct{ IsEnabled, IsConfigured, IsReachable bool }

func (r redis) shares() bool { return r.IsEnabled && r.IsConfigured && r.IsReachable }

// SharedQueues says whether the nodes share their queues through Redis, so that polling one
// balanced address is enough. Servers before 2026.4 do not know the question, and do not share. An
// error says that it is not known: one that refuses to say so may share.
func (c *Client) SharedQueues(ctx context.Context) (bool, error) {
	s, err := followOne[redis](ctx, c, target{from: c.rootSource(), usual: redisPath, link: func(links) string { return redisPath }})
	if isNotFound(err) && c.root.has() {
		return false, nil
	}
	return s.shares(), err
}

// NodeQueues is what one of the nodes behind an address says about its queues.
type NodeQueues struct {
	Node   string // its name, by the header Octopus-Node; "" where the server does not tell
	Shared bool
	Err    error // why it is not known
}

// AskQueues asks whichever node is at Options.Server, of which only its address, TLS and proxy
// count: no credentials are sent. It is asked once.
func AskQueues(ctx context.Context, o Options) NodeQueues {
	o.Credentials, o.Waiting = Credentials{}, nil
	return askQueues(ctx, o)
}

// SampleSharedQueues asks the API's own address whether queues are shared, so many times, all at
// once, without credentials and each time on a connection of its own: a load balancer that is there
// leads to several nodes.
func (c *Client) SampleSharedQueues(ctx context.Context, times int) []NodeQueues {
	o := c.options
	o.Server, o.Credentials, o.Waiting = c.URL(), Credentials{}, nil
	answers := make([]NodeQueues, times)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = askQueues(ctx, o) })
	}
	all.Wait()
	return answers
}

func askQueues(ctx context.Context, o Options) (said NodeQueues) {
	c, err := newConnection(o)
	if err != nil {
		return NodeQueues{Err: err}
	}
	defer c.resty.GetClient().CloseIdleConnections()
	u, err := c.resolve(redisPath)
	if err != nil {
		return NodeQueues{Err: err}
	}
	f := failedRequest{method: http.MethodGet, url: u, key: withoutKey, started: time.Now()}
	f.answer, f.cause = c.request(onNewConnection(ctx), withoutKey).Get(u.String())
	defer closeBody(f.answer)
	if f.cause == nil && !f.answer.IsSuccess() {
		f.cause = readFailure(f.answer)
	}
	f.took = time.Since(f.started)
	if f.cause != nil {
		return NodeQueues{Err: c.explain(ctx, f, newAttempts(o.timing))}
	}
	said.Node = nodeNamed(f.answer)
	if !f.answer.IsSuccess() {
		if said.Err = c.explain(ctx, f, newAttempts(o.timing)); isNotFound(said.Err) && !errors.Is(said.Err, ErrNotOctopus) {
			said.Err = nil // an older server, which does not share
		}
		return said
	}
	var status redis
	said.Err = c.decode(ctx, f, f.answer, &status)
	if broken, is := errors.AsType[*boundedjson.BrokenOffError](said.Err); is {
		f.cause = broken.Err
		said.Err = c.explain(ctx, f, newAttempts(o.timing))
	}
	said.Shared = status.shares()
	return said
}

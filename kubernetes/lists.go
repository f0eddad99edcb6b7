package kubernetes

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedjson"
)

// atATime is how many agents are read at the same time: the API server slows down an account that
// asks more (API priority and fairness).
const atATime = 8

// pageSize is how many objects one answer has at most: a cluster may have thousands.
const pageSize = 500

// mostPages is more than any cluster needs: it has some hundred thousand pods at most.
const mostPages = 2000

// maxKept is how much is kept of a list, as it was sent: bytes. Thousands of agents have less.
const maxKept = 32 << 20

// keep says whether an object of a list is kept, and how many of the bytes that were sent of it. It
// may take away from it what is not needed.
type keep[T any] func(object *T, sent int64) (kept int64, is bool)

// only keeps the objects of which is says so.
func only[T any](is func(*T) bool) keep[T] {
	return func(object *T, sent int64) (int64, bool) { return sent, is(object) }
}

// listObjects lists objects, page by page.
func listObjects[T any](ctx context.Context, c *Cluster, path string, query url.Values, k keep[T]) (all []T, err error) {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(pageSize))
	left := int64(maxKept)
	for range mostPages {
		page := listPage[T]{keep: k, most: left}
		if _, err := c.send(ctx, request{method: http.MethodGet, path: path, query: query, read: page.readFrom}); err != nil {
			return nil, err
		}
		if !strings.HasSuffix(page.kind, "List") { // else it would look like an empty one
			return nil, &NotKubernetesError{Server: c.Server, Status: http.StatusOK, What: "JSON that is no list"}
		}
		all = append(all, page.items...)
		if left = page.left; page.next == "" {
			return all, nil
		}
		query.Set("continue", page.next)
	}
	return nil, &NotKubernetesError{Server: c.Server, Status: http.StatusOK, What: "a list without an end"}
}

// listPage is one answer with a part of a list.
type listPage[T any] struct {
	keep keep[T]
	most int64 // bytes of what is kept

	kind, next string
	items      []T
	count      int   // with those that are not kept
	left       int64 // of most
}

// readFrom reads a page, object by object.
func (p *listPage[T]) readFrom(r *boundedjson.Reader) error {
	*p = listPage[T]{keep: p.keep, most: p.most, left: p.most}
	return r.Object(func(name string) error {
		switch name {
		case "kind":
			return r.Decode(&p.kind)
		case "metadata":
			var metadata struct {
				Continue string `json:"continue"`
			}
			err := r.Decode(&metadata)
			p.next = metadata.Continue
			return err
		case "items":
			return r.Array(func() error { return p.readItem(r) })
		}
		return r.Skip()
	})
}

func (p *listPage[T]) readItem(r *boundedjson.Reader) error {
	var one T
	if err := r.Decode(&one); err != nil {
		return err
	}
	if p.count++; p.count > 10*pageSize { // an API that knows no limit has few objects
		return &boundedjson.TooLargeError{Limit: 10 * pageSize, What: "objects"}
	}
	if kept, is := p.keep(&one, r.Last()); is {
		if p.left -= kept; p.left < 0 {
			return &boundedjson.TooLargeError{Limit: maxKept, What: boundedjson.Bytes}
		}
		p.items = append(p.items, one)
	}
	return nil
}

// AtOnce calls do for each of n numbers, a few at the same time, and returns when all are done.
func AtOnce(n int, do func(i int)) {
	var group sync.WaitGroup
	free := make(chan struct{}, atATime)
	for i := range n {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			do(i)
		})
	}
	group.Wait()
}

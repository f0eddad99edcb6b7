package kubernetes

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// atATime is how many agents are read at the same time: the API server slows down an account that
// asks more (API priority and fairness).
const atATime = 8

// pageSize is how many objects one answer has at most: a cluster may have thousands.
const pageSize = 500

// mostPages is more than any cluster needs: it has some hundred thousand pods at most.
const mostPages = 2000

// listObjects lists objects, page by page.
func listObjects[T any](ctx context.Context, c *Cluster, path string, query url.Values) (all []T, err error) {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(pageSize))
	for range mostPages {
		var page struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []T `json:"items"`
		}
		if err := c.call(ctx, request{method: http.MethodGet, path: path, query: query}, &page); err != nil {
			return nil, err
		}
		if !strings.HasSuffix(page.Kind, "List") { // else it would look like an empty one
			return nil, &NotKubernetesError{Server: c.Server, Status: http.StatusOK, What: "JSON that is no list"}
		}
		all = append(all, page.Items...)
		if page.Metadata.Continue == "" {
			return all, nil
		}
		query.Set("continue", page.Metadata.Continue)
	}
	return nil, &NotKubernetesError{Server: c.Server, Status: http.StatusOK, What: "a list without an end"}
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

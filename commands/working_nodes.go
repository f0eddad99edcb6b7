package commands

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// nodesAnswer are the nodes of the cluster, or why they are not known.
type nodesAnswer struct {
	nodes []octoapi.Node
	err   error
}

// nodesTime is how long the nodes are waited for: a command can do without them.
const nodesTime = 10 * time.Second

// askNodes asks for the nodes of the cluster, which not every account may see.
func (s *connection) askNodes(ctx context.Context) nodesAnswer {
	ctx, cancel := context.WithTimeout(ctx, nodesTime)
	defer cancel()
	nodes, err := s.Nodes(ctx)
	return nodesAnswer{nodes, err}
}

// workingNodes are the names of those that hand out work.
func workingNodes(nodes []octoapi.Node) (names []string) {
	for _, n := range nodes {
		if n.TakesTasks() {
			names = append(names, n.Name)
		}
	}
	return names
}

// namedLike says whether the first label of an address's host is that of the node's name.
func namedLike(addresses []string, node string) bool {
	label := func(host string) string {
		first, _, _ := strings.Cut(host, ".")
		return first
	}
	return slices.ContainsFunc(addresses, func(address string) bool {
		u, err := url.Parse(address)
		return err == nil && strings.EqualFold(label(u.Hostname()), label(node))
	})
}

package octoapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// Node is one node of the cluster, as the server lists them.
type Node struct {
	ID                string    // like OctopusServerNodes-octo1
	Name              string    // like octo1
	LastSeen          time.Time // by the database; zero when the server does not tell
	InMaintenanceMode bool      // drained: it finishes what it has and starts nothing new
	Offline           bool      // not seen for a while; false when the server does not tell
	WebOnly           bool      // its task cap is 0: it serves the web site and the API, and runs no tasks
}

// TakesTasks says whether the node hands out work now, so that a Tentacle that does not poll it
// misses some.
func (n Node) TakesTasks() bool { return !n.InMaintenanceMode && !n.Offline && !n.WebOnly }

// Thumbprint is that of the certificate all nodes present on their polling ports: 40 upper-case hex
// digits.
func (c *Client) Thumbprint(ctx context.Context) (string, error) {
	return c.thumbprint.get(ctx, func() (string, error) {
		const collection, id = "/api/configuration/certificates", "certificate-global"
		certificate, err := followOne[struct{ Thumbprint string }](ctx, c, target{
			from:  c.rootSource(),
			usual: itemLink(collection, id),
			link:  func(l links) string { return itemLink(l.linkOr("CertificateConfiguration", collection), id) },
		})
		if err != nil {
			return "", err
		}
		if !thumbprint.Valid(certificate.Thumbprint) {
			return "", fmt.Errorf("the server at %s returned %q as the thumbprint of its certificate, which is not 40 hexadecimal digits",
				c.URL(), c.quote(certificate.Thumbprint))
		}
		return strings.ToUpper(certificate.Thumbprint), nil
	})
}

// user is the user that the credentials belong to.
func (c *Client) user(ctx context.Context) (userResource, error) {
	return c.me.get(ctx, func() (userResource, error) {
		u, err := followOne[userResource](ctx, c, c.rootSource().to("CurrentUser", "/api/users/me", nil))
		if err != nil {
			return userResource{}, err
		}
		if u.ID == "" {
			return userResource{}, fmt.Errorf("the server at %s did not say which user the %s belongs to", c.URL(), c.options.Credentials)
		}
		return u, nil
	})
}

// Is says whether that is the node which a task names: by its ID or by its name, which the ID may
// have in it, and in whatever case.
func (n Node) Is(node string) bool {
	if node == "" {
		return false
	}
	return strings.EqualFold(node, n.ID) || strings.EqualFold(node, n.Name) || strings.EqualFold(node, nodeIDPrefix+n.Name)
}

// nodeIDPrefix is how the IDs of nodes begin.
const nodeIDPrefix = "OctopusServerNodes-"

type nodeResource struct {
	ID                  string `json:"Id"`
	Name                string
	LastSeen            moment // not in the plain list
	IsInMaintenanceMode bool
	IsOffline           bool
	MaxConcurrentTasks  *int
}

// size makes it an item of lists.
func (r nodeResource) size() int {
	const itself = 64
	return itself + textSize(r.ID, r.Name)
}

// node is the node that a resource tells of.
func (r nodeResource) node() Node {
	return Node{
		ID: r.ID, Name: r.Name, LastSeen: r.LastSeen.Time,
		InMaintenanceMode: r.IsInMaintenanceMode, Offline: r.IsOffline,
		WebOnly: r.MaxConcurrentTasks != nil && *r.MaxConcurrentTasks == 0,
	}
}

// moment is a time that nothing depends on: zero where the server has it null, or in another form
// than RFC 3339.
type moment struct{ time.Time }

// UnmarshalJSON never fails.
func (m *moment) UnmarshalJSON(data []byte) error {
	if m.Time.UnmarshalJSON(data) != nil {
		m.Time = time.Time{}
	}
	return nil
}

// Nodes lists the cluster's nodes. It asks for the summary, which says which nodes are offline, or
// for the plain list if the server has no summary, which says neither that nor when a node was last
// seen (OctopusClients, OctopusServerNodeSummaryResource.cs and OctopusServerNodeResource.cs). The
// error is ErrForbidden where the account may not see the nodes, and ErrNotOctopus for a list that
// makes no sense.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	summary, err := followOne[struct{ Nodes []nodeResource }](ctx, c,
		c.rootSource().to("OctopusServerClusterSummary", "/api/octopusservernodes/summary", nil))
	if isNotFound(err) && c.root.has() { // it is the summary that is missing
		summary.Nodes, err = followList[nodeResource](ctx, c, c.rootSource(), "OctopusServerNodes", "/api/octopusservernodes", nil, nil)
	}
	if err != nil {
		return nil, err
	}
	if len(summary.Nodes) == 0 {
		return nil, fmt.Errorf("the server at %s lists no nodes of its cluster, not even itself", c.URL())
	}
	if len(summary.Nodes) > mostNodes {
		return nil, notOctopus("the server at %s lists %d nodes, which no cluster has", c.URL(), len(summary.Nodes))
	}
	nodes := make([]Node, 0, len(summary.Nodes))
	for _, r := range summary.Nodes {
		if strings.TrimSpace(r.Name) == "" {
			return nil, notOctopus("the server at %s lists a node without a name", c.URL())
		}
		nodes = append(nodes, r.node())
	}
	return nodes, nil
}

// mostNodes is far more than a cluster has. What is found out about them is compared with each.
const mostNodes = 1000

package octoapi

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// oldest is the first major version a Tentacle of today can be registered with (OctopusTentacle, RegisterMachineCommandBase.cs).
const oldest = 3

// Root is what a server says of itself at /api.
type Root struct {
	Application string
	Version     string
	Links       links
}

// userResource is who the credentials are.
type userResource struct {
	ID    string `json:"Id"`
	Links links
}

// Node is one node of the cluster, as the server lists them.
type Node struct {
	Name              string
	InMaintenanceMode bool // drained: it finishes what it has and starts nothing new
	Offline           bool // not seen for a while; false when the server does not tell
	WebOnly           bool // its task cap is 0: it serves the web site and the API, and runs no tasks
}

// TakesTasks says whether the node hands out work now, so that a Tentacle that does not poll it misses some.
func (n Node) TakesTasks() bool { return !n.InMaintenanceMode && !n.Offline && !n.WebOnly }

// Root asks for /api, without credentials: this is where a server that speaks only https sends the client there, before any secret
// has gone over an open connection.
func (c *Client) Root(ctx context.Context) (Root, error) {
	return c.root.get(func() (Root, error) {
		u, err := c.resolve("/api")
		if err != nil {
			return Root{}, err
		}
		var r Root
		from, err := c.read(ctx, u, anonymous, &r)
		if err != nil {
			return Root{}, err
		}
		if err := c.checkRoot(r); err != nil {
			return Root{}, err
		}
		c.moveTo(from)
		return r, nil
	})
}

func (c *Client) checkRoot(r Root) error {
	if r.Version == "" || len(r.Links) == 0 || r.Application != "" && !strings.Contains(r.Application, "Octopus") {
		return fmt.Errorf("%s is not an Octopus Server: its /api answers JSON, but not Octopus's\n  check --server", c.URL())
	}
	major, _, _ := strings.Cut(r.Version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return fmt.Errorf("the server at %s does not tell a version that is one: %s\n  check --server", c.URL(), c.quote(r.Version))
	}
	if n < oldest && n != 0 { // 0 is a build for development
		return fmt.Errorf("the Octopus Server at %s is version %s: that is too old, a Tentacle needs %d.0 or later", c.URL(), c.quote(r.Version), oldest)
	}
	return nil
}

// Thumbprint is that of the certificate all nodes present on their polling ports: 40 upper-case hex digits.
func (c *Client) Thumbprint(ctx context.Context) (string, error) {
	return c.thumbprint.get(func() (string, error) {
		root, err := c.Root(ctx)
		if err != nil {
			return "", err
		}
		var certificate struct{ Thumbprint string }
		link := item(root.Links.or("CertificateConfiguration", "/api/configuration/certificates"), "certificate-global")
		if err := c.get(ctx, link, &certificate); err != nil {
			return "", err
		}
		if !isThumbprint(certificate.Thumbprint) {
			return "", fmt.Errorf("the server at %s gave %q as the thumbprint of its certificate, which is not 40 hex digits", c.URL(), c.quote(certificate.Thumbprint))
		}
		return strings.ToUpper(certificate.Thumbprint), nil
	})
}

func isThumbprint(s string) bool {
	digest, err := hex.DecodeString(s)
	return err == nil && len(digest) == sha1.Size
}

// user is whom the credentials belong to.
func (c *Client) user(ctx context.Context) (userResource, error) {
	return c.me.get(func() (userResource, error) {
		root, err := c.Root(ctx)
		if err != nil {
			return userResource{}, err
		}
		var u userResource
		if err := c.get(ctx, root.Links.or("CurrentUser", "/api/users/me"), &u); err != nil {
			return userResource{}, err
		}
		if u.ID == "" {
			return userResource{}, fmt.Errorf("the server at %s did not say which user the %s belongs to", c.URL(), c.options.Credentials)
		}
		return u, nil
	})
}

// Nodes lists the cluster's nodes. It asks for the summary, which tells who is offline, and for the plain list where a server has none
// (OctopusClients, OctopusServerNodeSummaryResource.cs and OctopusServerNodeResource.cs). The error is ErrForbidden where the account may
// not see the nodes.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	root, err := c.Root(ctx)
	if err != nil {
		return nil, err
	}
	var summary struct{ Nodes []nodeResource }
	err = c.get(ctx, root.Links.or("OctopusServerClusterSummary", "/api/octopusservernodes/summary"), &summary)
	if isNotFound(err) {
		summary.Nodes, err = list[nodeResource](ctx, c, root.Links.or("OctopusServerNodes", "/api/octopusservernodes"), nil)
	}
	if err != nil {
		return nil, err
	}
	if len(summary.Nodes) == 0 {
		return nil, fmt.Errorf("the server at %s names no node of its cluster, not even itself", c.URL())
	}
	nodes := make([]Node, 0, len(summary.Nodes))
	for _, r := range summary.Nodes {
		webOnly := r.MaxConcurrentTasks != nil && *r.MaxConcurrentTasks == 0
		nodes = append(nodes, Node{Name: c.quote(r.Name), InMaintenanceMode: r.IsInMaintenanceMode, Offline: r.IsOffline, WebOnly: webOnly})
	}
	return nodes, nil
}

type nodeResource struct {
	Name                string
	IsInMaintenanceMode bool
	IsOffline           bool
	MaxConcurrentTasks  *int
}

// SharedQueues says whether the nodes share their queues through Redis, so that polling one balanced address is enough. Servers before
// 2026.4 do not know the question, and do not share.
func (c *Client) SharedQueues(ctx context.Context) (bool, error) {
	if _, err := c.Root(ctx); err != nil {
		return false, err
	}
	var s struct{ IsEnabled, IsConfigured, IsReachable bool }
	err := c.get(ctx, "/api/serverstatus/redis", &s)
	if isNotFound(err) {
		return false, nil
	}
	return s.IsEnabled && s.IsConfigured && s.IsReachable, err
}

// signIn exchanges user name and password for a session, whose cookies the client keeps (OctopusClients, OctopusAsyncClient.SignIn).
func (c *Client) signIn(ctx context.Context) error {
	_, err := c.session.get(func() (bool, error) {
		root, err := c.Root(ctx)
		if err != nil {
			return false, err
		}
		u, err := c.resolve(expand(root.Links.or("SignIn", "/api/users/login"), nil))
		if err != nil {
			return false, err
		}
		body, err := json.Marshal(map[string]any{
			"Username": c.options.Credentials.Username, "Password": c.options.Credentials.Password, "RememberMe": false,
			"State": map[string]any{"UsingSecureConnection": u.Scheme == "https"},
		})
		if err != nil {
			return false, err
		}
		return true, c.write(ctx, write{method: http.MethodPost, url: u, access: anonymous, body: body})
	})
	return err
}

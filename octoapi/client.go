// Package octoapi is what octo-tentacle sees of the network: an Octopus Server's REST API, and its
// polling ports.
//
// It promises that reads are repeated while that makes sense and time is left, and that writes are
// sent once; that credentials go to the server they were given for and nowhere else, neither into
// errors nor over a redirect; and that an error says what was expected and what came instead, with
// hints about the world. Errors have types, so that callers can add what a user can type. It reads
// and writes no files and prints nothing.
//
// Round trips to a distant server dominate the time, so independent requests are sent at the same
// time. The documents of the API link to each other, and nearly always as Octopus's documentation
// says. So what a link leads to is asked for at its usual path while the document with the link is
// still being read (follow); only a link that leads elsewhere is followed afterwards. There is one
// exception: over http:// nothing that carries credentials is sent before GET /api has shown that
// the server does not redirect to https.
package octoapi

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// Client talks to one server. It requests the root document, the user and the spaces only once. Its
// methods may be called from several goroutines, which then share one request for the same thing,
// and its error.
type Client struct {
	*connection

	root       cached[Root]
	session    cached[error] // the refusal of the password; nil once signed in
	me         cached[userResource]
	spaces     cached[[]spaceResource]
	thumbprint cached[string]
}

// New checks the options. It does not use the network. The error is an *AddressError, or one of
// Credentials.Check.
func New(o Options) (*Client, error) {
	c, err := newConnection(o)
	if err != nil {
		return nil, err
	}
	if err := o.Credentials.Check(); err != nil {
		return nil, err
	}
	return &Client{connection: c}, nil
}

// oldest is the first major version a Tentacle of today can be registered with (OctopusTentacle,
// RegisterMachineCommandBase.cs).
const oldest = 3

// Root asks for /api, with the credentials, as OctopusClients does (OctopusAsyncClient.cs, which
// has them in the headers of every request): something in front of the server may demand them.
// Only over http it asks without them, unless they are demanded: this is where a server that speaks
// only https redirects the client there, before any secret has gone over an open connection.
func (c *Client) Root(ctx context.Context) (Root, error) {
	return c.root.get(ctx, func() (Root, error) {
		u, err := c.resolve("/api")
		if err != nil {
			return Root{}, err
		}
		first := authorization(u.Scheme == "https" && !c.signsIn())
		var r Root
		from, err := c.read(ctx, u, first, &r)
		if refused, is := errors.AsType[*StatusError](err); is && refused.Anonymous && !c.signsIn() {
			from, err = c.read(ctx, u, withKey, &r)
		}
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
		return notOctopus("%s is not an Octopus Server: the JSON at /api is not from Octopus", c.URL())
	}
	major, _, _ := strings.Cut(r.Version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return notOctopus("the server at %s reports a version that is not one of Octopus Server: %s", c.URL(), c.quote(r.Version))
	}
	if n < oldest && n != 0 { // 0 is a build for development
		return hint.Errorf(fmt.Sprintf("a Tentacle needs version %d.0 or later", oldest),
			"the Octopus Server at %s is version %s, which is too old", c.URL(), c.quote(r.Version))
	}
	return nil
}

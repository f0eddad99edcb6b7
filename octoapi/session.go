package octoapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// get reads what the link leads to into out, signed in.
func (c *Client) get(ctx context.Context, link string, out any) error {
	u, err := c.signedIn(ctx, link)
	if err != nil {
		return err
	}
	_, err = c.read(ctx, u, withKey, out)
	return err
}

// change sends w to where the link leads, signed in.
func (c *Client) change(ctx context.Context, link string, w write) (err error) {
	w.key = withKey
	if w.url, err = c.signedIn(ctx, link); err != nil {
		return err
	}
	return c.write(ctx, w)
}

// signedIn opens a session if one is needed, and resolves the link: signing in may redirect to
// https.
func (c *Client) signedIn(ctx context.Context, link string) (*url.URL, error) {
	if c.signsIn() {
		if err := c.signIn(ctx); err != nil {
			return nil, err
		}
	}
	return c.resolve(link)
}

// signsIn says whether a session must be opened before any other request.
func (c *Client) signsIn() bool { return c.options.Credentials.Kind() == WithPassword }

// signIn exchanges user name and password for a session, whose cookies the client keeps
// (OctopusClients, OctopusAsyncClient.SignIn). A refusal is kept, too: a wrong password that is
// sent several times locks the account.
func (c *Client) signIn(ctx context.Context) error {
	refusal, err := c.session.get(ctx, func() (refusal error, err error) {
		root, err := c.Root(ctx)
		if err != nil {
			return nil, err
		}
		u, err := c.resolve(expand(root.Links.linkOr("SignIn", "/api/users/login"), nil))
		if err != nil {
			return nil, err
		}
		body, err := json.Marshal(map[string]any{
			"Username": c.options.Credentials.Username, "Password": c.options.Credentials.Password, "RememberMe": false,
			"State": map[string]any{"UsingSecureConnection": u.Scheme == "https"},
		})
		if err != nil {
			return nil, err
		}
		err = c.write(ctx, write{method: http.MethodPost, url: u, key: withKey, body: body})
		if errors.Is(err, ErrUnauthorized) {
			return err, nil
		}
		return nil, err
	})
	return cmp.Or(err, refusal)
}

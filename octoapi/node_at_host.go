package octoapi

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/go-resty/resty/v2"
)

// NodeAtHost is what the web port of a host says about the node that is there.
type NodeAtHost struct {
	Node Node // as it describes itself; only with a name where nothing but the header Octopus-Node says so
	// Verified says that the connection can be believed as much as that to the API: its certificate
	// was checked in the same way. Else the name is a hint, and no proof.
	Verified bool
	Remote   string // the IP address and port that was connected to; "" through a proxy, which does not tell
}

// nodeHeader names the node that answered, in every answer of newer servers (octopus.com/docs, Best
// practices, Installation guidelines).
const nodeHeader = "Octopus-Node"

// nodeNamed is the name of the node in the header, as UTF-8.
func nodeNamed(answer *resty.Response) string {
	return strings.ToValidUTF8(answer.Header().Get(nodeHeader), string(unicode.ReplacementChar))
}

// AskNode asks the web port at Options.Server which node is there, once and without credentials:
// only the address, TLS and proxy of the options count. A node describes itself at
// /api/octopusservernodes/ping to everybody, with the status 200, or 418 while it is drained or
// offline (octopus.com/docs, Load balancers). Of any other answer, the header counts.
//
// A port whose certificate is not trusted is asked again without that, so that the name is known as
// a hint. The error is an *UnreachableError or a *RedirectError, or ErrNotOctopus where no node is
// named.
func AskNode(ctx context.Context, o Options) (NodeAtHost, error) {
	o.Credentials = Credentials{}
	found, err := askNode(ctx, o)
	if errors.As(err, new(*tls.CertificateVerificationError)) && !o.IgnoreSSLErrors {
		o.IgnoreSSLErrors = true
		hinted, again := askNode(ctx, o)
		if again != nil {
			return NodeAtHost{}, err // more is wrong, and this is to be put right first
		}
		hinted.Verified = false
		return hinted, nil
	}
	return found, err
}

func askNode(ctx context.Context, o Options) (found NodeAtHost, err error) {
	c, err := newConnection(o)
	if err != nil {
		return found, err
	}
	defer c.resty.GetClient().CloseIdleConnections()
	u, err := c.resolve("/api/octopusservernodes/ping")
	if err != nil {
		return found, err
	}
	f := failedRequest{method: http.MethodGet, url: u, key: withoutKey, started: time.Now()}
	// A connection of its own: none is opened ahead where one question is asked.
	traced := httptrace.WithClientTrace(onNewConnection(ctx), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		found.Remote = i.Conn.RemoteAddr().String()
	}})
	f.answer, f.cause = c.request(traced, withoutKey).Get(u.String())
	defer closeBody(f.answer)
	if f.cause == nil {
		f.cause = readFailure(f.answer)
	}
	f.took = time.Since(f.started)
	if f.cause != nil {
		return NodeAtHost{}, c.explain(ctx, f, newAttempts(c.options.timing))
	}
	if proxy, err := proxyFor(c.options.Proxy, u); err != nil || proxy != nil {
		found.Remote = ""
	}
	found.Node, found.Verified = c.nodeIn(f), true
	if found.Node.Name == "" {
		return NodeAtHost{}, notOctopus("%s does not say which node is there: it responds with %s%s",
			c.show(&url.URL{Scheme: u.Scheme, Host: u.Host}), f.status(), c.pageNote(f.answer))
	}
	return found, nil
}

// nodeIn is the node that an answer names; without a name where it names none.
func (c *connection) nodeIn(f failedRequest) (n Node) {
	if status := f.answer.StatusCode(); status == http.StatusOK || status == http.StatusTeapot {
		var r nodeResource
		if json.Unmarshal(f.answer.Body(), &r) == nil {
			n = r.node()
		}
	}
	if n.Name == "" { // without it, the rest is not about a node
		n = Node{Name: nodeNamed(f.answer)}
	}
	return n
}

package octoapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// fuzzedServer answers everything but /api with the same.
type fuzzedServer struct {
	root, body  []byte
	status      int
	contentType string
	asked       atomic.Int32
	t           *testing.T
}

func (s *fuzzedServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.asked.Add(1) > 10*maxPages {
		s.t.Error("asked without end")
		return nil, errors.New("asked without end")
	}
	if r.URL.Host != "octopus.example.com" {
		s.t.Errorf("led to %s", r.URL.Host)
	}
	body, status := s.body, s.status
	if strings.HasSuffix(r.URL.Path, "/api") && s.root != nil {
		body, status = s.root, http.StatusOK
	}
	body = bytes.ReplaceAll(body, []byte("{KEY}"), []byte(octotest.APIKey))
	return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: r, Body: io.NopCloser(bytes.NewReader(body)),
		Header: http.Header{"Content-Type": {s.contentType}, "Location": {"/elsewhere"}, "Retry-After": {"3600"}, "Set-Cookie": {"a=b"}}}, nil
}

// FuzzAnswers lets a server answer anything, and the key among it: nothing may panic, go on for
// ever, lead to another host or show the key.
func FuzzAnswers(f *testing.F) {
	const root = `{"Application":"Octopus Deploy","Version":"2025.1","Links":{"Spaces":"/api/spaces","CurrentUser":"/api/users/me"}}`
	for _, body := range []string{
		root, ``, `null`, `[]`, `{}`, `{"Id":"Users-1","Links":{"Spaces":"/api/x{?skip,take}"}}`, `[{"Id":"Spaces-1","Name":"Default","IsDefault":true}]`,
		`{"Items":[{"Id":"Spaces-1","Name":"{KEY}","IsDefault":true}],"TotalResults":5,"Links":{"Page.Next":"//evil/{KEY}"}}`,
		`{"Thumbprint":"{KEY}"}`, `{"ErrorMessage":"{KEY}","Errors":["Missing permission: {KEY}"]}`, `<html><title>{KEY}</title>`, `<title>API&#45;0123456789ABCDEFGHIJKLMNOPQ`,
		`{"Links":{"Machines":"{{/id}{?thumbprint"}}`, `{"Id":"Users-1","Name":"w","Items":[{"Id":"Machines-1","Name":"w","Endpoint":{"Thumbprint":7}}]}`, `{"Id":"{`,
	} {
		f.Add(true, []byte(root), []byte(body), 200, "application/json")
		f.Add(false, []byte(nil), []byte(body), 403, "text/html")
	}
	f.Fuzz(func(t *testing.T, withRoot bool, root, body []byte, status int, contentType string) {
		if status < 100 || status > 999 {
			status = 200
		}
		server := &fuzzedServer{body: body, status: status, contentType: contentType, t: t}
		if withRoot {
			server.root = root
		}
		c := newClient(t, Options{Server: "https://octopus.example.com/octopus"})
		c.resty.SetTransport(server)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		askEverything(ctx, c, func(err error) {
			if err != nil {
				mustNotLeak(t, withHints(err))
			}
		})
	})
}

// askEverything makes each call there is, and hands each error to check.
func askEverything(ctx context.Context, c *Client, check func(error)) {
	_, err := c.Thumbprint(ctx)
	check(err)
	_, err = c.Nodes(ctx)
	check(err)
	_, err = c.SharedQueues(ctx)
	check(err)
	s, err := c.Space(ctx, "")
	if check(err); err != nil {
		s = &Space{Named: Named{ID: "Spaces-1", Name: "Default"}, client: c}
	}
	_, err = c.Space(ctx, "w")
	check(err)
	_, err = s.Environments(ctx, []string{"w"})
	check(err)
	_, err = s.Tenants(ctx, []string{"w"})
	check(err)
	check(s.CheckTenantTags(ctx, []string{"w"}))
	_, err = s.Machines(Target).ByThumbprint(ctx, "w")
	check(err)
	m, err := s.Machines(Target).ByName(ctx, "w")
	if check(err); m == nil {
		m = &Machine{Name: "w"}
	}
	_, err = s.Machines(Target).Save(ctx, *m)
	check(err)
	check(s.Machines(Target).Delete(ctx, *m))
}

// FuzzServerURL checks that what is understood is understood the same again, and that no password
// is shown.
func FuzzServerURL(f *testing.F) {
	for _, s := range []string{"https://octopus.example.com/app#/x", "http://[::1]:80/octopus/api", "octopus", "https://u:Password01!@h", "://", "http://0/App/Api", "http://[::%\x841]:/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pasted string) {
		u, err := ServerURL(pasted)
		if err != nil || virtualDirectory(u.Path) != u.Path {
			return // nor a virtual directory that is called like one of Octopus's own paths: /app/api is /app, and that would be none
		}
		again, err := ServerURL(u.String())
		if err != nil || again.String() != u.String() {
			t.Errorf("%q is %s, and that is %v, %v", pasted, u, again, err)
		}
	})
}

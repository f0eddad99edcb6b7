package octoapi

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// quick gives up soon what fails, but asks nothing twice and breaks nothing off: a busy machine
// takes its time for an answer.
var quick = timing{
	briefly:    500 * time.Millisecond,
	firstDelay: 10 * time.Millisecond,
	starting:   500 * time.Millisecond,
	patience:   time.Minute,
	portTry:    time.Minute,
	ending:     time.Minute,
	idle:       usualTiming.idle,
	taskPoll:   time.Millisecond,
}

// hasty is quick, and does not wait for what never answers.
func hasty() timing {
	t := quick
	t.portTry, t.ending = time.Second, usualTiming.ending
	return t
}

func startCluster(t testing.TB, o octotest.Options) *octotest.Cluster {
	t.Helper()
	c, err := octotest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newClient(t testing.TB, o Options) *Client {
	t.Helper()
	if o.Credentials == (Credentials{}) {
		o.Credentials.APIKey = octotest.APIKey
	}
	if o.timing == (timing{}) {
		o.timing = quick
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.resty.GetClient().CloseIdleConnections)
	return c
}

func deadline(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// mustSay checks that an error or its hints name each of the parts, and nothing that is secret or
// that only the caller knows: what to type.
func mustSay(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", parts)
	}
	text := withHints(err)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("error does not say %q:\n%s", part, text)
		}
	}
	for _, typed := range []string{" --", "OCTOPUS_", "octo-tentacle ", "ADDRESS"} {
		if strings.Contains(text, typed) {
			t.Errorf("error says what to type:\n%s", text)
		}
	}
	mustNotLeak(t, text)
}

// withHints is an error as it is printed.
func withHints(err error) string {
	return strings.Join(append([]string{err.Error()}, hint.Of(err)...), "\n  ")
}

func mustNotLeak(t testing.TB, text string) {
	t.Helper()
	for _, secret := range []string{octotest.APIKey, octotest.LimitedAPIKey, octotest.BearerToken, octotest.Password, url.QueryEscape(octotest.Password)} {
		if strings.Contains(text, secret) {
			t.Errorf("shows a secret:\n%s", text)
		}
	}
}

// ask reads what poll-server and register-with read.
func ask(ctx context.Context, c *Client) error {
	_, err := c.Thumbprint(ctx)
	if err != nil {
		return err
	}
	s, err := c.Space(ctx, "")
	if err != nil {
		return err
	}
	_, err = s.Environments(ctx, []string{"Development"})
	return err
}

func TestAnAddressIsUnderstoodAsPeoplePasteIt(t *testing.T) {
	for pasted, want := range map[string]string{
		"https://octopus.example.com":                          "https://octopus.example.com",
		"https://octopus.example.com/":                         "https://octopus.example.com",
		" https://octopus.example.com/\n":                      "https://octopus.example.com",
		"https://octopus.example.com/app":                      "https://octopus.example.com",
		"https://octopus.example.com/app#/Spaces-1/projects":   "https://octopus.example.com",
		"https://octopus.example.com/app?x=1#/Spaces-1":        "https://octopus.example.com",
		"https://octopus.example.com/api":                      "https://octopus.example.com",
		"https://octopus.example.com/api/Spaces-1/machines":    "https://octopus.example.com",
		"https://octopus.example.com:8443/octopus/":            "https://octopus.example.com:8443/octopus",
		"https://octopus.example.com/octopus/app#/Spaces-1":    "https://octopus.example.com/octopus",
		"https://octopus.example.com/octopus/api/":             "https://octopus.example.com/octopus",
		"https://octopus.example.com/app/app#/Spaces-1":        "https://octopus.example.com/app",
		"https://octopus.example.com/octopus//app#/Spaces-1":   "https://octopus.example.com/octopus",
		"https://octopus.example.com:":                         "https://octopus.example.com",
		"https://octopus:1":                                    "https://octopus:1",
		"https://octopus:65535":                                "https://octopus:65535",
		"HTTP://Octopus:8065":                                  "http://Octopus:8065",
		"http://[::1]:8065/":                                   "http://[::1]:8065",
		"http://octopus.example.com/api#fragment%20with/slash": "http://octopus.example.com",
	} {
		u, err := ServerURL(pasted)
		if err != nil || u.String() != want {
			t.Errorf("%q is %v, %v; want %s", pasted, u, err, want)
		}
	}
}

func TestAnInvalidAddressIsRefusedWithItsProblem(t *testing.T) {
	for pasted, want := range map[string]struct {
		problem AddressProblem
		text    string
	}{
		"":                                      {AddressMissing, "it must look like https://octopus.example.com"},
		"octopus.example.com":                   {AddressWithoutScheme, "octopus.example.com, does not begin with https:// or http://"},
		"127.0.0.1:8065":                        {AddressWithoutScheme, "127.0.0.1:8065, does not begin"},
		"https://":                              {AddressMalformed, "no host name"},
		"https:///app":                          {AddressMalformed, "no host name"},
		"wss://octopus/OctopusComms":            {AddressWithOtherScheme, "wss://…"},
		"ftp://octopus":                         {AddressWithOtherScheme, "https:// or http://"},
		"https://octopus:abc":                   {AddressMalformed, "invalid port"},
		"https://octopus:0":                     {AddressMalformed, "1 to 65535"},
		"https://octopus:65536":                 {AddressMalformed, "1 to 65535"},
		"https://a b":                           {AddressMalformed, "is not a URL"},
		"https://admin:Password01!@octopus":     {AddressWithCredentials, "must not contain a user name or password"},
		"admin:Password01!@octopus":             {AddressWithoutScheme, "…octopus"},
		"https://admin:Password01!@octopus:abc": {AddressWithCredentials, "must not contain a user name or password"},
		"https://admin:S3cr3t/x@octopus":        {AddressWithCredentials, "must not contain a user name or password"},
		"https://octopus\x7f":                   {AddressMalformed, "is not a URL: invalid control character"},
		"https://%zz":                           {AddressMalformed, "is not a URL"},
	} {
		_, err := ServerURL(pasted)
		mustSay(t, err, "the address of the Octopus Server", want.text)
		if text := withHints(err); goWords.MatchString(text) || strings.Contains(text, "S3cr3t") || strings.Contains(text, "Password01") {
			t.Errorf("%q: %s", pasted, text)
		}
		if wrong, is := errors.AsType[*AddressError](err); !is || wrong.Problem != want.problem {
			t.Errorf("%q: %#v", pasted, err)
		} else if want := "https://" + pasted; (wrong.Suggestion == want) != strings.HasPrefix(pasted, "oct") && pasted[0] != '1' {
			t.Errorf("%q: suggests %q", pasted, wrong.Suggestion)
		}
	}
}

func TestCredentialsAreOfExactlyOneKind(t *testing.T) {
	for name, test := range map[string]struct {
		credentials Credentials
		want        string
		is          error
	}{
		"none":             {Credentials{}, "no credentials", ErrNoCredentials},
		"two":              {Credentials{APIKey: octotest.APIKey, BearerToken: "x"}, "more than one kind", ErrSeveralCredentials},
		"key and password": {Credentials{APIKey: octotest.APIKey, Password: octotest.Password}, "more than one kind", ErrSeveralCredentials},
		"no password":      {Credentials{Username: "admin"}, "a user name without its password", ErrNoPassword},
		"no user":          {Credentials{Password: octotest.Password}, "a password without its user name", ErrNoUsername},
		"a torn key":       {Credentials{APIKey: "API-ABC\nDEF" + octotest.APIKey}, "the API key contains a space or another invalid character", nil},
		"a key with ä":     {Credentials{APIKey: octotest.APIKey + "ä"}, "invalid character", nil},
		"a torn token":     {Credentials{BearerToken: "a b"}, "the bearer token contains a space", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{Server: "http://octopus", Credentials: test.credentials})
			mustSay(t, err, test.want)
			malformed, is := errors.AsType[*MalformedCredentialError](err)
			if test.is != nil && !errors.Is(err, test.is) || test.is == nil && (!is || malformed.Kind != test.credentials.Kind()) {
				t.Errorf("%#v", err)
			}
		})
	}
	if _, err := New(Options{Server: "http://octopus", Credentials: Credentials{APIKey: octotest.APIKey + "\r\n"}}); err != nil {
		t.Errorf("the line end of a key file: %v", err)
	}
}

func TestCredentialsPrintTheirKindAndNoSecret(t *testing.T) {
	for k, want := range map[Credentials]string{
		{APIKey: octotest.APIKey}:                        "API key",
		{BearerToken: octotest.BearerToken}:              "bearer token",
		{Username: "admin", Password: octotest.Password}: "user name and password",
		{}: "no credentials",
	} {
		for _, got := range []string{fmt.Sprint(k), fmt.Sprintf("%#v", k)} {
			if got != want {
				t.Errorf("%q, not %q", got, want)
			}
		}
	}
}

func TestEveryKindOfCredentialsIsAccepted(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	for name, k := range map[string]Credentials{
		"API key":      {APIKey: octotest.APIKey},
		"bearer token": {BearerToken: octotest.BearerToken},
		"login":        {Username: octotest.Username, Password: octotest.Password},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, Options{Server: cluster.URL(), Credentials: k})
			if err := ask(t.Context(), client); err != nil {
				t.Fatal(err)
			}
			space, err := client.Space(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			// A write: with a session it needs the anti-forgery token, exactly as it came.
			if _, err := space.Machines(Target).Save(t.Context(), Machine{Name: name, Endpoint: Endpoint{CommunicationStyle: Polling}}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNoCallIsMadeTwiceAndFewConnectionsServeAll(t *testing.T) {
	for name, k := range map[string]Credentials{
		"API key": {APIKey: octotest.APIKey},
		"login":   {Username: octotest.Username, Password: octotest.Password},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := startCluster(t, octotest.Options{TLS: true})
			client := newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster), Credentials: k})
			for range 2 {
				if _, err := client.user(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := client.Thumbprint(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for _, ref := range []string{"", "Finance Department"} {
				if _, err := client.Space(t.Context(), ref); err != nil {
					t.Fatal(err)
				}
			}
			seen := map[string]bool{}
			for _, r := range cluster.Requests() {
				if seen[r.Method+r.Path] {
					t.Errorf("asked twice: %s %s", r.Method, r.Path)
				}
				seen[r.Method+r.Path] = true
			}
			if n := cluster.Connections(); n > 2+connectionsAhead { // as many as there are questions at the same time, and those opened ahead
				t.Errorf("%d connections", n)
			}
		})
	}
}

func TestOverHTTPTheRootIsAskedWithoutCredentials(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	if err := ask(t.Context(), newClient(t, Options{Server: cluster.URL(), UserAgent: "octo-tentacle/test"})); err != nil {
		t.Fatal(err)
	}
	for i, r := range cluster.Requests() {
		if r.UserAgent != "octo-tentacle/test" {
			t.Errorf("%s: user agent %q", r.Path, r.UserAgent)
		}
		if got := len(r.Credential) > 0; got != (i > 0) {
			t.Errorf("%s: carries credentials: %v", r.Path, got)
		}
	}
}

func TestAVirtualDirectoryIsKept(t *testing.T) {
	cluster := startCluster(t, octotest.Options{Path: "/octopus"})
	if err := ask(t.Context(), newClient(t, Options{Server: cluster.URL() + "/app#/Spaces-1"})); err != nil {
		t.Fatal(err)
	}
	for _, r := range cluster.Requests() {
		if r.Status != http.StatusOK || !strings.HasPrefix(r.Path, "/octopus/api") || strings.HasPrefix(r.Path, "/octopus/octopus") {
			t.Errorf("%s: %d", r.Path, r.Status)
		}
	}
}

func TestBehindAReverseProxyThatHidesTheVirtualDirectoryLinksAreStillFound(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	target, err := url.Parse(cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	reverse := httptest.NewServer(http.StripPrefix("/deploy", httputil.NewSingleHostReverseProxy(target)))
	defer reverse.Close()
	if err := ask(t.Context(), newClient(t, Options{Server: reverse.URL + "/deploy"})); err != nil {
		t.Error(err)
	}
}

func TestLinksAreResolvedWithinTheServer(t *testing.T) {
	client := newClient(t, Options{Server: "https://Octo.example.com/Octopus"})
	for link, want := range map[string]string{
		"/api/x?skip=1":       "https://Octo.example.com/Octopus/api/x?skip=1",
		"~/api/x":             "https://Octo.example.com/Octopus/api/x",
		"/octopus/api/x":      "https://Octo.example.com/octopus/api/x", // the server's own spelling
		"/octopus2/api/x":     "https://Octo.example.com/Octopus/octopus2/api/x",
		"/api/machines/M%2F1": "https://Octo.example.com/Octopus/api/machines/M%2F1",
		"https://OCTO.example.com:443/Octopus/api/x": "https://Octo.example.com/Octopus/api/x",
		"https://u:p@octo.example.com/Octopus/api":   "https://Octo.example.com/Octopus/api",
		"https://octo.example.com:8443/api":          "",
		"http://octo.example.com/api":                "",
		"//evil.example.com/api":                     "",
		"https:api":                                  "",
	} {
		switch u, err := client.resolve(link); {
		case err == nil && u.String() != want:
			t.Errorf("%s is %s; want %q", link, u, want)
		case err != nil && want != "":
			t.Errorf("%s: %v", link, err)
		}
	}
}

func TestTheAntiForgeryTokenIsFoundUnderAVirtualDirectory(t *testing.T) {
	token := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/octopus/api/users/login":
			http.SetCookie(w, &http.Cookie{Name: csrfCookiePrefix + "1", Value: "of-the-directory", Path: "/octopus"})
		case "/octopus/api/machines":
			token = r.Header.Get(csrfHeader)
		}
		_, _ = w.Write([]byte(`{"Id":"Machines-1","Application":"Octopus Deploy","Version":"2025.1","Links":{"Self":"/octopus/api"}}`))
	}))
	defer server.Close()
	client := newClient(t, Options{Server: server.URL + "/octopus", Credentials: Credentials{Username: octotest.Username, Password: octotest.Password}})
	if _, err := client.user(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Space{client: client}).Machines(Target).Save(t.Context(), Machine{Name: "web01"}); err != nil || token != "of-the-directory" {
		t.Errorf("the token sent is %q: %v", token, err)
	}
}

func pool(t *testing.T, c *octotest.Cluster) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(c.CAPEM()) {
		t.Fatal("no certificate")
	}
	return p
}

// freeAddress is one where nothing listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestATimeoutIsADeadlineForCallers(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	cluster.SetAPIFault(octotest.APIFault{Hang: true})
	err := ask(deadline(t, 100*time.Millisecond), newClient(t, Options{Server: cluster.URL()}))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not a deadline", err)
	}
}

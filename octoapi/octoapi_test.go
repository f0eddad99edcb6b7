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
	"os"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestMain makes the waits short. The relations between them stay: many tries in briefly, many brieflys in a test's deadline.
func TestMain(m *testing.M) {
	briefly = patience(150 * time.Millisecond)
	firstDelay = 10 * time.Millisecond
	portCap = 300 * time.Millisecond
	os.Exit(m.Run())
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

// mustSay checks that an error names each of the parts, and nothing secret.
func mustSay(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not say %q:\n%v", part, err)
		}
	}
	mustNotLeak(t, err.Error())
}

func mustNotLeak(t testing.TB, text string) {
	t.Helper()
	for _, secret := range []string{octotest.APIKey, octotest.BearerToken, octotest.Password, url.QueryEscape(octotest.Password)} {
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

func TestAnAddressThatIsNoneIsRefusedWithOneThatWorks(t *testing.T) {
	for pasted, want := range map[string]string{
		"":                                      "--server https://octopus.example.com",
		"octopus.example.com":                   "try --server https://octopus.example.com",
		"127.0.0.1:8065":                        "try --server https://127.0.0.1:8065",
		"https://":                              "no host name",
		"https:///app":                          "no host name",
		"wss://octopus/OctopusComms":            "--server-comms-address",
		"ftp://octopus":                         "https:// or http://",
		"https://octopus:abc":                   "invalid port",
		"https://octopus:0":                     "1 to 65535",
		"https://octopus:65536":                 "1 to 65535",
		"https://a b":                           "is not an address",
		"https://admin:Password01!@octopus":     "--username and --password",
		"admin:Password01!@octopus":             "…octopus",
		"https://admin:Password01!@octopus:abc": "not an address",
		"https://%zz":                           "is not an address",
	} {
		_, err := ServerURL(pasted)
		mustSay(t, err, want)
	}
}

func TestCredentialsAreOfExactlyOneKind(t *testing.T) {
	for name, test := range map[string]struct {
		credentials Credentials
		want        string
	}{
		"none":             {Credentials{}, "no credentials"},
		"two":              {Credentials{APIKey: octotest.APIKey, BearerToken: "x"}, "several kinds"},
		"key and password": {Credentials{APIKey: octotest.APIKey, Password: octotest.Password}, "several kinds"},
		"no password":      {Credentials{Username: "admin"}, "--username needs its --password"},
		"no user":          {Credentials{Password: octotest.Password}, "--password needs its --username"},
		"a torn key":       {Credentials{APIKey: "API-ABC\nDEF" + octotest.APIKey}, "--apikey"},
		"a key with ä":     {Credentials{APIKey: octotest.APIKey + "ä"}, "--apikey"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{Server: "http://octopus", Credentials: test.credentials})
			mustSay(t, err, test.want)
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

func TestNoCallIsMadeTwiceAndOneConnectionServesAll(t *testing.T) {
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
			if n := cluster.Connections(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func TestTheRootIsAskedWithoutCredentials(t *testing.T) {
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
	cluster := startCluster(t, octotest.Options{})
	cluster.SetAPIFault(octotest.APIFault{Hang: true})
	err := ask(deadline(t, 100*time.Millisecond), newClient(t, Options{Server: cluster.URL()}))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not a deadline", err)
	}
}

package octoapi

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func startProxy(t *testing.T, status int) *octotest.Proxy {
	t.Helper()
	p, err := octotest.StartProxy(status)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// throughProxy is the way through a proxy, as a user.
func throughProxy(address string, user *url.Userinfo) func(*url.URL) (*url.URL, error) {
	return ProxyFunc(&url.URL{Scheme: "http", Host: address, User: user})
}

var proxyUser = url.UserPassword(octotest.ProxyUsername, octotest.ProxyPassword)

func TestAProxyLeadsToTheAPIAndThePorts(t *testing.T) {
	cluster := startCluster(t, octotest.Options{TLS: true})
	proxy := startProxy(t, 0)
	through := throughProxy(proxy.Address(), proxyUser)
	if err := ask(t.Context(), newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster), Proxy: through})); err != nil {
		t.Error(err)
	}
	ports, err := TryPorts(t.Context(), cluster.Addresses(), PortOptions{timing: quick, Proxy: through})
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckThumbprints(ports, cluster.Thumbprint()); err != nil {
		t.Error(err)
	}
	for _, address := range append(cluster.Addresses(), cluster.URL()) {
		if target := strings.TrimPrefix(address, "https://"); !slices.Contains(proxy.Targets(), target) {
			t.Errorf("%s was reached without the proxy, which connected to %v", target, proxy.Targets())
		}
	}
}

func TestAProxyThatRefusesIsNamed(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{TLS: true})
	for name, test := range map[string]struct {
		status int
		user   *url.Userinfo
		want   []string
	}{
		"a wrong password":    {0, url.UserPassword(octotest.ProxyUsername, "Wrong-Secret"), []string{"does not accept the user name and password (407)"}},
		"no password":         {0, nil, []string{"requires a user name and password (407)"}},
		"a port not allowed":  {403, proxyUser, []string{"responded with 403 Forbidden", "did not connect to 127."}},
		"no way to the other": {502, proxyUser, []string{"responded with 502 Bad Gateway"}},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := startProxy(t, test.status)
			through := throughProxy(proxy.Address(), test.user)
			ctx := deadline(t, time.Minute)
			want := append(test.want, proxy.Address())
			for _, err := range []error{
				ask(ctx, newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster), Proxy: through})),
				errOf(TryPorts(ctx, cluster.Addresses()[:1], PortOptions{timing: quick, Proxy: through})),
			} {
				mustSay(t, err, want...)
				if strings.Contains(err.Error(), "Secret") || strings.Contains(err.Error(), octotest.ProxyPassword) {
					t.Errorf("shows the proxy's password: %v", err)
				}
			}
		})
	}
}

func errOf(_ []Port, err error) error { return err }

// TestAProxyThatMisbehavesIsNamed: whatever goes wrong behind a proxy, the proxy may be it.
func TestAProxyThatMisbehavesIsNamed(t *testing.T) {
	t.Parallel()
	secure, plain := startCluster(t, octotest.Options{TLS: true}), startCluster(t, octotest.Options{})
	const page = "Content-Type: text/html\r\nContent-Length: 34\r\n\r\n<html><title>Blocked</title></html>"
	for name, test := range map[string]struct {
		says        string
		secure, web string // what is said of https, and of http
		port        string
	}{
		"its page instead of a connection": {"HTTP/1.1 200 OK\r\n" + page, "", `"Blocked"`, "plain HTTP"},
		"its page with a 407":              {"HTTP/1.1 407 Login\r\n" + page, "407", "407", "407"},
		"nothing":                          {"", "", "", ""},
		"another protocol":                 {"SSH-2.0-OpenSSH_9.9\r\n", "does not speak HTTP", "does not speak HTTP", "does not speak HTTP"},
		"a redirect to its login":          {"HTTP/1.1 302 Found\r\nLocation: http://login.example.com/\r\nContent-Length: 0\r\n\r\n", "302 Found", "login.example.com", "302 Found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := answering(t, func(conn net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = conn.Write([]byte(test.says))
				}
			})
			through := throughProxy(address, proxyUser)
			short := func() context.Context { return deadline(t, 3*time.Second) }
			for _, of := range []struct {
				err  error
				want string
			}{
				{ask(short(), newClient(t, Options{Server: secure.URL(), RootCAs: pool(t, secure), Proxy: through})), test.secure},
				{ask(short(), newClient(t, Options{Server: plain.URL(), Proxy: through})), test.web},
				{errOf(TryPorts(short(), secure.Addresses()[:1], PortOptions{timing: quick, Proxy: through})), test.port},
			} {
				mustSay(t, of.err, of.want)
				if blamesAPage := of.want == `"Blocked"` || of.want == "login.example.com"; !blamesAPage && !strings.Contains(of.err.Error(), address) {
					t.Errorf("the proxy is not named: %v", of.err)
				}
				if strings.Contains(of.err.Error(), octotest.ProxyPassword) {
					t.Errorf("shows the proxy's password: %v", of.err)
				}
			}
		})
	}
}

func TestAProxyThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{TLS: true})
	free := freeAddress(t)
	through := throughProxy(free, proxyUser)
	ctx := deadline(t, time.Minute)
	for _, err := range []error{
		ask(ctx, newClient(t, Options{Server: cluster.URL(), Proxy: through})),
		errOf(TryPorts(ctx, cluster.Addresses()[:1], PortOptions{timing: quick, Proxy: through})),
	} {
		mustSay(t, err, "the proxy does not respond: nothing listens on "+free)
	}
}

func TestAProxyWithoutUserIsSentNoCredentials(t *testing.T) {
	for proxy, want := range map[string]string{"http://proxy:3128": "", "http://u:p@proxy:3128": "Basic dTpw"} {
		u, err := url.Parse(proxy)
		if got := proxyAuthorization(u); err != nil || got != want {
			t.Errorf("%s: %q, %v", proxy, got, err)
		}
	}
}

func TestTheEnvironmentNamesTheProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
	t.Setenv("NO_PROXY", "octo2")
	f := ProxyFunc(nil)
	for address, want := range map[string]string{"https://octo1:10943": "http://proxy.example.com:3128", "https://octo2:10943": "<nil>", "https://127.0.0.1:10943": "<nil>"} {
		u, _ := url.Parse(address)
		proxy, err := f(u)
		got := "<nil>"
		if proxy != nil {
			got = proxy.String()
		}
		if err != nil || got != want {
			t.Errorf("%s goes through %s, %v", address, got, err)
		}
	}
}

func TestAProxyOfTheEnvironmentThatIsNoAddressIsNamedWithoutItsPassword(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:Secret-1@proxy:port")
	err := errOf(TryPorts(deadline(t, time.Minute), []string{"https://octo1:10943"}, PortOptions{timing: quick}))
	mustSay(t, err, "the proxy in HTTPS_PROXY is not a valid address", "it must look like http://")
	if unreachable, is := errors.AsType[*PortError](err); !is || unreachable.Reason != ProxyMalformed {
		t.Errorf("%#v", err)
	}
	if strings.Contains(err.Error(), "Secret-1") {
		t.Errorf("shows the password: %v", err)
	}
}

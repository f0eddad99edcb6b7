package octoapi

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// proxyServer is an HTTP proxy that knows CONNECT, and wants the user name and password proxyuser, Proxy-Pass1.
type proxyServer struct {
	address string
	status  int // answered instead, if not 0

	mu      sync.Mutex
	targets []string
	refused int
}

func startProxy(t *testing.T, status int) *proxyServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxyServer{address: l.Addr().String(), status: status}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *proxyServer) serve(conn net.Conn) {
	defer conn.Close()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil || r.Method != http.MethodConnect {
		return
	}
	authorized := r.Header.Get("Proxy-Authorization") == "Basic cHJveHl1c2VyOlByb3h5LVBhc3Mx"
	p.mu.Lock()
	p.targets = append(p.targets, r.Host)
	if !authorized {
		p.refused++
	}
	p.mu.Unlock()
	status := p.status
	if status == 0 && !authorized {
		status = http.StatusProxyAuthRequired
	}
	if status != 0 {
		_ = (&http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1}).Write(conn)
		return
	}
	out, err := net.Dial("tcp", r.Host)
	if err != nil {
		return
	}
	defer out.Close()
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		return
	}
	done := make(chan struct{})
	go func() { _, _ = bufio.NewReader(conn).WriteTo(out); close(done) }()
	_, _ = bufio.NewReader(out).WriteTo(conn)
	_ = conn.Close()
	<-done
}

func (p *proxyServer) url(user *url.Userinfo) *url.URL {
	return &url.URL{Scheme: "http", Host: p.address, User: user}
}

var proxyUser = url.UserPassword("proxyuser", "Proxy-Pass1")

func TestAProxyLeadsToTheAPIAndThePorts(t *testing.T) {
	cluster := startCluster(t, octotest.Options{TLS: true})
	proxy := startProxy(t, 0)
	through := ProxyFunc(proxy.url(proxyUser))
	if err := ask(t.Context(), newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster), Proxy: through})); err != nil {
		t.Error(err)
	}
	ports, err := TryPorts(t.Context(), cluster.Addresses(), PortOptions{Proxy: through})
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckThumbprints(ports, cluster.Thumbprint()); err != nil {
		t.Error(err)
	}
	if len(proxy.targets) != 4 {
		t.Errorf("connected to %v", proxy.targets)
	}
}

func TestAProxyThatRefusesIsNamed(t *testing.T) {
	cluster := startCluster(t, octotest.Options{TLS: true})
	for name, test := range map[string]struct {
		status int
		user   *url.Userinfo
		want   []string
	}{
		"a wrong password":    {0, url.UserPassword("proxyuser", "Wrong-Secret"), []string{"user name and password (407)", "--proxyPassword"}},
		"no password":         {0, nil, []string{"407"}},
		"a port not allowed":  {403, proxyUser, []string{"answered 403 Forbidden", "did not connect to"}},
		"no way to the other": {502, proxyUser, []string{"answered 502 Bad Gateway"}},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := startProxy(t, test.status)
			through := ProxyFunc(proxy.url(test.user))
			ctx := deadline(t, 5*time.Second)
			want := append(test.want, proxy.address)
			for _, err := range []error{
				ask(ctx, newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster), Proxy: through})),
				errOf(TryPorts(ctx, cluster.Addresses()[:1], PortOptions{Proxy: through})),
			} {
				mustSay(t, err, want...)
				if strings.Contains(err.Error(), "Secret") || strings.Contains(err.Error(), "Proxy-Pass1") {
					t.Errorf("shows the proxy's password: %v", err)
				}
			}
		})
	}
}

func errOf(_ []Port, err error) error { return err }

func TestAProxyThatIsNotThereIsNamed(t *testing.T) {
	cluster := startCluster(t, octotest.Options{TLS: true})
	free := freeAddress(t)
	through := ProxyFunc(&url.URL{Scheme: "http", Host: free, User: proxyUser})
	ctx := deadline(t, 5*time.Second)
	for _, err := range []error{
		ask(ctx, newClient(t, Options{Server: cluster.URL(), Proxy: through})),
		errOf(TryPorts(ctx, cluster.Addresses()[:1], PortOptions{Proxy: through})),
	} {
		mustSay(t, err, "the proxy that leads there does not answer: nothing listens on "+free, "polling-proxy")
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
	err := errOf(TryPorts(deadline(t, 5*time.Second), []string{"https://octo1:10943"}, PortOptions{}))
	mustSay(t, err, "HTTPS_PROXY")
	if strings.Contains(err.Error(), "Secret-1") {
		t.Errorf("shows the password: %v", err)
	}
}

package commands

import (
	"bytes"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// TestTheThumbprintOfAWebSocketIsTrustedForAReason: its certificate is valid, or expected, or the
// user wants no reason.
func TestTheThumbprintOfAWebSocketIsTrustedForAReason(t *testing.T) {
	t.Parallel()
	cluster, err := octotest.Start(octotest.Options{TLS: true, NodeCount: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, cluster.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	valid := strings.Replace(cluster.URL(), "https:", "wss:", 1) + "/OctopusComms"
	own := strings.Replace(cluster.Addresses()[0], "https:", "wss:", 1) + "/OctopusComms"
	for name, c := range map[string]struct {
		address string
		trust   webSocketTrust
		refused bool
		warned  bool
	}{
		"valid":                   {address: valid},
		"its own":                 {address: own, refused: true},
		"its own, expected":       {address: own, trust: webSocketTrust{thumbprint: cluster.Thumbprint()}},
		"valid, another expected": {address: valid, trust: webSocketTrust{thumbprint: cluster.Thumbprint()}, refused: true},
		"its own, whatever it is": {address: own, trust: webSocketTrust{any: true}, warned: true},
		"valid, whatever it is":   {address: valid, trust: webSocketTrust{any: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var warnings bytes.Buffer
			o := apiOptions{server: cluster.URL(), apiKey: secretOption{value: octotest.APIKey}, caFile: ca, timeout: time.Minute}
			s, err := connect(newConsole(nil, io.Discard, &warnings), o, tentacleconfig.Proxy{})
			if err != nil {
				t.Fatal(err)
			}
			s.webSocket = c.trust
			q := clusterQuestion{addresses: []string{c.address}}
			q.settle = q.needed
			answer, err := s.askCluster(t.Context(), q)
			got := answer.thumbprint
			switch {
			case (err != nil) != c.refused:
				t.Fatal(err)
			case c.refused && !strings.Contains(shown(err), "--server-web-socket-thumbprint"):
				t.Errorf("names no option:\n%s", shown(err))
			case !c.refused && (len(got) != 40 || (got == cluster.Thumbprint()) != (c.address == own)):
				t.Errorf("trusts %s", got)
			}
			if warned := strings.Contains(warnings.String(), "trusted without having been verified"); warned != c.warned {
				t.Errorf("warned: %q", warnings.String())
			}
		})
	}
}

func TestAPollingPortIsTriedTheWayTheTentacleTakes(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://environment:3128")
	node := &url.URL{Scheme: "https", Host: "octo1.example.com:10943"}
	for _, c := range []struct {
		name  string
		proxy tentacleconfig.Proxy
		goos  string
		want  string
	}{
		{"default, Linux", tentacleconfig.Proxy{UseDefault: true}, "linux", ""},
		{"default, Windows, which has none set here", tentacleconfig.Proxy{UseDefault: true}, "windows", ""},
		{"default goes before a host", tentacleconfig.Proxy{UseDefault: true, Host: "own", Port: 80}, "linux", ""},
		{"none", tentacleconfig.Proxy{}, "linux", ""},
		{"its own", tentacleconfig.Proxy{Host: "own", Port: 3128}, "linux", "http://own:3128"},
		{"its own, with a user, IPv6", tentacleconfig.Proxy{Host: "::1", Port: 80, Username: "u", Password: "p@ss"}, "linux", "http://u:p%40ss@[::1]:80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := pollingProxy(c.proxy, c.goos)(node)
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			if got != nil {
				text = got.String()
			}
			if text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
}

func TestTheDefaultProxyIsToldTheUserThatTheTentacleHasForIt(t *testing.T) {
	proxy := &url.URL{Scheme: "http", Host: "system:8080"}
	choose := func(*url.URL) (*url.URL, error) { return proxy, nil }
	got, err := asUser(choose, tentacleconfig.Proxy{UseDefault: true, Username: "u", Password: "p"})(nil)
	if err != nil || got.String() != "http://u:p@system:8080" || proxy.User != nil {
		t.Errorf("%v, %v; the system's is %v", got, err, proxy)
	}
	if got, _ := asUser(choose, tentacleconfig.Proxy{UseDefault: true, Password: "p"})(nil); got.User != nil {
		t.Errorf("a password without a user is sent: %v", got)
	}
	proxy.User = url.User("own")
	if got, _ := asUser(choose, tentacleconfig.Proxy{Username: "u"})(nil); got.User.Username() != "own" {
		t.Errorf("the environment's user is replaced: %v", got)
	}
}

package octotest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// webURL is the address of the web port of node n, from 1.
func webURL(t *testing.T, c *Cluster, n int) string {
	t.Helper()
	u, err := url.Parse(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(strings.TrimPrefix(c.Addresses()[n-1], "https://"))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = net.JoinHostPort(host, u.Port())
	return u.String()
}

// ownHosts skips where all nodes have one host.
func ownHosts(t *testing.T, c *Cluster) {
	t.Helper()
	if webURL(t, c, 1) == webURL(t, c, 2) {
		t.Skip("all nodes have one host here")
	}
}

// ping asks a web port which node is there.
func ping(t *testing.T, c *Cluster, base string) (status int, header, name string, err error) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.CAPEM())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	answer, err := client.Get(base + "/api/octopusservernodes/ping")
	if err != nil {
		return 0, "", "", err
	}
	defer answer.Body.Close()
	var body struct{ Name string }
	_ = json.NewDecoder(answer.Body).Decode(&body)
	return answer.StatusCode, answer.Header.Get("Octopus-Node"), body.Name, nil
}

func TestEveryNodeNamesItselfAtItsOwnHost(t *testing.T) {
	for _, options := range []Options{{}, {TLS: true, Path: "/octopus"}, {TLS: true, Balanced: true}} {
		c := start(t, options)
		ownHosts(t, c)
		if _, err := c.AddNode(); err != nil {
			t.Fatal(err)
		}
		c.SetServerNode(2, ServerNode{Maintenance: true})
		c.SetServerNode(3, ServerNode{Offline: true})
		c.SetAPIFault(APIFault{Hang: true}) // is that of the API's own address
		for n, want := range []int{200, 418, 418, 200} {
			if n == 0 && !options.Balanced {
				continue // there, it is the API
			}
			status, header, name, err := ping(t, c, webURL(t, c, n+1))
			if err != nil || status != want || header != nodeName(n+1) || name != header {
				t.Errorf("%+v, node %d: %d, %q, %q, %v", options, n+1, status, header, name, err)
			}
		}
		log := c.Requests()
		if last := log[len(log)-1]; last.Address == "" || !strings.Contains(webURL(t, c, 4), last.Address) {
			t.Errorf("the log has %+v", last)
		}
	}
}

func TestAWebPortHasFaultsOfItsOwn(t *testing.T) {
	c := start(t, Options{TLS: true})
	ownHosts(t, c)
	set := func(n int, w WebPort) {
		t.Helper()
		if err := c.SetWebPort(n, w); err != nil {
			t.Fatal(err)
		}
	}
	at := webURL(t, c, 2)
	set(2, WebPort{As: 3})
	if status, header, name, err := ping(t, c, at); err != nil || status != 200 || header != "node3" || name != "node3" {
		t.Errorf("as another one: %d, %q, %q, %v", status, header, name, err)
	}
	set(2, WebPort{NotOctopus: true})
	if status, header, name, err := ping(t, c, at); err != nil || status != 404 || header+name != "" {
		t.Errorf("not Octopus: %d, %q, %q, %v", status, header, name, err)
	}
	set(2, WebPort{SelfSigned: true})
	if _, _, _, err := ping(t, c, at); err == nil {
		t.Error("a certificate that nobody trusts was trusted")
	}
	set(2, WebPort{Closed: true})
	set(2, WebPort{Closed: true})
	if _, _, _, err := ping(t, c, at); err == nil {
		t.Error("a closed port answers")
	}
	set(2, WebPort{})
	if status, _, name, err := ping(t, c, at); err != nil || status != 200 || name != "node2" {
		t.Errorf("again: %d, %q, %v", status, name, err)
	}
	if err := c.SetWebPort(1, WebPort{Closed: true}); err == nil {
		t.Error("the API's own address was taken for a web port")
	}
}

func TestANodeThatIsDownHasNoPorts(t *testing.T) {
	c := start(t, Options{Balanced: true})
	ownHosts(t, c)
	for _, down := range []bool{true, false} {
		if err := c.SetDown(2, down); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.Addresses()[1], "https://"))
		if err == nil {
			_ = conn.Close()
		}
		if _, _, _, webErr := ping(t, c, webURL(t, c, 2)); (err != nil) != down || (webErr != nil) != down {
			t.Errorf("down: %v, but %v, %v", down, err, webErr)
		}
	}
	nat := start(t, Options{NAT: true}) // where it has no web port
	if err := nat.SetDown(2, true); err != nil {
		t.Error(err)
	}
}

func TestABalancedAPILeadsEachConnectionToTheNextNode(t *testing.T) {
	c := start(t, Options{Balanced: true})
	c.SetServerNode(2, ServerNode{Offline: true})
	c.SetNodeQueues(3, 403)
	var names []string
	for range 4 {
		_, header, _, err := ping(t, c, c.URL())
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header)
	}
	if want := []string{"node1", "node3", "node1", "node3"}; !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
}

func TestWithNATAllPollingPortsHaveOneHost(t *testing.T) {
	c := start(t, Options{NAT: true})
	seen := map[string]bool{}
	for _, address := range c.Addresses() {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		seen[u.Hostname()] = true
	}
	if len(seen) != 1 || len(c.Addresses()) != 3 {
		t.Errorf("%v", c.Addresses())
	}
}

func TestANodeThatIsGoneIsNotListed(t *testing.T) {
	c := start(t, Options{})
	c.SetServerNode(2, ServerNode{Gone: true})
	if nodes := c.serverNodes(); len(nodes) != 2 || nodes[1]["Name"] != "node3" {
		t.Errorf("%v", nodes)
	}
	if presented(t, c.Addresses()[1]) != c.Thumbprint() {
		t.Error("its port is gone, too")
	}
}

func TestTheClockOfTheAPICanBeSet(t *testing.T) {
	c := start(t, Options{})
	c.SetClock(-5 * time.Minute)
	answer, err := http.Get(c.URL() + "/api")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if behind := time.Since(date); err != nil || behind < 4*time.Minute || behind > 6*time.Minute {
		t.Errorf("%v behind, %v", behind, err)
	}
}

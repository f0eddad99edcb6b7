package octoapi

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// webPortOf is the address of the web port of node n, from 1; where all nodes have one host, the
// test is skipped.
func webPortOf(t *testing.T, c *octotest.Cluster, n int) string {
	t.Helper()
	api, err := url.Parse(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	node, err := url.Parse(c.Addresses()[n-1])
	if err != nil {
		t.Fatal(err)
	}
	if n != 1 && node.Hostname() == api.Hostname() {
		t.Skip("all nodes have one host here")
	}
	api.Host = net.JoinHostPort(node.Hostname(), api.Port())
	return api.String()
}

func rootsOf(c *octotest.Cluster) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.CAPEM())
	return pool
}

// mustCarryNoCredential looks at what a cluster was asked.
func mustCarryNoCredential(t *testing.T, c *octotest.Cluster) {
	t.Helper()
	if len(c.Requests()) == 0 {
		t.Error("it was not asked")
	}
	for _, r := range c.Requests() {
		if len(r.Credential) > 0 {
			t.Errorf("%s %s carried %q", r.Address, r.Path, r.Credential)
		}
	}
}

func TestAWebPortSaysWhichNodeIsThere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cluster  octotest.Options
		web      octotest.WebPort
		node     octotest.ServerNode
		ignore   bool // errors of the certificate
		want     string
		verified bool
	}{
		"with its name":                 {want: "node2", verified: true},
		"over TLS":                      {cluster: octotest.Options{TLS: true, Path: "/octopus"}, want: "node2", verified: true},
		"drained":                       {node: octotest.ServerNode{Maintenance: true}, want: "node2", verified: true},
		"offline":                       {node: octotest.ServerNode{Offline: true}, want: "node2", verified: true},
		"as another node":               {web: octotest.WebPort{As: 3}, want: "node3", verified: true},
		"without a trusted certificate": {cluster: octotest.Options{TLS: true}, web: octotest.WebPort{SelfSigned: true}, want: "node2"},
		"whose errors are ignored":      {cluster: octotest.Options{TLS: true}, web: octotest.WebPort{SelfSigned: true}, ignore: true, want: "node2", verified: true},
		"of an older server":            {cluster: octotest.Options{NoNodeHeader: true}},
		"that is none of Octopus":       {web: octotest.WebPort{NotOctopus: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, test.cluster)
			at := webPortOf(t, cluster, 2)
			cluster.SetServerNode(2, test.node)
			if err := cluster.SetWebPort(2, test.web); err != nil {
				t.Fatal(err)
			}
			got, err := AskNode(deadline(t, time.Minute), Options{
				Server: at, RootCAs: rootsOf(cluster), IgnoreSSLErrors: test.ignore, Credentials: Credentials{APIKey: octotest.APIKey}})
			mustCarryNoCredential(t, cluster)
			if test.want == "" {
				mustSay(t, err, strings.TrimSuffix(at, "/octopus"))
				if !errors.Is(err, ErrNotOctopus) {
					t.Errorf("%T", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			u, _ := url.Parse(at)
			if got.Node.Name != test.want || !got.Node.Is("OctopusServerNodes-"+test.want) || got.Verified != test.verified || got.Remote != u.Host {
				t.Errorf("%+v", got)
			}
			if got.Node.InMaintenanceMode != test.node.Maintenance || got.Node.Offline != test.node.Offline || got.Node.LastSeen.IsZero() {
				t.Errorf("%+v", got.Node)
			}
		})
	}
}

// TestTheHeaderNamesANode, whatever the answer is, and exactly.
func TestTheHeaderNamesANode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"with 401":               {401, `{"ErrorMessage":"no"}`, "octo7"},
		"with a page":            {404, "<html>", "octo7"},
		"with JSON of another":   {200, `{"name":"","ok":true}`, "octo7"},
		"beside a name":          {200, `{"Id":"OctopusServerNodes-a\u0007b","Name":" octo\u001b[31m8 ","LastSeen":"yesterday"}`, " octo\x1b[31m8 "},
		"with 500 and a name":    {500, `{"Name":"octo8"}`, "octo7"},
		"with what is not JSON":  {200, "{", "octo7"},
		"with JSON that is none": {418, `["octo8"]`, "octo7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Octopus-Node", "octo7")
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			got, err := AskNode(deadline(t, time.Minute), Options{Server: server.URL})
			if err != nil || got.Node.Name != test.want || !got.Verified {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestAWebPortIsAskedOnceAndRedirectsNowhere(t *testing.T) {
	t.Parallel()
	elsewhere := startCluster(t, octotest.Options{})
	cluster := startCluster(t, octotest.Options{})
	for name, fault := range map[string]octotest.APIFault{
		"not available": {HTML: true, Status: 503},
		"a redirect":    {RedirectTo: elsewhere.URL()},
	} {
		cluster.ResetRequests()
		cluster.SetAPIFault(fault)
		_, err := AskNode(deadline(t, time.Minute), Options{Server: cluster.URL()})
		mustSay(t, err, strings.TrimPrefix(cluster.URL(), "http://"))
		if n := len(cluster.Requests()); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
	if len(elsewhere.Requests()) > 0 {
		t.Errorf("another host was asked: %+v", elsewhere.Requests())
	}
	_, err := AskNode(deadline(t, time.Minute), Options{Server: "http://" + freeAddress(t)})
	if _, is := errors.AsType[*UnreachableError](err); !is {
		t.Errorf("where nothing listens: %v", err)
	}
}

func TestThroughAProxyNobodyTellsWhereAConnectionLeads(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{TLS: true})
	proxy := startProxy(t, 0)
	through := throughProxy(proxy.Address(), proxyUser)
	got, err := AskNode(deadline(t, time.Minute), Options{Server: cluster.URL(), RootCAs: rootsOf(cluster), Proxy: through})
	if err != nil || got.Node.Name != "node1" || got.Remote != "" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, proxied := range []bool{false, true} {
		o := PortOptions{timing: quick, Proxy: func(*url.URL) (*url.URL, error) { return nil, nil }}
		if proxied {
			o.Proxy = through
		}
		ports, err := TryPorts(deadline(t, time.Minute), cluster.Addresses(), o)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range ports {
			want := strings.TrimPrefix(cluster.Addresses()[i], "https://")
			if proxied {
				want = ""
			}
			if p.Remote != want {
				t.Errorf("through a proxy %v: %s leads to %q", proxied, p.Address, p.Remote)
			}
		}
	}
}

func TestTwoNamesOfOnePortLeadToOnePlace(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{NodeCount: 1, Host: func(int) string { return "127.0.0.1" }, Nodes: []string{"127.0.0.1:0"}, APIAddress: "127.0.0.1:0"})
	address := cluster.Addresses()[0]
	ports, err := TryPorts(deadline(t, time.Minute), []string{address, strings.Replace(address, "127.0.0.1", "localhost", 1)}, PortOptions{timing: quick})
	if err != nil || ports[0].Remote == "" || ports[0].Remote != ports[1].Remote {
		t.Errorf("%+v, %v", ports, err)
	}
}

func TestATaskNamesItsNodeByIDOrName(t *testing.T) {
	n := Node{ID: "OctopusServerNodes-Octo1", Name: "Octo1"}
	for node, want := range map[string]bool{
		"OctopusServerNodes-octo1": true, "octo1": true, "OCTO1": true, "octopusservernodes-OCTO1": true,
		"octo10": false, "OctopusServerNodes-octo10": false, "": false, "OctopusServerNodes-": false,
	} {
		if n.Is(node) != want {
			t.Errorf("%q: %v", node, !want)
		}
	}
	if (Node{Name: "octo1"}).Is("") || !(Node{Name: "octo1"}).Is("OctopusServerNodes-octo1") {
		t.Error("without an ID")
	}
}

func TestWhetherQueuesAreSharedIsUnknownWhereThatIsRefused(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{SharedQueues: true})
	at := webPortOf(t, cluster, 2)
	for status, known := range map[int]bool{0: true, 200: true, 404: true, 401: false, 403: false, 500: false} {
		cluster.SetNodeQueues(2, status)
		said := AskQueues(deadline(t, time.Minute), Options{Server: at, timing: quick})
		if (said.Err == nil) != known || said.Shared != (status == 0 || status == 200) || known && said.Node != "node2" {
			t.Errorf("%d: %+v", status, said)
		}
	}
	mustCarryNoCredential(t, cluster)
}

package octoapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestIgnoreSSLErrorsIsForTheServerAndNotForAProxy(t *testing.T) {
	var asked atomic.Int32
	proxy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	through, err := url.Parse(strings.Replace(proxy.URL, "https://", "https://user:password@", 1))
	if err != nil {
		t.Fatal(err)
	}
	cluster := startCluster(t, octotest.Options{TLS: true})
	for _, server := range []string{cluster.URL(), strings.Replace(cluster.URL(), "https:", "http:", 1)} {
		err := ask(t.Context(), newClient(t, Options{Server: server, IgnoreSSLErrors: true, Proxy: ProxyFunc(through)}))
		if err == nil || !strings.Contains(err.Error(), "is not trusted") || asked.Load() > 0 {
			t.Errorf("%s: the proxy was asked %d times; %v", server, asked.Load(), err)
		}
	}
	if err := ask(t.Context(), newClient(t, Options{Server: cluster.URL(), IgnoreSSLErrors: true})); err != nil {
		t.Errorf("the server itself: %v", err)
	}
	tunnel := startProxy(t, 0)
	if err := ask(t.Context(), newClient(t, Options{Server: cluster.URL(), IgnoreSSLErrors: true, Proxy: throughProxy(tunnel.Address(), proxyUser)})); err != nil {
		t.Errorf("the server behind a proxy: %v", err)
	}
}

func TestNothingInAnAddressBecomesAHeader(t *testing.T) {
	for _, address := range []string{"https://octo1:10943\r\nX-Evil: y", "https://octo1%0d%0aX-Evil:10943", "https://[fe80::1%25%0d%0aX]:10943", "https://octo1:10943@evil:10943"} {
		if u, err := portURL(address); err == nil {
			t.Errorf("%q is taken for %s", address, u.Host)
		}
	}
}

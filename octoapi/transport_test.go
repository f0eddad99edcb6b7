package octoapi

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
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

func TestAnAnswerThatUnpacksToTooMuchIsRefused(t *testing.T) {
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 256 {
		if _, err := packer.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := packer.Close(); err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(status)
			_, _ = w.Write(bomb.Bytes())
		}))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := ask(t.Context(), newClient(t, Options{Server: server.URL}))
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
			t.Errorf("%d: %v", status, err)
		}
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 200 {
			t.Errorf("%d: it took %d MiB", status, used)
		}
		server.Close()
	}
}

func TestNothingInAnAddressBecomesAHeader(t *testing.T) {
	for _, address := range []string{"https://octo1:10943\r\nX-Evil: y", "https://octo1%0d%0aX-Evil:10943", "https://[fe80::1%25%0d%0aX]:10943", "https://octo1:10943@evil:10943"} {
		if u, err := portURL(address); err == nil {
			t.Errorf("%q is taken for %s", address, u.Host)
		}
	}
}

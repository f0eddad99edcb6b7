package octoapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpproxy"
)

// ProxyFunc says which proxy leads to an address: the explicit one, which may carry a user name and password, for every address; or,
// when that is nil, the one the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) named when ProxyFunc was called.
func ProxyFunc(explicit *url.URL) func(*url.URL) (*url.URL, error) {
	if explicit != nil {
		return func(*url.URL) (*url.URL, error) { return explicit, nil }
	}
	return httpproxy.FromEnvironment().ProxyFunc()
}

// proxyError is a proxy's refusal to connect through to another host.
type proxyError struct {
	proxy  string // host:port
	target string // host:port
	status int
}

func (e *proxyError) Error() string {
	if e.status == http.StatusProxyAuthRequired {
		return fmt.Sprintf("the proxy %s wants a user name and password (407)\n  give them with polling-proxy --proxyUsername and --proxyPassword, or in HTTPS_PROXY", e.proxy)
	}
	return fmt.Sprintf("the proxy %s did not connect to %s: it answered %d %s\n  check that the proxy may reach that port; one that HTTPS_PROXY or HTTP_PROXY names is not used for hosts in NO_PROXY",
		e.proxy, e.target, e.status, http.StatusText(e.status))
}

// proxyAnswered gives net/http's own CONNECT the same error that connectThrough has.
func proxyAnswered(_ context.Context, proxy *url.URL, request *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{proxy: proxy.Host, target: request.Host, status: answer.StatusCode}
}

// proxyAuthorization is the value of the header for the user in the proxy's URL, "" when there is none.
func proxyAuthorization(proxy *url.URL) string {
	if proxy.User == nil {
		return ""
	}
	password, _ := proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password))
}

// proxyFor asks the function, whose own error may repeat a proxy's password.
func proxyFor(f func(*url.URL) (*url.URL, error), target *url.URL) (*url.URL, error) {
	proxy, err := f(target)
	if err != nil {
		return nil, errors.New("the proxy that HTTPS_PROXY or HTTP_PROXY names is not an address: it should look like http://proxy.example.com:3128")
	}
	return proxy, nil
}

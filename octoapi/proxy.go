package octoapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpproxy"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// ProxyFunc says which proxy leads to an address: the explicit one, which may carry a user name and
// password, for every address; or, when that is nil, the one the environment (HTTPS_PROXY,
// HTTP_PROXY, NO_PROXY) named when ProxyFunc was called.
func ProxyFunc(explicit *url.URL) func(*url.URL) (*url.URL, error) {
	if explicit != nil {
		return func(*url.URL) (*url.URL, error) { return explicit, nil }
	}
	return httpproxy.FromEnvironment().ProxyFunc()
}

// ProxyError is a proxy's refusal to connect to another host.
type ProxyError struct {
	Proxy  string // host:port
	Target string // host:port; "" when the proxy was to pass on a request
	Status int    // of HTTP; 407 when it wants a user name and password
}

func (e *ProxyError) Error() string {
	if e.Status == http.StatusProxyAuthRequired {
		return fmt.Sprintf("the proxy %s requires a user name and password (407)", e.Proxy)
	}
	return fmt.Sprintf("the proxy %s did not connect to %s: it responded with %d %s", e.Proxy, e.Target, e.Status, http.StatusText(e.Status))
}

// Hints says what the proxy may miss.
func (e *ProxyError) Hints() []string {
	if e.Status == http.StatusProxyAuthRequired {
		return nil
	}
	return []string{"check that the proxy may reach that port; a proxy from HTTPS_PROXY or HTTP_PROXY is not used for hosts in NO_PROXY"}
}

// proxyAnswered gives net/http's own CONNECT the same error that connectThrough has.
func proxyAnswered(_ context.Context, proxy *url.URL, request *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Host, Target: request.Host, Status: answer.StatusCode}
}

// proxyAuthorization is the value of the header for the user in the proxy's URL, "" when there is
// none.
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
		return nil, hint.New("the proxy in HTTPS_PROXY or HTTP_PROXY is not a valid address",
			"it must look like http://proxy.example.com:3128")
	}
	return proxy, nil
}

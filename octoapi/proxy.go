package octoapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// ProxyFunc says which proxy leads to an address: the explicit one, which may carry a user name and
// password, for every address; or, when that is nil, the one that the environment (HTTPS_PROXY,
// HTTP_PROXY, NO_PROXY) named when ProxyFunc was called, or that of the system, on Windows, where
// the environment names none. The error of the function is a *ProxyAddressError: what cannot be
// used is not passed by, since the direct way may be one that nobody allows.
func ProxyFunc(explicit *url.URL) func(*url.URL) (*url.URL, error) {
	if explicit != nil {
		return func(*url.URL) (*url.URL, error) { return explicit, nil }
	}
	environment := httpproxy.FromEnvironment()
	if environment.HTTPSProxy == "" && environment.HTTPProxy == "" {
		return systemProxy
	}
	unusable := map[string]error{}
	environment.HTTPSProxy = usableProxy(environment.HTTPSProxy, "HTTPS_PROXY", unusable)
	environment.HTTPProxy = usableProxy(environment.HTTPProxy, "HTTP_PROXY", unusable)
	choose := environment.ProxyFunc()
	return func(target *url.URL) (*url.URL, error) {
		proxy, err := choose(target)
		if err == nil && proxy != nil {
			err = unusable[proxy.Hostname()]
		}
		if err != nil {
			return nil, err
		}
		return proxy, nil
	}
}

// usableProxy is the address of a proxy; instead of one that cannot be used, it is a name that
// stands for it among the unusable ones: httpproxy would pass by the proxy without a word.
func usableProxy(address, variable string, unusable map[string]error) string {
	if address == "" {
		return ""
	}
	complete := address
	if !strings.Contains(address, "://") { // host:port, as curl takes it, too
		complete = "http://" + address
	}
	u, err := url.Parse(complete)
	port := 0
	if err == nil && u.Port() != "" {
		port, err = strconv.Atoi(u.Port())
	}
	known := err == nil && slices.Contains([]string{"http", "https", "socks5", "socks5h"}, strings.ToLower(u.Scheme))
	if known && u.Hostname() != "" && port >= 0 && port <= 65535 {
		return complete
	}
	standIn := strings.ToLower(variable) + ".invalid"
	unusable[standIn] = &ProxyAddressError{Variable: variable}
	return "http://" + standIn
}

// ProxyAddressError is a setting of the environment that should be the address of a proxy, and is
// none. It does not repeat the setting, which may have a password in it.
type ProxyAddressError struct{ Variable string } // HTTPS_PROXY or HTTP_PROXY, in upper case

func (e *ProxyAddressError) Error() string {
	return "the proxy in " + e.Variable + " is not a valid address"
}

// Hints shows one.
func (e *ProxyAddressError) Hints() []string {
	return []string{"it must look like http://proxy.example.com:3128, with a % or @ in a user name or password written as %25 or %40"}
}

// ProxyError is a proxy's refusal to connect to another host.
type ProxyError struct {
	Proxy  string // host:port
	Target string // host:port; "" when the proxy was to pass on a request
	Status int    // of HTTP; 407 when it wants a user name and password
	Given  bool   // a user name was given to it
}

func (e *ProxyError) Error() string {
	switch {
	case e.Status == http.StatusProxyAuthRequired && e.Given:
		return fmt.Sprintf("the proxy %s does not accept the user name and password (407)", e.Proxy)
	case e.Status == http.StatusProxyAuthRequired:
		return fmt.Sprintf("the proxy %s requires a user name and password (407)", e.Proxy)
	}
	return fmt.Sprintf("the proxy %s did not connect to %s: it responded with %s", e.Proxy, e.Target, statusText(e.Status))
}

// Hints says what the proxy may miss.
func (e *ProxyError) Hints() []string {
	if e.Status == http.StatusProxyAuthRequired {
		return nil
	}
	return []string{"check that the proxy may reach that port; a proxy from HTTPS_PROXY or HTTP_PROXY is not used for hosts in NO_PROXY"}
}

// statusText is a status of HTTP with its name, if it has one.
func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// proxyAnswered gives net/http's own CONNECT the same error that connectThrough has.
func proxyAnswered(_ context.Context, proxy *url.URL, request *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Host, Target: request.Host, Status: answer.StatusCode, Given: proxy.User != nil}
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

// proxyFor asks the function. An error of another one than that of ProxyFunc may repeat a proxy's
// password.
func proxyFor(f func(*url.URL) (*url.URL, error), target *url.URL) (*url.URL, error) {
	proxy, err := f(target)
	if err != nil && !errors.As(err, new(*ProxyAddressError)) {
		return nil, &ProxyAddressError{Variable: "HTTPS_PROXY or HTTP_PROXY"}
	}
	return proxy, err
}

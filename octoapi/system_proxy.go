package octoapi

import (
	"net"
	"net/url"
	"path"
	"strings"
)

// SystemProxy is the proxy that the operating system has for an address, nil for none. Only Windows
// has one: that of the account which runs this program.
func SystemProxy(target *url.URL) (*url.URL, error) { return systemProxy(target) }

// proxyList is the list of proxies in a person's settings, as Windows keeps them (WinINET).
// Tentacle goes by them where it uses the "default proxy" (Configuration/ProxyConfigParser.cs).
type proxyList struct {
	list   string // host:port, or one for each scheme, like http=proxy1:80;https=proxy2:8080
	bypass string // hosts that are reached directly: names with * and ?, and <local>
}

// listed is the proxy that the list has for an address, nil for none.
func (l proxyList) listed(target *url.URL) *url.URL {
	if l.bypasses(target) {
		return nil
	}
	return chosenProxy(l.list, target.Scheme)
}

// bypasses says whether an address is reached directly. This machine always is.
func (l proxyList) bypasses(target *url.URL) bool {
	host := strings.ToLower(target.Hostname())
	ip := net.ParseIP(host)
	if host == "localhost" || ip.IsLoopback() {
		return true
	}
	for _, entry := range splitProxies(strings.ToLower(l.bypass)) {
		if entry == "<local>" {
			if ip == nil && !strings.Contains(host, ".") {
				return true
			}
			continue
		}
		if scheme, rest, has := strings.Cut(entry, "://"); has {
			if scheme != target.Scheme {
				continue
			}
			entry = rest
		}
		if name, port, err := net.SplitHostPort(entry); err == nil {
			if port != target.Port() {
				continue
			}
			entry = name
		}
		if matches, err := path.Match(strings.Trim(entry, "[]"), host); err == nil && matches { // no host has a slash
			return true
		}
	}
	return false
}

// chosenProxy is the proxy in a list for addresses of a scheme, nil for none.
func chosenProxy(list, scheme string) *url.URL {
	for _, entry := range splitProxies(list) {
		if of, rest, has := strings.Cut(entry, "="); has {
			if !strings.EqualFold(of, scheme) {
				continue
			}
			entry = rest
		}
		if !strings.Contains(entry, "://") {
			entry = "http://" + entry
		}
		if proxy, err := url.Parse(entry); err == nil && proxy.Host != "" {
			return &url.URL{Scheme: proxy.Scheme, Host: proxy.Host}
		}
	}
	return nil
}

// splitProxies splits a list as WinINET does.
func splitProxies(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("; ,\t\r\n", r) })
}

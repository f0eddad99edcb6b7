package commands

import (
	"io"
	"testing"
)

func TestAProxyHostIsUnderstoodInEverySpelling(t *testing.T) {
	for _, test := range []struct{ host, port, wantHost, wantPort string }{
		{"proxy", "", "proxy", ""},
		{"proxy", "3128", "proxy", "3128"},
		{" Proxy.Example.COM ", "", "proxy.example.com", ""},
		{"http://proxy:3128/", "", "proxy", "3128"},
		{"https://proxy", "80", "proxy", "80"},
		{"proxy:3128", "3128", "proxy", "3128"},
		{"10.0.0.1", "", "10.0.0.1", ""},
		{"::1", "8080", "[::1]", "8080"},
		{"[::1]:8080", "", "[::1]", "8080"},
		{"", "8080", "", "8080"},
	} {
		o := proxyOptions{host: test.host, port: test.port, given: func(option string) bool { return option == "proxyPort" && test.port != "" }}
		host, port, err := o.hostAndPort(newConsole(nil, io.Discard, io.Discard))
		if host != test.wantHost || port != test.wantPort || err != nil {
			t.Errorf("%+v: %s, %s, %v", test, host, port, err)
		}
	}
	for _, host := range []string{"a b", "http://", "ftp://proxy", "http://u:p@proxy", "proxy/path", "proxy:0", "proxy:x"} {
		o := proxyOptions{host: host, given: func(string) bool { return false }}
		if got, port, err := o.hostAndPort(newConsole(nil, io.Discard, io.Discard)); err == nil {
			t.Errorf("%q was taken for %s, %s", host, got, port)
		}
	}
}

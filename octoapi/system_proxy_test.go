package octoapi

import (
	"net/url"
	"testing"
)

func TestTheListOfWindowsNamesTheProxy(t *testing.T) {
	for _, test := range []struct{ list, bypass, target, want string }{
		{"", "", "https://octo1:10943", ""},
		{"proxy:3128", "", "https://octo1:10943", "http://proxy:3128"},
		{"http://proxy:3128/", "", "https://octo1:10943", "http://proxy:3128"},
		{"proxy", "", "https://octo1:10943", "http://proxy"},
		{"http=a:80;https=b:81;ftp=c:82", "", "https://octo1:10943", "http://b:81"},
		{"http=a:80 https=b:81", "", "http://octo1", "http://a:80"},
		{"http=a:80", "", "https://octo1:10943", ""},
		{"socks=a:1080", "", "https://octo1:10943", ""},
		{"proxy:3128", "*.example.com;<local>", "https://octo1:10943", ""},
		{"proxy:3128", "*.example.com;<local>", "https://OCTO1.example.com:10943", ""},
		{"proxy:3128", "*.example.com;<local>", "https://octo1.example.org:10943", "http://proxy:3128"},
		{"proxy:3128", "<local>", "https://10.0.0.1:10943", "http://proxy:3128"},
		{"proxy:3128", "<local>", "https://[fd00::1]:10943", "http://proxy:3128"},
		{"proxy:3128", "10.*", "https://10.0.0.1:10943", ""},
		{"proxy:3128", "octo?", "https://octo1:10943", ""},
		{"proxy:3128", "octo1:443", "https://octo1:10943", "http://proxy:3128"},
		{"proxy:3128", "octo1:10943", "https://octo1:10943", ""},
		{"proxy:3128", "http://octo1", "https://octo1:10943", "http://proxy:3128"},
		{"proxy:3128", "https://octo1", "https://octo1:10943", ""},
		{"proxy:3128", "[", "https://octo1:10943", "http://proxy:3128"},
		{"proxy:3128", "", "https://127.0.0.1:10943", ""},
		{"proxy:3128", "", "https://[::1]:10943", ""},
		{"proxy:3128", "", "https://localhost:10943", ""},
		{"user:secret@proxy:3128", "", "https://octo1:10943", "http://proxy:3128"},
		{"://", "", "https://octo1:10943", ""},
	} {
		target, err := url.Parse(test.target)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if proxy := (proxyList{test.list, test.bypass}).listed(target); proxy != nil {
			got = proxy.String()
		}
		if got != test.want {
			t.Errorf("%s through %q, not for %q: %q, want %q", test.target, test.list, test.bypass, got, test.want)
		}
	}
}

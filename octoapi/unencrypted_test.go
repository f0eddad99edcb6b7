package octoapi

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestCredentialsThatGoOverHTTPToAnotherMachineAreToldOfOnce: a proxy stands for the network that
// leads there.
func TestCredentialsThatGoOverHTTPToAnotherMachineAreToldOfOnce(t *testing.T) {
	t.Parallel()
	cluster, secure := startCluster(t, octotest.Options{}), startCluster(t, octotest.Options{TLS: true})
	moves := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secure.URL()+r.URL.Path, http.StatusFound)
	}))
	defer moves.Close()
	for server, c := range map[string]struct {
		through     string
		credentials Credentials
		told        []CredentialKind
	}{
		"http://octopus.example.com": {cluster.URL(), Credentials{APIKey: octotest.APIKey}, []CredentialKind{WithAPIKey}},
		"http://203.0.113.1":         {cluster.URL(), Credentials{Username: octotest.Username, Password: octotest.Password}, []CredentialKind{WithPassword}},
		"http://moves.example.com":   {moves.URL, Credentials{APIKey: octotest.APIKey}, nil},
		cluster.URL():                {"", Credentials{APIKey: octotest.APIKey}, nil},
		secure.URL():                 {"", Credentials{APIKey: octotest.APIKey}, nil},
	} {
		var told []CredentialKind
		through := func(u *url.URL) (*url.URL, error) {
			if u.Scheme == "https" || strings.HasPrefix(u.Hostname(), "127.") {
				return nil, nil
			}
			return url.Parse(c.through)
		}
		client := newClient(t, Options{Server: server, Credentials: c.credentials, RootCAs: pool(t, secure), Proxy: through,
			Unencrypted: func(kind CredentialKind) { told = append(told, kind) }})
		limit, moves := time.Minute, strings.Contains(server, "moves")
		if moves {
			limit = time.Second // there is no way to the other, which is tried until then
		}
		err := ask(deadline(t, limit), client)
		if (err != nil) != moves {
			t.Errorf("%s: %v", server, err)
		}
		if !slices.Equal(told, c.told) {
			t.Errorf("%s: told of %v", server, told)
		}
	}
}

func TestWhatLeadsToThisMachineIsKnown(t *testing.T) {
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "a.localhost": true, "127.4.5.6": true, "::1": true, "::ffff:127.0.0.1": true,
		"octopus.example.com": false, "203.0.113.1": false, "localhost.example.com": false, "2001:db8::1": false,
	} {
		if isThisMachine(host) != want {
			t.Errorf("%s: %t", host, !want)
		}
	}
	for _, address := range own {
		if ip, _, err := net.ParseCIDR(address.String()); err == nil && !isThisMachine(ip.String()) {
			t.Errorf("%s is another machine's", ip)
		}
	}
}

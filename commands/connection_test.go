package commands

import (
	"net/url"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestAPollingPortIsTriedTheWayTheTentacleTakes(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://environment:3128")
	node := &url.URL{Scheme: "https", Host: "octo1.example.com:10943"}
	for _, c := range []struct {
		name        string
		proxy       tentacleconfig.Proxy
		goos        string
		want        string // "environment" where the choice is left to it
		environment bool
	}{
		{"default, Linux", tentacleconfig.Proxy{UseDefault: true}, "linux", "", false},
		{"default, Windows", tentacleconfig.Proxy{UseDefault: true}, "windows", "", true},
		{"default goes before a host", tentacleconfig.Proxy{UseDefault: true, Host: "own", Port: 80}, "linux", "", false},
		{"none", tentacleconfig.Proxy{}, "linux", "", false},
		{"its own", tentacleconfig.Proxy{Host: "own", Port: 3128}, "linux", "http://own:3128", false},
		{"its own, with a user, IPv6", tentacleconfig.Proxy{Host: "::1", Port: 80, Username: "u", Password: "p@ss"}, "linux", "http://u:p%40ss@[::1]:80", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			choose := pollingProxy(c.proxy, c.goos)
			if choose == nil {
				if !c.environment {
					t.Error("left to the environment")
				}
				return
			}
			got, err := choose(node)
			if err != nil {
				t.Fatal(err)
			}
			if text := ""; got != nil {
				if text = got.String(); text != c.want {
					t.Errorf("got %s, want %s", text, c.want)
				}
			} else if c.want != "" || c.environment {
				t.Errorf("got none, want %q", c.want)
			}
		})
	}
}

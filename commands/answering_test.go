package commands

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestOnlyWhatAChangeCanCutOffIsTried(t *testing.T) {
	a, b := strings.Repeat("A", 40), strings.Repeat("B", 40)
	polls := func(thumbprint, address string) tentacleconfig.TrustedServer {
		return tentacleconfig.TrustedServer{Thumbprint: thumbprint, Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: "poll://s/"}
	}
	listens := tentacleconfig.TrustedServer{Thumbprint: a, Style: tentacleconfig.StyleListening}
	list := func(servers ...tentacleconfig.TrustedServer) []tentacleconfig.TrustedServer { return servers }
	through := tentacleconfig.Proxy{Host: "proxy", Port: 80}
	for name, test := range map[string]struct {
		was, will pollingState
		want      []string
	}{
		"nothing changes": {pollingState{servers: list(polls(a, "https://o1:1"))}, pollingState{servers: list(polls(a, "https://o1:1"))}, nil},
		"another spelling": {
			pollingState{servers: list(polls(strings.ToLower(a), "http://O1:1/"))}, pollingState{servers: list(polls(a, "https://o1:1"))}, nil,
		},
		"an address is added":   {pollingState{servers: list(polls(a, "https://o1:1"))}, pollingState{servers: list(polls(a, "https://o2:1"), polls(a, "https://o1:1"))}, nil},
		"an address is removed": {pollingState{servers: list(polls(a, "https://o1:1"), polls(a, "https://o2:1"))}, pollingState{servers: list(polls(a, "https://o1:1"))}, []string{"https://o2:1"}},
		"another thumbprint":    {pollingState{servers: list(polls(a, "https://o1:1"))}, pollingState{servers: list(polls(b, "https://o1:1"))}, []string{"https://o1:1"}},
		"one of two thumbprints": {
			pollingState{servers: list(polls(a, "https://o1:1"), polls(b, "https://o1:1"))}, pollingState{servers: list(polls(b, "https://o1:1"))}, []string{"https://o1:1"},
		},
		"a second thumbprint":  {pollingState{servers: list(polls(a, "https://o1:1"))}, pollingState{servers: list(polls(a, "https://o1:1"), polls(b, "https://o1:1"))}, nil},
		"one of two equal":     {pollingState{servers: list(polls(a, "https://o1:1"), polls(a, "https://o1:1"))}, pollingState{servers: list(polls(a, "https://o1:1"))}, nil},
		"it only listens":      {pollingState{servers: list(listens)}, pollingState{}, nil},
		"another proxy":        {pollingState{servers: list(polls(a, "https://o1:1"), listens)}, pollingState{servers: list(polls(a, "https://o1:1"), listens), proxy: through}, []string{"https://o1:1"}},
		"a proxy of no use":    {pollingState{servers: list(polls(a, "https://o1:1"))}, pollingState{servers: list(polls(a, "https://o1:1")), proxyErr: errors.New("damaged")}, []string{"https://o1:1"}},
		"a proxy, and nothing": {pollingState{servers: list(listens)}, pollingState{servers: list(listens), proxy: through}, nil},
	} {
		var got []string
		for _, e := range endangeredAddresses(test.was, test.will) {
			got = append(got, e.address)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q is tried, not %q", name, got, test.want)
		}
	}
}

func TestWhetherAnAddressIsLostDependsOnHowItAnswersThen(t *testing.T) {
	a, b := strings.Repeat("A", 40), strings.Repeat("B", 40)
	silent := answered{err: &octoapi.PortError{Cause: "nothing listens"}}
	for name, test := range map[string]struct {
		after []string
		will  pollingState
		then  answered
		why   string
		lost  bool
	}{
		"as before":                   {[]string{a}, pollingState{}, answered{thumbprint: a}, "", false},
		"in lower case":               {[]string{strings.ToLower(a)}, pollingState{}, answered{thumbprint: a}, "", false},
		"under one of two":            {[]string{b, a}, pollingState{}, answered{thumbprint: a}, "", false},
		"not polled":                  {nil, pollingState{}, answered{thumbprint: a}, "", true},
		"under another":               {[]string{b}, pollingState{}, answered{thumbprint: a}, "presents " + a + ", but would be polled under " + b, true},
		"no answer through the proxy": {[]string{a}, pollingState{proxy: tentacleconfig.Proxy{Host: "::1", Port: 3128}}, silent, "does not answer through the proxy [::1]:3128: nothing listens", true},
		"no answer without one":       {[]string{a}, pollingState{}, silent, "does not answer without a proxy: nothing listens", true},
		"no answer through Windows'":  {[]string{a}, pollingState{proxy: tentacleconfig.Proxy{UseDefault: true}}, answered{err: errors.New("no")}, "does not answer through the system's proxy: no", true},
		"no proxy that can be used":   {[]string{a}, pollingState{proxyErr: errors.New("no key")}, answered{}, "could not be polled: no key", true},
	} {
		why, lost := endangered{address: "https://o1:1", after: test.after}.isLost(test.will, test.then)
		if why != test.why || lost != test.lost {
			t.Errorf("%s: %q, %v", name, why, lost)
		}
	}
}

func TestProxiesThatMakeNoDifferenceAreTheSame(t *testing.T) {
	none := tentacleconfig.Proxy{}
	full := tentacleconfig.Proxy{Host: "proxy", Port: 80, Username: "u", Password: "p"}
	for name, test := range map[string]struct {
		proxy tentacleconfig.Proxy
		goos  string
		want  tentacleconfig.Proxy
	}{
		"none":                           {tentacleconfig.Proxy{Port: 80, Username: "u"}, "linux", none},
		"the system's on Linux":          {tentacleconfig.Proxy{UseDefault: true, Port: 3128}, "linux", none},
		"the system's on Windows":        {tentacleconfig.Proxy{UseDefault: true, Port: 3128, Username: "u"}, "windows", tentacleconfig.Proxy{UseDefault: true}},
		"one with a user":                {full, "windows", full},
		"a password of no user":          {tentacleconfig.Proxy{Host: "proxy", Port: 80, Password: "p"}, "linux", tentacleconfig.Proxy{Host: "proxy", Port: 80}},
		"the system's, which goes first": {tentacleconfig.Proxy{UseDefault: true, Host: "proxy", Port: 80}, "linux", none},
	} {
		if got := usedProxy(test.proxy, test.goos); got != test.want {
			t.Errorf("%s: %#v", name, got)
		}
	}
}

func TestAnUnreadableProxyIsNoObjectionAndAnInterruptionIsOne(t *testing.T) {
	server := tentacleconfig.FormatTrustedServers([]tentacleconfig.TrustedServer{
		{Thumbprint: strings.Repeat("A", 40), Style: tentacleconfig.StylePolling, Address: "https://127.0.0.1:1", SubscriptionID: "poll://s/"},
	})
	document := func(settings ...tentacleconfig.Setting) *tentacleconfig.Document {
		d, err := tentacleconfig.Parse("Tentacle.config", []byte("<octopus-settings></octopus-settings>"))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range settings {
			d.Set(s.Key, s.Value)
		}
		return d
	}
	trust := tentacleconfig.Setting{Key: tentacleconfig.KeyTrustedServers, Value: server}
	a := &answering{console: newConsole(nil, io.Discard, io.Discard)}
	broken := document(trust, tentacleconfig.Setting{Key: tentacleconfig.KeyProxyPort, Value: "x"})
	if err := a.refuse(t.Context(), broken, document()); err != nil || len(a.tried) > 0 {
		t.Errorf("%v, tried %v", err, a.tried)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.refuse(canceled, document(trust), document()); err == nil {
		t.Error("an interrupted try is no reason to go on")
	}
}

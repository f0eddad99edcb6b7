package commands

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// These thumbprints are of the cluster, of its certificate from before, and of another cluster.
var ours, former, theirs = strings.Repeat("A", 40), strings.Repeat("B", 40), strings.Repeat("C", 40)

func pollsAt(thumbprint, address string) tentacleconfig.TrustedServer {
	return tentacleconfig.TrustedServer{Thumbprint: thumbprint, Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: "poll://own/"}
}

func listensTo(thumbprint string) tentacleconfig.TrustedServer {
	return tentacleconfig.TrustedServer{Thumbprint: thumbprint, Style: tentacleconfig.StyleListening}
}

func TestNothingElseOfTheClusterIsLeft(t *testing.T) {
	one, two := "https://octo1:10943", "https://octo2:10943"
	for name, c := range map[string]struct {
		exact     exactServers
		now, want []tentacleconfig.TrustedServer
	}{
		"a node that is not listed goes, under both thumbprints": {
			exact: exactServers{style: tentacleconfig.StylePolling, nodes: []string{one}},
			now:   []tentacleconfig.TrustedServer{pollsAt(ours, one), pollsAt(ours, two), pollsAt(former, two)},
			want:  []tentacleconfig.TrustedServer{pollsAt(ours, one)},
		},
		"without a list, every node stays": {
			exact: exactServers{style: tentacleconfig.StylePolling},
			now:   []tentacleconfig.TrustedServer{pollsAt(ours, one), pollsAt(ours, two)},
			want:  []tentacleconfig.TrustedServer{pollsAt(ours, one), pollsAt(ours, two)},
		},
		"a thumbprint that is not listed goes": {
			exact: exactServers{style: tentacleconfig.StylePolling, thumbprints: []string{ours}},
			now:   []tentacleconfig.TrustedServer{pollsAt(ours, one), pollsAt(former, one), listensTo(former)},
			want:  []tentacleconfig.TrustedServer{pollsAt(ours, one)},
		},
		"another cluster is left alone": {
			exact: exactServers{style: tentacleconfig.StylePolling, nodes: []string{one}, thumbprints: []string{ours}},
			now:   []tentacleconfig.TrustedServer{pollsAt(ours, one), pollsAt(theirs, two), listensTo(theirs)},
			want:  []tentacleconfig.TrustedServer{pollsAt(ours, one), pollsAt(theirs, two), listensTo(theirs)},
		},
		"who listens to the cluster does not poll it": {
			exact: exactServers{style: tentacleconfig.StyleListening},
			now:   []tentacleconfig.TrustedServer{pollsAt(ours, one), listensTo(ours), pollsAt(theirs, two)},
			want:  []tentacleconfig.TrustedServer{listensTo(ours), pollsAt(theirs, two)},
		},
	} {
		got := c.exact.of(decision{servers: c.now, thumbprint: ours, cluster: []string{ours, former}})
		if !slices.EqualFunc(got.servers, c.want, tentacleconfig.TrustedServer.Equal) {
			t.Errorf("%s:\ngot  %v\nwant %v", name, got.servers, c.want)
		}
	}
}

func TestAClusterThatIsNotPolledYetIsPolledOnlyWhereThatIsAskedFor(t *testing.T) {
	nodes := []string{"https://octo1:10943", "https://octo2:10943"}
	for name, now := range map[string][]tentacleconfig.TrustedServer{
		"nobody is trusted":        nil,
		"it is listened to":        {listensTo(ours)},
		"another cluster is there": {pollsAt(theirs, "https://other:10943")},
	} {
		p := polling{addresses: nodes, replace: true}.of(ours, nil)
		if _, err := p.decide(now); err == nil {
			t.Errorf("%s: it polls without being asked", name)
		}
		p.begins = "poll://new/"
		d, err := p.decide(now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, node := range nodes {
			want := tentacleconfig.TrustedServer{Thumbprint: ours, Style: tentacleconfig.StylePolling, Address: node, SubscriptionID: "poll://new/"}
			if !slices.ContainsFunc(d.servers, want.Equal) {
				t.Errorf("%s: %s is not polled: %v", name, node, d.servers)
			}
		}
		if len(d.servers) != len(now)+len(nodes) {
			t.Errorf("%s: got %v", name, d.servers)
		}
		again, err := p.decide(d.servers)
		if err != nil || !tentacleconfig.Diff(d.servers, again.servers).Empty() {
			t.Errorf("%s: the second time, %v (%v)", name, again.servers, err)
		}
	}
}

func TestATentacleOpensItsPortAsTheFileSays(t *testing.T) {
	polls, connected := []tentacleconfig.TrustedServer{pollsAt(ours, "https://octo1:10943")}, []tentacleconfig.TrustedServer{pollsAt(ours, "https://octo1:10943"), listensTo(theirs)}
	for _, c := range []struct {
		file    string
		servers []tentacleconfig.TrustedServer
		want    string // "" is left alone
	}{
		{"communication: listening", polls, "listens"},
		{"communication: polling", polls, "does not"},
		{"communication: polling", nil, "does not"},
		{"communication: polling", connected, ""},
		{"{communication: polling, listen: {port: 10933}}", polls, "listens"},
		{"{communication: polling, listen: false}", connected, "does not"},
		{"listen: false", polls, "does not"},
		{"listen: {port: 10933}", polls, ""},
		{"instance: web", connected, ""},
	} {
		f, err := tentaclefile.Read("test", []byte(c.file))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if listens, known := wishesToListen(f, c.servers); known {
			got = map[bool]string{true: "listens", false: "does not"}[listens]
		}
		if got != c.want {
			t.Errorf("%s, %v: %q, want %q", c.file, c.servers, got, c.want)
		}
	}
}

func TestASettingThatMeansTheSameKeepsItsSpelling(t *testing.T) {
	folder := t.TempDir()
	apps, config := filepath.Join(folder, "apps"), filepath.Join(folder, "Tentacle.config")
	f, err := tentaclefile.Read("test", fmt.Appendf(nil, `{home: '%s', applications: '%s', listen: {port: 10933, address: any},
		pollingConnectionCount: 5, pollingProxy: {host: Proxy.example.com, port: 80, user: ""}}`, folder, apps+string(filepath.Separator)))
	if err != nil {
		t.Fatal(err)
	}
	set := func(settings ...tentacleconfig.Setting) []settingEntry {
		document, err := tentacleconfig.New(config, settings...)
		if err != nil {
			t.Fatal(err)
		}
		before := document.Settings()
		wishedSettings(f, config).set(document)
		return settingsChanged(before, document.Settings())
	}
	if changed := set(
		tentacleconfig.Setting{Key: tentacleconfig.KeyHome, Value: "."},
		tentacleconfig.Setting{Key: tentacleconfig.KeyApplicationDirectory, Value: apps},
		tentacleconfig.Setting{Key: tentacleconfig.KeyPollingConnectionCount, Value: "05"},
		tentacleconfig.Setting{Key: tentacleconfig.KeyProxyHost, Value: "PROXY.example.com"},
		tentacleconfig.Setting{Key: tentacleconfig.KeyUseDefaultProxy, Value: "False"},
	); len(changed) > 0 {
		t.Errorf("it changes %v", changed)
	}
	var keys []string
	for _, s := range set() {
		keys = append(keys, s.Key)
	}
	want := []string{tentacleconfig.KeyHome, tentacleconfig.KeyProxyHost, tentacleconfig.KeyUseDefaultProxy, tentacleconfig.KeyPollingConnectionCount, tentacleconfig.KeyApplicationDirectory}
	slices.Sort(keys)
	slices.Sort(want)
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("of a new file it sets (-want +got)\n%s", diff)
	}
}

func TestAPlanReadsWhatItWouldEncrypt(t *testing.T) {
	document, err := tentacleconfig.New("/etc/octopus/web/Tentacle.config")
	if err != nil {
		t.Fatal(err)
	}
	document.Secrets = plannedSecrets{nil, map[string][]byte{}}
	for _, secret := range []string{"one", "two", "one"} {
		text, err := document.Secrets.Encrypt([]byte(secret))
		if err != nil || strings.Contains(text, secret) {
			t.Fatalf("%q, %v", text, err)
		}
		if plain, err := document.Secrets.Decrypt(text); string(plain) != secret || err != nil {
			t.Errorf("%q, %v", plain, err)
		}
	}
}

// TestAServerIsTheSameHoweverItsAddressIsWritten: another one than that of the file is a move.
func TestAServerIsTheSameHoweverItsAddressIsWritten(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://octopus.example.com", "https://octopus.example.com/", true},
		{"https://octopus.example.com", "HTTPS://Octopus.example.com", true},
		{"https://octopus.example.com", "https://octopus.example.org", false},
		{"https://octopus.example.com", "http://octopus.example.com", false},
		{"https://octopus.example.com/a", "https://octopus.example.com/b", false},
		{"https://octopus.example.com", "https://", false},
		{"https://", "https://", false},
	} {
		if sameServer(c.a, c.b) != c.same || sameServer(c.b, c.a) != c.same {
			t.Errorf("%s and %s: %t", c.a, c.b, !c.same)
		}
	}
}

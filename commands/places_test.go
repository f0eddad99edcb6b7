package commands

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// polledAt are entries that poll these addresses; "" is one that trusts a listening server.
func polledAt(addresses ...string) (servers []tentacleconfig.TrustedServer) {
	for _, address := range addresses {
		s := tentacleconfig.TrustedServer{Thumbprint: strings.Repeat("A", 40), Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: "poll://abc/"}
		if address == "" {
			s = tentacleconfig.TrustedServer{Thumbprint: s.Thumbprint, Style: tentacleconfig.StyleListening}
		}
		servers = append(servers, s)
	}
	return servers
}

// TestWhatTheNextStartOfAnAgentDoes: the expected ends are those of the start script in the
// recordings of the agent (script-address-changes, clear-forms, entries-without-address,
// clear-bad-keep).
func TestWhatTheNextStartOfAnAgentDoes(t *testing.T) {
	t.Parallel()
	const a, b, c = "https://a:10943", "https://b:10943", "https://c:10943"
	for _, test := range []struct {
		name       string
		one, many  string
		servers    []tentacleconfig.TrustedServer
		registers  bool
		want       []string
		end        startEnd
		reasonHas  string
		wantsFirst string
	}{
		{name: "nothing changes", many: a + "," + b, servers: polledAt(a, b), want: []string{a, b}, wantsFirst: a},
		{name: "the first is kept, the others follow", many: a + "," + c, servers: polledAt(a, b), want: []string{a, c}, wantsFirst: a},
		{name: "the first is not there: the trap", many: c + "," + a, servers: polledAt(a, b), want: []string{}, end: startEndsTrust, wantsFirst: c},
		{name: "one address that is not there", many: c, servers: polledAt(a), want: []string{}, end: startEndsTrust, wantsFirst: c},
		{name: "the single one goes first", one: c, many: a, servers: polledAt(a), want: []string{}, end: startEndsTrust, wantsFirst: c},
		{name: "the single one beside the list", one: c, many: a, servers: polledAt(c), want: []string{c, a}, wantsFirst: c},
		{name: "another spelling", many: "http://A:10943/," + b, servers: polledAt(a, b), want: []string{a, b}, wantsFirst: "http://A:10943/"},
		{name: "an address twice", many: a + "," + a + "/", servers: polledAt(a), want: []string{a}, wantsFirst: a},
		{name: "an entry without address", many: a, servers: polledAt(a, ""), want: []string{}, end: startFails, reasonHas: "has no address", wantsFirst: a},
		{name: "no address at the beginning", many: "," + a, servers: polledAt(a), want: []string{}, end: startFails, reasonHas: `"", the first address`},
		{name: "a name instead of an address", many: "octo1", servers: polledAt(a), want: []string{}, end: startFails, reasonHas: `"octo1", the first address`, wantsFirst: "octo1"},
		{name: "it has lost its entries", many: a + "," + b, want: []string{}, end: startEndsTrust, wantsFirst: a},
		{name: "it is not registered", many: a + "," + b, registers: true, want: []string{a, b}, wantsFirst: a},
		{name: "it listens", servers: polledAt("")},
	} {
		environment := kubernetes.Addresses{One: test.one}
		if test.many != "" {
			environment.Many = strings.Split(test.many, ",")
		}
		got := startOf(environment, test.servers, !test.registers)
		if diff := cmp.Diff(test.want, got.polls); diff != "" || got.end != test.end || !strings.Contains(got.reason, test.reasonHas) || got.first != test.wantsFirst {
			t.Errorf("%s: first %q, end %d, reason %q; polls (-want +got):\n%s", test.name, got.first, got.end, got.reason, diff)
		}
	}
}

func TestTheDiagnosisOfTheFourPlaces(t *testing.T) {
	t.Parallel()
	const a, b = "https://a:10943", "https://b:10943"
	agent := suggest.Tentacle{Agent: suggest.Agent{Namespace: "octopus"}, Instance: tentacleconfig.Instance{ConfigPath: "configmap/octopus/tentacle-config"}, GOOS: "linux"}
	for _, test := range []struct {
		name     string
		places   places
		newAgent bool
		want     []string // the beginning of each text, with 1 if there is a fix
	}{
		{"all agree", places{[]string{a, b}, []string{a, b}, []string{b, a}, []string{a, b}}, false, nil},
		{"nothing is known of two", places{nil, []string{a}, []string{a}, nil}, false, nil},
		{"another spelling", places{[]string{"https://A:10943/"}, []string{a}, []string{a}, nil}, false, nil},
		{"the trap", places{[]string{a}, []string{a}, []string{b}, []string{b}}, false, []string{"The next start ends all trust 1"}},
		{"it has snapped", places{[]string{a}, []string{a}, []string{}, []string{}}, false, []string{"The list in configmap/octopus/tentacle-config is empty 1"}},
		{"it has snapped, and the former pod runs", places{[]string{a}, []string{a}, []string{}, []string{a}}, false, []string{"The list in configmap/octopus/tentacle-config is empty 1", "The agent started before the ConfigMap was changed: until its next start it polls https://a:10943 0"}},
		{"an address is missing", places{[]string{a, b}, []string{a, b}, []string{a}, []string{a}}, false, []string{"The ConfigMap and the environment differ: the next start adds https://b:10943 1"}},
		{"one too many", places{[]string{a}, []string{a}, []string{a, b}, []string{a, b}}, false, []string{"The ConfigMap and the environment differ: the next start drops https://b:10943 1"}},
		{"Helm will undo it", places{[]string{b}, []string{a}, []string{a}, []string{a}}, false, []string{"The Helm values and the environment differ 1"}},
		{"the fix is said once", places{[]string{b}, []string{a}, []string{a, b}, nil}, false, []string{"The ConfigMap and the environment differ 1", "The Helm values and the environment differ 0"}},
		{"started before the change", places{[]string{a, b}, []string{a, b}, []string{a, b}, []string{a}}, false, []string{"The agent started before the ConfigMap was changed: until its next start it polls https://a:10943 1"}},
		{"a restart would spring the trap", places{[]string{a}, []string{a}, []string{b}, []string{a}}, false, []string{"The next start ends all trust 1", "The agent started before 0"}},
		{"a new one", places{[]string{a}, []string{a}, []string{}, nil}, true, []string{"The agent is not registered 0"}},
	} {
		next := startOf(kubernetes.Addresses{Many: test.places.Environment}, polledAt(test.places.ConfigMap...), !test.newAgent)
		got := test.places.diagnose(next, !test.newAgent, agent, test.places.sync(&kubernetes.Agent{Release: &kubernetes.Release{}}, agent))
		ok := len(got) == len(test.want)
		for i := 0; ok && i < len(got); i++ {
			end := strings.LastIndex(test.want[i], " ")
			ok = strings.HasPrefix(got[i].Text, test.want[i][:end]) && map[bool]string{false: "0", true: "1"}[got[i].Command != ""] == test.want[i][end+1:]
		}
		if !ok {
			t.Errorf("%s: %+v, want %q", test.name, got, test.want)
		}
		for _, d := range got {
			if d.Command != "" && (len(suggest.Placeholders(d.Command)) > 0 || !strings.HasSuffix(d.Command, " --namespace=octopus")) {
				t.Errorf("%s: %s", test.name, d.Command)
			}
		}
	}
}

func TestOnlyThePlacesThatAreKnownAgree(t *testing.T) {
	t.Parallel()
	one := []string{"https://a:10943"}
	for _, test := range []struct {
		places places
		want   string
	}{
		{places{one, one, one, one}, "All four places have the same 1 address."},
		{places{nil, one, one, one}, "The environment, the ConfigMap and the running agent have the same 1 address."},
		{places{nil, one, one, nil}, "The environment and the ConfigMap have the same 1 address."},
	} {
		if got := test.places.agreement(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

// TestWhatOthersDeployIsPrepared: only they can roll the one list out.
func TestWhatOthersDeployIsPrepared(t *testing.T) {
	t.Parallel()
	const a, b = "https://a:10943", "https://b:10943"
	p := places{nil, []string{a}, []string{a, b}, nil}
	got := p.sync(&kubernetes.Agent{Owner: "Flux"}, suggest.Tentacle{Agent: suggest.Agent{Namespace: "octopus"}, GOOS: "linux"})
	if !strings.HasSuffix(got.Command, "sync-servers --server-comms-address="+a+","+b+" --prepare --namespace=octopus") || got.Open != "then roll out what it prints" {
		t.Errorf("%+v", got)
	}
}

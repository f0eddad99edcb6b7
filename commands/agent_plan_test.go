package commands

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// entriesAt are entries that poll: "1 2 3" is octo1 to octo3 under the thumbprint A…, and "1B"
// octo1 under B….
func entriesAt(text string) (servers []tentacleconfig.TrustedServer) {
	for word := range strings.FieldsSeq(text) {
		thumbprint := "A"
		if len(word) > 1 {
			word, thumbprint = word[:1], word[1:]
		}
		servers = append(servers, tentacleconfig.TrustedServer{
			Thumbprint: strings.Repeat(thumbprint, 40), Style: tentacleconfig.StylePolling, Address: "https://octo" + word + ":10943", SubscriptionID: "poll://g3662re9njtelsyfhm7t/",
		})
	}
	return servers
}

// shortly is what entriesAt takes.
func shortly(servers []tentacleconfig.TrustedServer) string {
	var words []string
	for _, s := range servers {
		words = append(words, strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(s.Address, "https://octo"), ":10943")+s.Thumbprint[:1], "A"))
	}
	return strings.Join(words, " ")
}

func addressesAt(text string) (addresses []string) {
	for _, s := range entriesAt(text) {
		addresses = append(addresses, s.Address)
	}
	return addresses
}

func TestHowAnAgentComesToAnotherList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                                           string
		configMap, environment, helm, pending, running string // running: "?" where it is not known
		wanted                                         string // of the command, "" for what it decides on
		decidesOn, together, inTheEnd                  string
		stages                                         string // with | between them
		restart, nothing                               bool
	}{
		{name: "all is as it should be", configMap: "1 2", environment: "1 2", helm: "1 2", running: "1 2",
			decidesOn: "1 2", together: "1 2", inTheEnd: "1 2", nothing: true},
		{name: "the same without a log", configMap: "1 2", environment: "1 2", helm: "1 2", running: "?",
			decidesOn: "1 2", together: "1 2", inTheEnd: "1 2", nothing: true},
		{name: "a node more", configMap: "1 2", environment: "1 2", helm: "1 2", running: "1 2", wanted: "1 2 3",
			decidesOn: "1 2", together: "1 2 3", inTheEnd: "1 2 3", stages: "1 2 3"},
		{name: "the first node goes", configMap: "1 2", environment: "1 2", helm: "1 2", running: "1 2", wanted: "2",
			decidesOn: "1 2", together: "2 1", inTheEnd: "2", stages: "2 1|2"},
		{name: "Helm has more than the ConfigMap: nothing of it is lost", configMap: "1", environment: "1 2", helm: "1 2", running: "1",
			decidesOn: "1 2", together: "1 2", inTheEnd: "1 2", restart: true},
		{name: "the ConfigMap has more than Helm", configMap: "1 2", environment: "1", helm: "1", running: "1 2",
			decidesOn: "1 2", together: "1 2", inTheEnd: "1 2", stages: "1 2"},
		{name: "the next start would end all trust", configMap: "2 3", environment: "1 2", helm: "1 2", running: "2 3",
			decidesOn: "2 3 1", together: "2 3 1", inTheEnd: "1 2 3", stages: "1 2 3"},
		{name: "the values alone differ", configMap: "1 2", environment: "1 2", helm: "1", running: "1 2",
			decidesOn: "1 2", together: "1 2", inTheEnd: "1 2", stages: "1 2"},
		{name: "an interrupted change is finished", configMap: "1 2 3", environment: "1 2 3", helm: "1 2", pending: "1 2 3", running: "?", wanted: "1 2 3",
			decidesOn: "1 2 3", together: "1 2 3", inTheEnd: "1 2 3", stages: "1 2 3"},
		{name: "the running agent is behind", configMap: "1 2", environment: "1 2", helm: "1 2", running: "1",
			decidesOn: "1 2", together: "1 2", inTheEnd: "1 2", restart: true},
		{name: "another thumbprint", configMap: "1 2", environment: "1 2", helm: "1 2", running: "1 2", wanted: "1B 2B",
			decidesOn: "1 2", together: "1B 2B", inTheEnd: "1B 2B", restart: true},
		{name: "two thumbprints stay at the first address", configMap: "1 2", environment: "1 2", helm: "1 2", running: "1 2", wanted: "1 2 1B 2B",
			decidesOn: "1 2", together: "1 2 1B 2B", inTheEnd: "1 1B 2", restart: true},
	} {
		l := agentLists{configMap: entriesAt(c.configMap), environment: addressesAt(c.environment), helm: addressesAt(c.helm)}
		if c.pending != "" {
			l.pending = [][]string{addressesAt(c.pending)}
		}
		if c.running != "?" {
			l.polls = []kubernetes.Poll{}
			for _, s := range entriesAt(c.running) {
				l.polls = append(l.polls, kubernetes.Poll{Address: s.Address + "/", Subscription: s.SubscriptionID, Thumbprint: s.Thumbprint})
			}
		}
		decidesOn := l.servers()
		wanted := decidesOn
		if c.wanted != "" {
			wanted = entriesAt(c.wanted)
		}
		p := l.plan(wanted)
		var stages []string
		for _, list := range p.stages {
			var entries []tentacleconfig.TrustedServer
			for _, address := range list {
				entries = append(entries, tentacleconfig.TrustedServer{Address: address, Thumbprint: "A"})
			}
			stages = append(stages, shortly(entries))
		}
		got := []any{shortly(decidesOn), shortly(p.together), shortly(p.servers), strings.Join(stages, "|"), p.restart, p.nothing()}
		if diff := cmp.Diff([]any{c.decidesOn, c.together, c.inTheEnd, c.stages, c.restart, c.nothing}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestAnEntryWithoutAddressIsDropped(t *testing.T) {
	t.Parallel()
	l := agentLists{configMap: append(entriesAt("1"), tentacleconfig.TrustedServer{Thumbprint: strings.Repeat("A", 40), Style: tentacleconfig.StyleListening}), environment: addressesAt("1"), helm: addressesAt("1")}
	if p := l.plan(l.servers()); shortly(p.servers) != "1" || !p.saves {
		t.Errorf("%+v", p)
	}
}

package tentacleconfig

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// polled is an entry: a letter for the thumbprint, the number of a node, and a letter for the
// subscription.
func polled(text string) TrustedServer {
	return TrustedServer{
		Thumbprint: strings.Repeat(text[:1], 40), Style: StylePolling,
		Address: "https://octo" + text[1:2] + ":10943", SubscriptionID: "poll://" + text[2:] + "/",
	}
}

func TestThumbprintsAreOfOneClusterWhereAnAddressIsPolledUnderBoth(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		list     string
		first    string
		cluster  string
		clusters string // all that are polled
	}{
		"one":                        {"A1x A2x", "A", "A", "A"},
		"none":                       {"", "A", "A", ""},
		"not trusted":                {"B1x", "A", "A", "B"},
		"a renewal":                  {"A1x A2x B1x B2x", "A", "A B", "A B"},
		"of the new one":             {"A1x A2x B1x B2x", "B", "B A", "A B"},
		"the first node alone":       {"A1x A2x B1x", "A", "A B", "A B"},
		"another address":            {"A1x B2x", "A", "A", "A/B"},
		"another subscription":       {"A1x B1y", "A", "A", "A/B"},
		"two clusters":               {"A1x C3z B1x C4z", "A", "A B", "A B/C"},
		"renewed twice":              {"A1x B1x B2x C2x", "A", "A B C", "A B C"},
		"renewed twice, backwards":   {"B2x C2x A1x B1x", "A", "A B C", "B C A"},
		"spelled in different ways":  {"A1x a1X", "A", "A", "A"},
		"another one, without entry": {"A1x", "D", "D", "A"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var list []TrustedServer
			for _, text := range strings.Fields(test.list) {
				list = append(list, polled(text))
			}
			list = append(list, TrustedServer{Thumbprint: strings.Repeat("E", 40), Style: StyleListening},
				TrustedServer{Thumbprint: strings.Repeat("F", 40), Style: StylePolling, Address: "https://octo1:10943"})
			letters := func(thumbprints []string) string {
				var text []string
				for _, one := range thumbprints {
					text = append(text, strings.Trim(one[:1], " "))
				}
				return strings.Join(text, " ")
			}
			if got := letters(ClusterOf(list, strings.Repeat(test.first, 40))); got != test.cluster {
				t.Errorf("the cluster has %s", got)
			}
			var clusters []string
			for _, cluster := range PolledClusters(list) {
				clusters = append(clusters, letters(cluster))
			}
			if got := strings.Join(clusters, "/"); got != test.clusters {
				t.Errorf("polled: %s", got)
			}
		})
	}
}

func TestTheThumbprintsGivenComeFirstAndOnce(t *testing.T) {
	t.Parallel()
	a, b := strings.Repeat("A", 40), strings.Repeat("B", 40)
	got := ClusterOf([]TrustedServer{polled("A1x"), polled("B1x")}, b, strings.ToLower(b))
	if diff := cmp.Diff([]string{b, a}, got); diff != "" {
		t.Error(diff)
	}
}

package commands

import (
	"errors"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// entriesOf makes trusted servers of texts: a letter for the thumbprint, the number of a node, of
// one that listens a 0, and a letter for the subscription, - for none.
func entriesOf(texts string) (list []tentacleconfig.TrustedServer) {
	for _, text := range strings.Fields(texts) {
		s := tentacleconfig.TrustedServer{Thumbprint: strings.Repeat(text[:1], 40), Style: tentacleconfig.StyleListening}
		if text[1] != '0' {
			s.Style, s.Address = tentacleconfig.StylePolling, "https://octo"+text[1:2]+":10943"
			if text[2] != '-' {
				s.SubscriptionID = "poll://" + text[2:] + "/"
			}
		}
		list = append(list, s)
	}
	return list
}

// textOf is the reverse of entriesOf.
func textOf(list []tentacleconfig.TrustedServer) string {
	var texts []string
	for _, s := range list {
		text := s.Thumbprint[:1] + "0"
		if s.Address != "" {
			text = s.Thumbprint[:1] + strings.TrimSuffix(strings.TrimPrefix(s.Address, "https://octo"), ":10943") + "-"
		}
		if s.SubscriptionID != "" {
			text = strings.TrimSuffix(text, "-") + strings.Trim(strings.TrimPrefix(s.SubscriptionID, "poll:"), "/")
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

// TestWhatIsPolledOfACluster has the cluster's thumbprints as they are told, by an API (A), by a
// file (A,B), or by nobody (-A: the one that is polled), and the nodes that are wanted.
func TestWhatIsPolledOfACluster(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		now, told, wanted string
		after             string // in addition to what is polled, with poll-server
		synced            string // with sync-servers; "" where it is the same
		fails             string
	}{
		"one more":                        {now: "A1x", told: "A", wanted: "1 2", after: "A1x A2x"},
		"without a key":                   {now: "A1x", told: "-A", wanted: "1 2", after: "A1x A2x"},
		"one for another":                 {now: "A1x", told: "A", wanted: "2", after: "A1x A2x", synced: "A2x"},
		"nothing":                         {now: "A1x A2x", told: "A", wanted: "2 1", after: "A1x A2x"},
		"each keeps its subscription":     {now: "A1x A2y", told: "A", wanted: "1 2 3", after: "A1x A2y A3x"},
		"other clusters stay":             {now: "A1x C1y C0", told: "A", wanted: "2", after: "A1x C1y C0 A2x", synced: "C1y C0 A2x"},
		"another cluster's is a new one":  {now: "A1x C2y", told: "A", wanted: "1 2", after: "A1x C2y A2x"},
		"not trusted":                     {now: "A1x", told: "B", wanted: "1", fails: "does not trust"},
		"listed, not trusted":             {now: "A1x", told: "B,C", wanted: "1", fails: "trusts none"},
		"without a subscription":          {now: "A1-", told: "A", wanted: "1", fails: "polls under no subscription"},
		"one of two without":              {now: "A1- A2x", told: "A", wanted: "1 2", after: "A1x A2x"},
		"both are listed":                 {now: "A1x A2x", told: "A,B", wanted: "1 2 3", after: "A1x A2x B1x B2x A3x B3x"},
		"both are listed, the new first":  {now: "A1x", told: "B,A", wanted: "1 2", after: "A1x B1x B2x A2x"},
		"the subscription of its address": {now: "A1x A2y", told: "A,B", wanted: "1 2", after: "A1x A2y B1x B2y"},
		"the old one is listed no more":   {now: "A1x B1x", told: "B", wanted: "1", after: "A1x B1x"},
		"a renewal that is under way":     {now: "A1x B1x", told: "A", wanted: "1 2", after: "A1x B1x A2x B2x"},
		"under way, without a key":        {now: "A1x B1x", told: "-A", wanted: "1 2", after: "A1x B1x A2x B2x"},
		"under way, and a node goes":      {now: "A1x A2x B1x B2x", told: "-B", wanted: "2", after: "A1x A2x B1x B2x", synced: "A2x B2x"},
		"under way, the API knows":        {now: "A1x A2x B1x B2x", told: "B", wanted: "2", after: "A1x A2x B1x B2x", synced: "A2x B2x"},
		"half way, the API knows":         {now: "A1x A2x B1x", told: "B", wanted: "1 2", after: "A1x A2x B1x B2x"},
		"half way, nobody knows":          {now: "A1x A2x B1x", told: "-A", wanted: "1 2", after: "A1x A2x B1x"},
		"listens, too":                    {now: "A0 A1x", told: "A,B", wanted: "1", after: "A0 A1x B1x B0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := entriesOf(test.now)
			p := polling{}
			for _, node := range strings.Fields(test.wanted) {
				p.addresses = append(p.addresses, "https://octo"+node+":10943")
			}
			var told []string
			for _, letter := range strings.Split(strings.TrimPrefix(test.told, "-"), ",") {
				told = append(told, strings.Repeat(letter, 40))
			}
			if p = p.of(told[0], told[1:]); strings.HasPrefix(test.told, "-") {
				p.required = nil
			}
			for _, p.replace = range []bool{false, true} {
				want := test.after
				if p.replace && test.synced != "" {
					want = test.synced
				}
				d, err := p.decide(now)
				if test.fails != "" {
					if err == nil || !strings.Contains(err.Error(), test.fails) {
						t.Errorf("replace: %v: %v", p.replace, err)
					}
					continue
				}
				if got := textOf(d.servers); err != nil || got != want {
					t.Errorf("replace: %v: got %s, want %s (%v)", p.replace, got, want, err)
				}
				again, err := p.decide(d.servers)
				if err != nil || !tentacleconfig.Diff(d.servers, again.servers).Empty() {
					t.Errorf("replace: %v: a second time, it is %s (%v)", p.replace, textOf(again.servers), err)
				}
			}
		})
	}
}

func TestATentacleThatListensHasNothingToPoll(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		now     string
		told    []string
		after   string
		listens bool
	}{
		"one":                          {"A0", []string{"A"}, "A0", true},
		"while another is polled":      {"A0 C1x", []string{"A"}, "A0 C1x", true},
		"two listed":                   {"A0", []string{"A", "B"}, "A0 B0", true},
		"polls without a subscription": {"A0 A1-", []string{"A"}, "", false},
		"another":                      {"A0", []string{"B"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := polling{addresses: []string{"https://octo1:10943"}, replace: true}
			for i, letter := range test.told {
				test.told[i] = strings.Repeat(letter, 40)
			}
			p = p.of(test.told[0], test.told[1:])
			if _, err := p.decide(entriesOf(test.now)); err == nil || errors.As(err, new(listensError)) != test.listens {
				t.Errorf("poll-server: %v", err)
			}
			p.mayListen = true
			d, err := p.decide(entriesOf(test.now))
			if (err == nil) != test.listens || d.listens != test.listens || textOf(d.servers) != test.after {
				t.Errorf("sync-servers: %s, %v", textOf(d.servers), err)
			}
		})
	}
}

package tentacleconfig

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	oldOne   = "A000000000000000000000000000000000000001"
	newOne   = "B000000000000000000000000000000000000002"
	otherOne = "C000000000000000000000000000000000000003"
)

func pollingAt(thumbprint, address, subscription string) TrustedServer {
	return TrustedServer{Thumbprint: thumbprint, Style: StylePolling, Address: address, SubscriptionID: subscription}
}

// entries writes a list in short: the first character of the thumbprint, style, address and
// subscription.
func entries(list []TrustedServer) (lines []string) {
	for _, s := range list {
		lines = append(lines, fmt.Sprintf("%.1s %d %s %s", s.Thumbprint, s.Style, s.Address, s.SubscriptionID))
	}
	return lines
}

var renewalLists = map[string]struct {
	list          []TrustedServer
	both, renewed []string // after AlsoTrusting, after Renewed
}{
	"a cluster beside another": {
		list: []TrustedServer{
			{Thumbprint: oldOne, Style: StyleListening}, pollingAt(oldOne, "https://o1:1", "poll://p/"), pollingAt(otherOne, "https://o2:1", "poll://q/")},
		both:    []string{"A 1  ", "A 2 https://o1:1 poll://p/", "C 2 https://o2:1 poll://q/", "B 1  ", "B 2 https://o1:1 poll://p/"},
		renewed: []string{"B 1  ", "B 2 https://o1:1 poll://p/", "C 2 https://o2:1 poll://q/"},
	},
	"not trusted": {
		list:    []TrustedServer{pollingAt(newOne, "https://o1:1", "poll://p/"), {Thumbprint: newOne, Address: "https://o1:1"}},
		both:    []string{"B 2 https://o1:1 poll://p/", "B 0 https://o1:1 "},
		renewed: []string{"B 2 https://o1:1 poll://p/", "B 0 https://o1:1 "},
	},
	"an entry of no use behind one that polls": {
		list:    []TrustedServer{pollingAt(oldOne, "https://o1:1", "poll://p/"), {Thumbprint: oldOne, Address: "https://O1:1/"}},
		both:    []string{"A 2 https://o1:1 poll://p/", "A 0 https://O1:1/ ", "B 2 https://o1:1 poll://p/"},
		renewed: []string{"B 2 https://o1:1 poll://p/"},
	},
	"an entry that listens before one of no style": {
		list:    []TrustedServer{{Thumbprint: oldOne, Style: StyleListening}, {Thumbprint: oldOne}},
		both:    []string{"A 1  ", "A 0  ", "B 1  "},
		renewed: []string{"B 1  "},
	},
	"both trusted already": {
		list:    []TrustedServer{pollingAt(newOne, "https://o1:1", "poll://p/"), pollingAt(oldOne, "https://o1:1", "poll://p/")},
		both:    []string{"B 2 https://o1:1 poll://p/", "A 2 https://o1:1 poll://p/"},
		renewed: []string{"B 2 https://o1:1 poll://p/"},
	},
	"the new one not polled yet": {
		list:    []TrustedServer{{Thumbprint: newOne, Address: "https://o1:1"}, pollingAt(oldOne, "https://o1:1", "poll://p/"), {Thumbprint: newOne, Style: StyleListening}},
		both:    []string{"A 2 https://o1:1 poll://p/", "B 1  ", "B 2 https://o1:1 poll://p/"},
		renewed: []string{"B 2 https://o1:1 poll://p/", "B 1  "},
	},
	"the new one polled under a subscription that no server knows": {
		list:    []TrustedServer{pollingAt(oldOne, "https://o1:1", "poll://p/"), pollingAt(newOne, "https://o1:1", "poll://r/")},
		both:    []string{"A 2 https://o1:1 poll://p/", "B 2 https://o1:1 poll://p/"},
		renewed: []string{"B 2 https://o1:1 poll://p/"},
	},
	"the new one misspelled, so that it is never connected to": {
		list:    []TrustedServer{pollingAt(oldOne, "https://o1:1", "poll://p/"), pollingAt(strings.ToLower(newOne), "https://o1:1", "poll://p/")},
		both:    []string{"A 2 https://o1:1 poll://p/", "B 2 https://o1:1 poll://p/"},
		renewed: []string{"B 2 https://o1:1 poll://p/"},
	},
	"polled without a subscription, while another entry has one": {
		list:    []TrustedServer{pollingAt(oldOne, "https://o1:1", ""), pollingAt(newOne, "https://o1:1", "poll://p/")},
		both:    []string{"A 2 https://o1:1 ", "B 2 https://o1:1 poll://p/"},
		renewed: []string{"B 2 https://o1:1 poll://p/"},
	},
}

func TestACertificateIsRenewedEntryByEntry(t *testing.T) {
	for name, test := range renewalLists {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(test.list)
			if diff := cmp.Diff(test.both, entries(AlsoTrusting(test.list, strings.ToLower(oldOne), newOne))); diff != "" {
				t.Errorf("both: %s", diff)
			}
			if diff := cmp.Diff(test.renewed, entries(Renewed(test.list, strings.ToLower(oldOne), newOne))); diff != "" {
				t.Errorf("renewed: %s", diff)
			}
			if diff := cmp.Diff(before, test.list, cmp.Comparer(TrustedServer.Equal)); diff != "" {
				t.Errorf("the list was modified: %s", diff)
			}
		})
	}
}

// TestNoEntryIsLostWhicheverThereAre tries every list of three entries with one of two thumbprints,
// styles, addresses and subscriptions.
func TestNoEntryIsLostWhicheverThereAre(t *testing.T) {
	var possible []TrustedServer
	for _, one := range []string{oldOne, newOne} {
		for _, style := range []Style{StyleNone, StyleListening, StylePolling} {
			possible = append(possible, TrustedServer{Thumbprint: one, Style: style}, TrustedServer{Thumbprint: one, Style: style, Address: "https://o1:1"})
		}
		possible = append(possible, pollingAt(one, "https://o1:1", "poll://p/"), pollingAt(one, "https://o2:1", "poll://p/"))
	}
	for _, a := range possible {
		for _, b := range possible {
			for _, c := range possible {
				list := []TrustedServer{a, b, c}
				renewed, both := Renewed(list, oldOne, newOne), AlsoTrusting(list, oldOne, newOne)
				kept := slices.DeleteFunc(slices.Clone(both), func(s TrustedServer) bool { return s.Thumbprint != newOne })
				for what, after := range map[string][]TrustedServer{"Renewed": renewed, "AlsoTrusting": kept} {
					if text := lostBetween(list, after); text != "" {
						t.Fatalf("%s: %s\nbefore %q\nafter  %q", what, text, entries(list), entries(after))
					}
				}
				if !slices.EqualFunc(Renewed(renewed, oldOne, newOne), renewed, TrustedServer.Equal) || !slices.EqualFunc(AlsoTrusting(both, oldOne, newOne), both, TrustedServer.Equal) {
					t.Fatalf("a second time, it changes something in %q or %q", entries(renewed), entries(both))
				}
			}
		}
	}
}

// lostBetween says what a list with the new thumbprint alone lacks.
func lostBetween(before, after []TrustedServer) string {
	if !slices.ContainsFunc(before, func(s TrustedServer) bool { return s.Thumbprint == oldOne }) {
		return "" // nothing is done
	}
	for i, s := range after {
		for _, other := range after[:i] {
			if s.identity() == other.identity() {
				return "two equal entries are left"
			}
		}
	}
	for _, s := range before {
		same := func(other TrustedServer) bool { return SameAddress(other.Address, s.Address) }
		_, polled := PolledIn(after).At(newOne, s.Address)
		switch {
		case s.Subscribes() && !polled:
			return "an address is polled no more"
		case s.Polls() && !slices.ContainsFunc(after, func(o TrustedServer) bool { return o.Polls() && same(o) }):
			return "an entry polls no more"
		case s.Style == StyleListening && !slices.ContainsFunc(after, func(o TrustedServer) bool { return same(o) && (o.Style == StyleListening || o.Polls()) }):
			return "an entry listens no more"
		case !slices.ContainsFunc(after, same):
			return "an entry is gone"
		}
	}
	return ""
}

func TestARenewalIsOneSubscriptionUnderSeveralThumbprintsAtOneAddress(t *testing.T) {
	for name, test := range map[string]struct {
		list []TrustedServer
		want [][]string
	}{
		"one thumbprint":         {[]TrustedServer{pollingAt(oldOne, "https://o1:1", "poll://p/"), pollingAt(oldOne, "https://o2:1", "poll://p/")}, nil},
		"two clusters":           {[]TrustedServer{pollingAt(oldOne, "https://o1:1", "poll://p/"), pollingAt(newOne, "https://o2:1", "poll://q/")}, nil},
		"two clusters, one port": {[]TrustedServer{pollingAt(oldOne, "https://o1:1", "poll://p/"), pollingAt(newOne, "https://o1:1", "poll://q/")}, nil},
		"not polled":             {[]TrustedServer{pollingAt(oldOne, "https://o1:1", "poll://p/"), {Thumbprint: newOne, Address: "https://o1:1", SubscriptionID: "poll://p/"}}, nil},
		"a renewal, the first to be trusted first": {[]TrustedServer{
			{Thumbprint: newOne, Style: StyleListening}, pollingAt(oldOne, "https://o1:1", "poll://p/"), pollingAt(newOne, "https://O1:1/", "POLL://p"),
		}, [][]string{{oldOne, newOne}}},
		"at one address of two, beside another cluster": {[]TrustedServer{
			pollingAt(oldOne, "https://o1:1", "poll://p/"), pollingAt(otherOne, "https://o3:1", "poll://q/"),
			pollingAt(oldOne, "https://o2:1", "poll://p/"), pollingAt(newOne, "https://o2:1", "poll://p/"),
		}, [][]string{{oldOne, newOne}}},
		"two renewals": {[]TrustedServer{
			pollingAt(oldOne, "https://o1:1", "poll://p/"), pollingAt(newOne, "https://o1:1", "poll://p/"),
			pollingAt(otherOne, "https://o3:1", "poll://q/"), pollingAt(strings.Repeat("d", 40), "https://o3:1", "poll://q/"),
		}, [][]string{{oldOne, newOne}, {otherOne, strings.Repeat("D", 40)}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Renewals(test.list); !slices.EqualFunc(got, test.want, slices.Equal) {
				t.Errorf("%q", got)
			}
		})
	}
}

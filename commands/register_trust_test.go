package commands

import (
	"slices"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestANewSubscriptionIsThatOfEveryEntryOfTheCluster(t *testing.T) {
	entry := func(thumbprint, address, subscription string) tentacleconfig.TrustedServer {
		return tentacleconfig.TrustedServer{Thumbprint: thumbprint, Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: subscription}
	}
	listens := entry("NEW", "https://a:1", "")
	listens.Style = tentacleconfig.StyleListening
	now := []tentacleconfig.TrustedServer{
		listens, entry("NEW", "https://a:1", "poll://x/"), entry("OLD", "https://a:1", "poll://x/"), // its certificate is being renewed
		entry("NEW", "https://b:1", "poll://x/"), entry("OTHER", "https://c:1", "poll://x/"),
	}
	w := trusting{style: tentacleconfig.StylePolling, thumbprint: "NEW", addresses: []string{"https://a:1"}, given: "poll://y/"}
	d, err := w.decide(now)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, server := range tentacleconfig.Repair(d.servers) {
		got = append(got, server.Thumbprint+" "+server.Address+" "+server.SubscriptionID)
	}
	want := []string{"NEW https://a:1 poll://y/", "OLD https://a:1 poll://y/", "NEW https://b:1 poll://y/", "OTHER https://c:1 poll://x/"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not\n%q", got, want)
	}
}

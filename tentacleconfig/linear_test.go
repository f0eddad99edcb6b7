package tentacleconfig

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// TestTheTimeIsLinear compares the time for many pieces at once with that for the same number one
// part after another, never with a clock: quadratic would be ten times as long. Linear is up to
// three times as long, where the many need fresh memory, which some hosts are slow to give.
func TestTheTimeIsLinear(t *testing.T) {
	const n, times, most = 1000, 10, 5
	repeat := func(format string, count int) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, run := range map[string]func(count int) func(){
		"servers": func(count int) func() {
			d, _ := Parse("Tentacle.config", large(count))
			return func() {
				now, _ := d.TrustedServers()
				Diff(now, Upsert(now, now[0].With("https://new:1")))
			}
		},
		"servers to repair": func(count int) func() {
			text := "[" + repeat(`{"Thumbprint":"`+lower+`","CommunicationStyle":2,"Address":"a%d:1","SubscriptionId":""},`, count) +
				`{"Thumbprint":"` + upper + `","CommunicationStyle":2,"Address":"https://b:1","SubscriptionId":"poll://x/"}]`
			servers, err := ParseTrustedServers(text)
			return func() {
				if err != nil || len(Repair(servers)) < count {
					t.Error(err)
				}
			}
		},
		"thumbprints, all the same": func(count int) func() {
			servers := make([]TrustedServer, 10*count)
			return func() { Thumbprints(servers) }
		},
		"thumbprints, all different": func(count int) func() {
			servers := make([]TrustedServer, 10*count)
			for i := range servers {
				servers[i].Thumbprint = fmt.Sprintf("%040X", i)
			}
			return func() { Thumbprints(servers) }
		},
		"settings": func(count int) func() {
			text := "<octopus-settings>" + repeat(`<set key="K%d">v</set>`, count) + "</octopus-settings>"
			return func() {
				d, err := Parse("Tentacle.config", []byte(text))
				if err != nil || len(d.Settings()) != count {
					t.Error(err)
				}
			}
		},
		"attributes of an element": func(count int) func() {
			text := "<octopus-settings><other" + repeat(` a%d=""`, 10*count) + "/></octopus-settings>"
			return func() {
				if _, err := Parse("Tentacle.config", []byte(text)); err != nil {
					t.Error(err)
				}
			}
		},
		"settings that are edited": func(count int) func() {
			text := "<octopus-settings>" + repeat(`<set key="K%d">v</set>`, count) + "</octopus-settings>"
			return func() {
				d, _ := Parse("Tentacle.config", []byte(text))
				d.Set("K0", "new")
				d.Set("New", "v")
				d.Remove("New")
			}
		},
		"addresses": func(count int) func() {
			d, _ := Parse("Tentacle.config", large(count))
			servers, _ := d.TrustedServers()
			var addresses []string
			for _, s := range servers {
				addresses = append(addresses, strings.ToUpper(s.Address)+"/")
			}
			return func() {
				set, polled := AddressSetOf(addresses), PolledIn(servers)
				if len(Without(servers, set.HasServer)) > 0 {
					t.Error("not all of them are found")
				}
				for _, address := range addresses {
					if _, is := polled.At(servers[0].Thumbprint, address); !is {
						t.Error("not polled:", address)
					}
				}
			}
		},
		"prefixes": func(count int) func() {
			text := "<octopus-settings>" + repeat(`<p:x xmlns:p="u%d" p:a="">`, count) + strings.Repeat("</p:x>", count) + "</octopus-settings>"
			return func() {
				if _, err := Parse("Tentacle.config", []byte(text)); err != nil {
					t.Error(err)
				}
			}
		},
		"fields of an entry": func(count int) func() {
			text := `[{"Thumbprint":"AB"` + repeat(`,"Unknown%d":1`, 2*count) + "}]"
			return func() {
				servers, err := ParseTrustedServers(text)
				if err != nil || !servers[0].Equal(servers[0].With("")) || len(FormatTrustedServers(servers)) < len(text) {
					t.Error(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			small, big := run(n), run(times*n)
			// Both take as long as each other, so that a busy host interrupts them as often; and
			// it is not always as busy.
			ratio := math.Inf(1)
			for try := 0; try < 8 && ratio > most; try++ {
				start := time.Now()
				for range times {
					small()
				}
				inParts := time.Since(start)
				big()
				ratio = min(ratio, float64(time.Since(start)-inParts)/float64(inParts))
			}
			t.Logf("ratio %.1f", ratio)
			if ratio > most {
				t.Errorf("%d times as many at once take %.1f times as long as one part after another", times, ratio)
			}
		})
	}
}

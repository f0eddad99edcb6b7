package commands

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestManyServersTakeLinearTime(t *testing.T) {
	const trusted, other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
	list := func(count int) (servers []tentacleconfig.TrustedServer) {
		for i := range count {
			servers = append(servers, tentacleconfig.TrustedServer{
				Thumbprint: trusted, Style: tentacleconfig.StylePolling, SubscriptionID: "poll://abcdefghij0123456789/",
				Address: fmt.Sprintf("https://octo%d.example.com:10943", i),
			})
		}
		return servers
	}
	for what, do := range map[string]func([]tentacleconfig.TrustedServer){
		"update-trust": func(servers []tentacleconfig.TrustedServer) { tentacleconfig.Renewed(servers, trusted, other) },
		"check": func(servers []tentacleconfig.TrustedServer) {
			s := check.Snapshot{Servers: servers, Ports: check.PortsOf(servers)}
			for i := range s.Ports {
				s.Ports[i].Answer = octoapi.Port{Address: s.Ports[i].Address, Thumbprint: trusted}
			}
			s.Findings()
		},
	} {
		const times, few = 10, 300
		small, big := list(few), list(times*few)
		// Both take as long as each other, so that a busy machine interrupts them as often; and it
		// is not always as busy.
		ratio := math.Inf(1)
		for try := 0; try < 8 && ratio > 5; try++ {
			start := time.Now()
			for range times {
				do(small)
			}
			ofFew := time.Since(start)
			do(big)
			ratio = min(ratio, float64(time.Since(start)-ofFew)/float64(ofFew))
		}
		t.Logf("%s: ratio %.1f", what, ratio)
		if ratio > 5 { // quadratic would be 10
			t.Errorf("%s: %d times the servers at once take %.1f times as long as one part after another", what, times, ratio)
		}
	}
}

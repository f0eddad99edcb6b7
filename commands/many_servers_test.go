package commands

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestManyServersTakeLinearTime(t *testing.T) {
	const times, few = 10, 300
	list := func(count int) (servers []tentacleconfig.TrustedServer) {
		for i := range count {
			servers = append(servers, polls(clusterPrint, fmt.Sprintf("https://octo%d.example.com:10943", i)))
		}
		return servers
	}
	for what, do := range map[string]func([]tentacleconfig.TrustedServer){
		"update-trust": func(servers []tentacleconfig.TrustedServer) { withThumbprint(servers, clusterPrint, ownPrint) },
		"check": func(servers []tentacleconfig.TrustedServer) {
			f := goodFacts()
			f.url, f.api, f.servers = "", apiFacts{}, servers
			f.answer()
			f.findings()
		},
	} {
		small, big := list(few), list(times*few)
		// Both take as long as each other, so that a busy machine interrupts them as often; and it is not always as busy.
		ratio := math.Inf(1)
		for try := 0; try < 8 && ratio > 3; try++ {
			start := time.Now()
			for range times {
				do(small)
			}
			ofFew := time.Since(start)
			do(big)
			ratio = min(ratio, float64(time.Since(start)-ofFew)/float64(ofFew))
		}
		t.Logf("%s: ratio %.1f", what, ratio)
		if ratio > 3 { // quadratic would be 10
			t.Errorf("%s: %d times the servers at once take %.1f times as long as one part after another", what, times, ratio)
		}
	}
}

package tentacleconfig

import (
	"slices"
	"testing"
)

func TestThumbprintsAreListedOnceAsSpelledFirst(t *testing.T) {
	servers := []TrustedServer{{Thumbprint: "aB"}, {Thumbprint: "CD"}, {Thumbprint: " AB"}, {Thumbprint: "cd"}, {Thumbprint: "EF"}}
	if got := Thumbprints(servers); !slices.Equal(got, []string{"aB", "CD", "EF"}) {
		t.Errorf("got %q", got)
	}
	if got := Thumbprints(nil); len(got) > 0 {
		t.Errorf("of no servers: %q", got)
	}
}

package similar

import (
	"slices"
	"testing"
)

func TestTheNearestNamesComeFirst(t *testing.T) {
	names := []string{"check", "checkservices", "configure", "fleet", "proxy", "polling-proxy", "register-with", "register-worker"}
	for typed, want := range map[string][]string{
		"CHEK":          {"check"},
		"chekc":         {"check"}, // two letters have changed places
		"proxi":         {"proxy"},
		"con":           {"configure"},                        // the beginning
		"che":           {"check", "checkservices"},           // of several
		"register-wit":  {"register-with"},                    // one letter is missing
		"register-wi":   {"register-with"},                    // the beginning
		"flet":          {"fleet"},                            // one of four letters
		"fl":            nil,                                  // too short for a beginning
		"x":             nil,                                  // as far from everything
		"deployment":    nil,                                  // like none
		"register-woth": {"register-with", "register-worker"}, // the nearer first
	} {
		if got := To(typed, names); !slices.Equal(got, want) {
			t.Errorf("%s: %q, and not %q", typed, got, want)
		}
	}
	if got := To("a", []string{"b", "c", "d", "e"}); !slices.Equal(got, []string{"b", "c", "d"}) {
		t.Errorf("more than are worth showing: %q", got)
	}
}

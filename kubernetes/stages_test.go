package kubernetes

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTheFirstAddressStaysTheFirstUntilAnotherTookItsPlace(t *testing.T) {
	t.Parallel()
	type list = []string
	for _, c := range []struct {
		name      string
		now, want list
		stages    []list
	}{
		{"nothing to do", list{"a", "b"}, list{"a", "b"}, nil},
		{"another order is the same", list{"a", "b"}, list{"b", "A/"}, nil},
		{"one more", list{"a", "b"}, list{"a", "b", "c"}, []list{{"a", "b", "c"}}},
		{"the first stays in front", list{"a", "b"}, list{"c", "b", "a"}, []list{{"a", "c", "b"}}},
		{"one less", list{"a", "b", "c"}, list{"a", "c"}, []list{{"a", "c"}}},
		{"the first goes", list{"a", "b", "c"}, list{"b", "c"}, []list{{"b", "c", "a"}, {"b", "c"}}},
		{"the first is replaced", list{"a", "b"}, list{"x", "b"}, []list{{"b", "x", "a"}, {"b", "x"}}},
		{"from a load balancer to the nodes", list{"lb"}, list{"a", "b"}, []list{{"lb", "a", "b"}, {"a", "b", "lb"}, {"a", "b"}}},
		{"nothing was polled", nil, list{"a"}, []list{{"a"}}},
	} {
		if diff := cmp.Diff(c.stages, Stages(c.now, c.want)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestAnAgentKeepsItsIdentityInEveryOrderOfStarts: from the first stage to the last, pods with the
// old list and with the new one start at any moments, each time as the image's script does it.
func TestAnAgentKeepsItsIdentityInEveryOrderOfStarts(t *testing.T) {
	t.Parallel()
	address := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	addresses := rapid.SliceOfNDistinct(address, 1, 4, rapid.ID[string])
	rapid.Check(t, func(t *rapid.T) {
		now, want := addresses.Draw(t, "now"), addresses.Draw(t, "want")
		entries := slices.Clone(now) // of the ConfigMap
		start := func(list []string) {
			if !slices.Contains(entries, list[0]) {
				t.Fatalf("a start with %q finds %q: the first address has no entry", list, entries)
			}
			entries = slices.Clone(list)
		}
		for _, next := range Stages(now, want) {
			for _, renewed := range rapid.SliceOf(rapid.Bool()).Draw(t, "starts") {
				if renewed {
					start(next)
				} else {
					start(now)
				}
			}
			start(next) // the rollout is complete: only pods with the new list are left
			now = next
		}
		if !SameAddresses(now, want) {
			t.Fatalf("the last stage is %q instead of %q", now, want)
		}
	})
}

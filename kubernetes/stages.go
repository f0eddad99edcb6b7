package kubernetes

import (
	"slices"
	"strings"
)

// Stages are the lists of addresses to give an agent one after the other, each with a rollout of
// its own, so that it polls want instead of now in the end. There is one, as a rule.
//
// The start of an agent keeps the entries of its first address and drops all others; then it makes
// each further address an entry like the first one that is left (OctopusTentacle, docker/
// kubernetes-agent-tentacle/scripts/configure-and-run.sh). If the first address has no entry, every
// entry is gone, and with them the agent's subscription. A rollout runs pods with the old list and
// with the new one side by side, and any of them may start at any moment and be the last to do so.
// So each of two lists that follow each other has the first address of the other, and an agent
// keeps its identity in every order of starts. The first address stays the first as long as it is
// wanted; where it is to go, one that stays takes its place before it goes.
func Stages(now, want []string) [][]string {
	switch {
	case SameAddresses(now, want):
		return nil
	case len(now) == 0:
		return [][]string{want}
	}
	first := now[0]
	if containsAddress(want, first) {
		return [][]string{leadBy(want, first)}
	}
	var stages [][]string
	staying := slices.IndexFunc(now, func(a string) bool { return containsAddress(want, a) })
	if staying >= 0 {
		want = leadBy(want, now[staying])
	} else {
		stages = append(stages, slices.Concat(now, want))
	}
	return append(stages, append(slices.Clone(want), first), want)
}

// SameAddresses says whether two lists have the same addresses, in whatever order.
func SameAddresses(a, b []string) bool {
	within := func(list, other []string) bool {
		return !slices.ContainsFunc(list, func(one string) bool { return !containsAddress(other, one) })
	}
	return within(a, b) && within(b, a)
}

// leadBy is a list of addresses with one of them in front.
func leadBy(addresses []string, first string) []string {
	i := slices.IndexFunc(addresses, func(a string) bool { return sameAddress(a, first) })
	return slices.Concat(addresses[i:i+1], addresses[:i], addresses[i+1:])
}

func containsAddress(list []string, address string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return sameAddress(one, address) })
}

// sameAddress compares two addresses as the start of an agent does: case and a slash at the end do
// not count.
func sameAddress(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(strings.TrimSpace(a), "/"), strings.TrimSuffix(strings.TrimSpace(b), "/"))
}

package fleet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// doubles are the Tentacles that have the same of something, as far as several registrations have
// it that are not of one Tentacle.
func (b *builder) doubles(of func(Evident) string) map[string][]Evident {
	all := map[string][]Evident{}
	for _, m := range b.Machines {
		if key := of(m); key != "" {
			all[key] = append(all[key], m)
		}
	}
	for key, some := range all {
		if !severalTentacles(some) {
			delete(all, key)
		}
	}
	return all
}

// severalTentacles says whether registrations cannot all be of one Tentacle, which has one
// certificate and one subscription, and may be registered in many spaces, as both kinds.
func severalTentacles(some []Evident) bool {
	return slices.ContainsFunc(some, func(m Evident) bool {
		return !strings.EqualFold(m.Endpoint.Thumbprint, some[0].Endpoint.Thumbprint) ||
			!octoapi.SameSubscription(m.Endpoint.URI, some[0].Endpoint.URI)
	})
}

// duplicates finds Tentacles that cannot be told apart.
func (b *builder) duplicates() {
	for _, some := range sorted(b.sameSubscription) {
		b.group(Problem, DuplicateSubscription, fmt.Sprintf("%d registrations with different certificates have one subscription", len(some)),
			"whichever of these Tentacles polls first takes the work of the others; give each a subscription of its own", some)
	}
	for _, some := range sorted(b.doubles(func(m Evident) string { return strings.ToLower(m.Endpoint.Thumbprint) })) {
		b.group(Warning, DuplicateThumbprint, fmt.Sprintf("%d registrations of several Tentacles have one certificate", len(some)),
			"a fleet may share a certificate on purpose; else give each its own, with new-certificate", some)
	}
	twice := map[string][]Evident{}
	for _, m := range b.Machines {
		if m.Endpoint.URI != "" {
			key := fmt.Sprintf("%q %q %d %q", lowerSubscription(m.Endpoint.URI), strings.ToLower(m.Endpoint.Thumbprint), m.Kind, m.Space.ID)
			twice[key] = append(twice[key], m)
		}
	}
	for key, some := range twice {
		if len(some) < 2 {
			delete(twice, key)
		}
	}
	for _, some := range sorted(twice) {
		b.group(Warning, DuplicateRegistration, fmt.Sprintf("one Tentacle is registered %d times in the space %s, or machines were cloned", len(some), some[0].Space.Name),
			"of cloned machines, whichever polls first takes the work of the others", some)
	}
}

// sorted are groups in the order of their first members.
func sorted(groups map[string][]Evident) (all [][]Evident) {
	for _, some := range groups {
		all = append(all, some)
	}
	slices.SortFunc(all, func(a, z []Evident) int { return strings.Compare(a[0].key(), z[0].key()) })
	return all
}

func (b *builder) group(level Level, id, what, why string, some []Evident) {
	f := &Finding{Level: level, ID: id, What: what, Why: why}
	for _, m := range some {
		f.Machines = append(f.Machines, m.key())
	}
	b.add(findingKey{level: level, id: id, what: strings.Join(f.Machines, " ")}, f)
}

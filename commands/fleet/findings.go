package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
)

// findingKey is what findings have in common that become one.
type findingKey struct {
	level    Level
	id, what string
}

// about adds a Tentacle to a finding, and returns that.
func (b *builder) about(m Machine, level Level, id, what, why string) *Finding {
	key := findingKey{level, id, what}
	f := b.findings[key]
	if f == nil {
		f = &Finding{Level: level, ID: id, What: what, Why: why, Machines: []string{}}
		b.add(key, f)
	}
	if len(f.Machines) == 0 || f.Machines[len(f.Machines)-1] != m.Key {
		f.Machines = append(f.Machines, m.Key)
	}
	return f
}

func (b *builder) add(key findingKey, f *Finding) {
	b.findings[key] = f
	b.order = append(b.order, key)
}

// fleet adds a finding that is about no Tentacle.
func (b *builder) fleet(level Level, id, what, why string) {
	b.add(findingKey{level, id, what}, &Finding{Level: level, ID: id, What: what, Why: why, Machines: []string{}})
}

// whole says what is about the fleet.
func (b *builder) whole() {
	if len(b.Machines) == 0 && len(b.Unread) == 0 {
		b.fleet(Skipped, NoMachines, "there is no polling Tentacle that fits, or the account may not see it", "")
	}
	if b.Nodes == nil {
		b.fleet(Skipped, NodesUnknown, "the nodes of the cluster are not known", b.NodesWhy)
	}
	if b.Queues.State == coverage.Shared && len(b.Queues.Unasked) > 0 {
		b.fleet(Skipped, NodesUnknown, "the nodes share their queues, but that is not known of "+strings.Join(b.Queues.Unasked, ", "), "a node that does not share its queues has to be polled")
	}
	for _, what := range b.Unread {
		b.fleet(Skipped, ListUnread, what, "")
	}
}

// finish sorts and counts.
func (b *builder) finish() *Report {
	r := b.report
	r.Findings = []Finding{}
	for _, key := range b.order {
		r.Findings = append(r.Findings, *b.findings[key])
	}
	r.complete()
	return r
}

// complete derives what follows from the findings and the machines.
func (r *Report) complete() {
	slices.SortStableFunc(r.Findings, func(a, z Finding) int {
		return cmp.Or(rank(z.Level)-rank(a.Level), strings.Compare(a.ID, z.ID), len(z.Machines)-len(a.Machines), strings.Compare(a.What, z.What))
	})
	at := map[string]int{}
	for i, m := range r.Machines {
		at[m.Key] = i
		r.Machines[i].Level, r.Machines[i].Findings = OK, []string{}
	}
	for _, f := range r.Findings {
		for _, key := range f.Machines {
			m := &r.Machines[at[key]]
			if f.Level.WorseThan(m.Level) {
				m.Level = f.Level
			}
			if !slices.Contains(m.Findings, f.ID) {
				m.Findings = append(m.Findings, f.ID)
			}
		}
	}
	slices.SortStableFunc(r.Machines, func(a, z Machine) int {
		misses := func(m Machine) int { return len(m.Missing) }
		return cmp.Or(rank(z.Level)-rank(a.Level), misses(z)-misses(a), strings.Compare(a.Space, z.Space), strings.Compare(a.Name, z.Name),
			strings.Compare(a.Instance, z.Instance), strings.Compare(a.Key, z.Key))
	})
	r.count()
}

func rank(l Level) int { return slices.Index(severity, l) }

func (r *Report) count() {
	s := Summary{Machines: len(r.Machines), LeftOutBy: map[State]int{}, Versions: []Version{}}
	versions := map[string]int{}
	for i := range r.Nodes {
		r.Nodes[i].Polled, r.Nodes[i].Missing, r.Nodes[i].Unknown = 0, 0, 0
	}
	for _, m := range r.Machines {
		switch m.Level {
		case OK:
			s.OK++
		case Skipped:
			s.Skipped++
		case Warning:
			s.Warnings++
		case Problem:
			s.Problems++
		}
		switch {
		case m.State == Answered:
			s.Answered++
		case m.State.LeftOut():
			s.LeftOut++
			s.LeftOutBy[m.State]++
		case m.State == NotAsked:
			s.NotAsked++
		default:
			s.NoAnswer++
		}
		if m.State == Answered && r.pollsAll(m) {
			s.AllPolled++
		}
		if len(m.Missing) > 0 || slices.Contains(m.Findings, MissingNodes) {
			s.MissesNode++
		}
		for i, cell := range m.Nodes {
			switch cell {
			case Polled, Perhaps:
				r.Nodes[i].Polled++
			case Missing:
				r.Nodes[i].Missing++
			default:
				r.Nodes[i].Unknown++
			}
		}
		versions[m.Version]++
	}
	for version, n := range versions {
		s.Versions = append(s.Versions, Version{version, n})
	}
	slices.SortFunc(s.Versions, func(a, z Version) int { return compareVersions(z.Version, a.Version) })
	r.Summary = s
}

// pollsAll says whether a Tentacle polls what it has to, as far as is known.
func (r *Report) pollsAll(m Machine) bool {
	if len(m.Missing) > 0 || slices.ContainsFunc(m.Findings, func(id string) bool { return id == MissingNodes || id == NotPolling || id == UnprovedNode }) {
		return false
	}
	return r.Queues == SharedQueues && len(m.Addresses) > 0 || len(r.Nodes) > 0
}

// compareVersions compares versions by their numbers; none is less than any.
func compareVersions(a, z string) int {
	for {
		var first, second string
		first, a, _ = strings.Cut(a, ".")
		second, z, _ = strings.Cut(z, ".")
		if first == "" && second == "" {
			return 0
		}
		number := func(text string) string { // without leading zeros, so that the longer is the greater
			digits := strings.TrimLeft(text[:len(text)-len(strings.TrimLeft(text, "0123456789"))], "0")
			return fmt.Sprintf("%08d%s", len(digits), digits)
		}
		if c := cmp.Or(strings.Compare(number(first), number(second)), strings.Compare(first, second)); c != 0 {
			return c
		}
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

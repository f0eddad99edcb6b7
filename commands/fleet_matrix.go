package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
)

// fleetMatrix is a report on a fleet as it is shown: a row for each Tentacle, by space, and a
// column for each node.
type fleetMatrix struct {
	*fleet.Report
	columns  []fleetColumn
	spaces   []fleetSpace
	findings map[string][]int          // those that name a Tentacle, by its key
	places   map[string]*fleet.Machine // by key
}

// fleetColumn is a node; or an address, where the nodes of the cluster are not known.
type fleetColumn struct {
	name  string
	state string // of the node; "" of an address
}

// fleetSpace is a space with its Tentacles, the worst first. Reports of check name no space.
type fleetSpace struct {
	name     string
	machines []*fleet.Machine
}

// fleetCell is what is known of one Tentacle and one column.
type fleetCell struct {
	cell  fleet.Cell
	level fleet.Level // to show it by
}

// maxAddressColumns is how many addresses are columns where nodes are not known: of thousands of
// Tentacles, each may have one of its own.
const maxAddressColumns = 8

func newFleetMatrix(r *fleet.Report) *fleetMatrix {
	m := &fleetMatrix{Report: r, findings: map[string][]int{}, places: map[string]*fleet.Machine{}}
	for _, node := range r.Nodes {
		m.columns = append(m.columns, fleetColumn{node.Name, node.State})
	}
	if len(r.Nodes) == 0 {
		for _, address := range r.Addresses[:min(len(r.Addresses), maxAddressColumns)] {
			m.columns = append(m.columns, fleetColumn{name: address.URL})
		}
	}
	bySpace := map[string]int{}
	for i := range r.Machines {
		machine := &r.Machines[i]
		m.places[machine.Key] = machine
		at, known := bySpace[machine.Space]
		if !known {
			at = len(m.spaces)
			bySpace[machine.Space] = at
			m.spaces = append(m.spaces, fleetSpace{name: machine.Space})
		}
		m.spaces[at].machines = append(m.spaces[at].machines, machine)
	}
	for i, finding := range r.Findings {
		for _, key := range finding.Machines {
			m.findings[key] = append(m.findings[key], i)
		}
	}
	return m
}

// cells are those of a row, in the order of the columns; nil where nothing is known but why not.
func (m *fleetMatrix) cells(machine *fleet.Machine) []fleetCell {
	cells := make([]fleetCell, len(m.columns))
	known := machine.State == fleet.Answered
	for i, column := range m.columns {
		cell := fleet.Unknown
		switch {
		case i < len(machine.Nodes):
			cell = machine.Nodes[i]
		case column.state == "" && slices.Contains(machine.Addresses, column.name):
			cell = fleet.Polled
		case column.state == "" && machine.State == fleet.Answered:
			cell = fleet.Missing
		}
		known = known || cell != fleet.Unknown
		cells[i] = fleetCell{cell, fleet.Skipped}
		switch cell {
		case fleet.Polled:
			cells[i].level = fleet.OK
		case fleet.Missing:
			cells[i].level = m.missingLevel(m.findings[machine.Key], column)
		}
	}
	if !known {
		return nil
	}
	return cells
}

// missingLevel is how bad it is that a node is not polled: the worst of the findings about it. One
// that hands out no work need not be polled, nor each of several that share their queues.
func (m *fleetMatrix) missingLevel(findings []int, column fleetColumn) fleet.Level {
	level := fleet.Skipped
	for _, i := range findings {
		f := m.Findings[i]
		about := f.Node == column.name || f.ID == fleet.NotPolling && column.state == "works"
		if about && column.state != "" && f.Level.WorseThan(level) {
			level = f.Level
		}
	}
	return level
}

// missed are the columns that a Tentacle surely does not poll, by number.
func missed(cells []fleetCell) (columns []int) {
	for i, cell := range cells {
		if cell.cell == fleet.Missing {
			columns = append(columns, i)
		}
	}
	return columns
}

// name is that of a Tentacle where its space is not said, and several are looked at.
func (m *fleetMatrix) name(key string) string {
	machine := m.places[key]
	switch {
	case machine == nil:
		return key
	case len(m.spaces) > 1:
		return machine.Space + "/" + machine.Place()
	}
	return machine.Place()
}

// aboutOne says in short what a finding says of each Tentacle that it names.
func aboutOne(f fleet.Finding) string {
	switch f.ID {
	case fleet.MissingNode:
		return "does not poll " + f.Node
	case fleet.MissingNodes:
		return "does not poll every node"
	case fleet.DrainedNode:
		return "does not poll " + f.Node + " (drained)"
	case fleet.UnknownAddress:
		return "polls an address that is no node"
	case fleet.UnusualAddresses:
		return "does not poll what most poll"
	case fleet.NotPolling:
		return "does not poll this cluster"
	case fleet.OtherSubscription:
		return "polls with another subscription"
	case fleet.DuplicateSubscription:
		return "shares its subscription"
	case fleet.DuplicateThumbprint:
		return "shares its certificate"
	case fleet.DuplicateRegistration:
		return "is registered twice"
	case fleet.Flapping:
		return "its health depends on the node"
	case fleet.Unhealthy:
		return "is not healthy"
	case fleet.OldVersion:
		return "has to be upgraded"
	case fleet.UnansweredScript:
		return "did not answer"
	case fleet.UnreadableSetting:
		return "could not be read"
	case fleet.ScriptsNotRun:
		return "was not asked"
	case fleet.LeftOutOfScripts:
		return "was left out"
	case fleet.UnprovedNode:
		return "may miss a node"
	case fleet.Overridden:
		return "has a variable that overrides its list"
	}
	return f.What
}

// stateWord says why it is not known what a Tentacle polls.
func stateWord(s fleet.State) string {
	switch s {
	case fleet.Answered:
		return ""
	case fleet.NoAnswer:
		return "no answer"
	case fleet.NotAsked:
		return "not asked"
	case fleet.InProcess:
		return "in the server's process"
	case fleet.Kubernetes:
		return "in Kubernetes"
	}
	return string(s)
}

// leftOut lists how many were left out, and why.
func (m *fleetMatrix) leftOut() string {
	var parts []string
	for _, state := range []fleet.State{fleet.Unavailable, fleet.Disabled, fleet.InProcess, fleet.Kubernetes, fleet.Listening} {
		if n := m.Summary.LeftOutBy[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, stateWord(state)))
		}
	}
	return strings.Join(parts, ", ")
}

// versions lists those of Tentacle; "" where none is known, as of reports.
func (m *fleetMatrix) versions() string {
	known := false
	var parts []string
	for _, v := range m.Summary.Versions {
		known = known || v.Version != ""
		parts = append(parts, fmt.Sprintf("%s (%d)", cmp.Or(v.Version, "not known"), v.Machines))
	}
	if !known {
		return ""
	}
	return strings.Join(parts, ", ")
}

// verdict is what there is to say first.
func (m *fleetMatrix) verdict() (fleet.Level, string) {
	s := m.Summary
	all := "every node that hands out work"
	if m.Queues == fleet.SharedQueues {
		all = "a node, which is enough: the nodes share their queues"
	}
	switch unknown := s.Machines - s.Answered; {
	case s.Machines == 0:
		return fleet.Skipped, "there is no polling Tentacle to look at"
	case s.MissesNode > 0:
		level := fleet.Problem
		if s.Problems == 0 { // it is not known whether that matters
			level = fleet.Warning
		}
		return level, fmt.Sprintf("%d of %s a node that hands out work", s.MissesNode, plural.Of(s.Machines, "Tentacle misses", "Tentacles miss"))
	case s.Problems > 0:
		return fleet.Problem, fmt.Sprintf("%d of %s a problem", s.Problems, plural.Of(s.Machines, "Tentacle has", "Tentacles have"))
	case s.Answered == 0:
		return fleet.Skipped, "it is not known what the Tentacles poll"
	case s.AllPolled < s.Answered:
		return fleet.Warning, fmt.Sprintf("%d of %s not proved to poll %s", s.Answered-s.AllPolled, plural.Of(s.Answered, "Tentacle is", "Tentacles are"), all)
	case unknown > 0 && s.Warnings > 0:
		return fleet.Warning, fmt.Sprintf("every Tentacle that answered polls %s; of %d more that is not known, and %d should be looked at", all, unknown, s.Warnings)
	case unknown > 0:
		return fleet.OK, fmt.Sprintf("every Tentacle that answered polls %s; of %d more that is not known", all, unknown)
	case s.Warnings > 0:
		return fleet.Warning, fmt.Sprintf("every Tentacle polls %s; %d of them should be looked at", all, s.Warnings)
	}
	return fleet.OK, "every Tentacle polls " + all
}

// names are those of the Tentacles that a finding names, at most so many.
func (m *fleetMatrix) names(f fleet.Finding, most int) string {
	names := make([]string, 0, min(most, len(f.Machines)))
	for _, key := range f.Machines[:min(most, len(f.Machines))] {
		names = append(names, m.name(key))
	}
	list := strings.Join(names, ", ")
	if more := len(f.Machines) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// symbol stands beside the word for a level.
func symbol(l fleet.Level) string {
	switch l {
	case fleet.OK:
		return "✓"
	case fleet.Warning:
		return "!"
	case fleet.Problem:
		return "✗"
	}
	return "–"
}

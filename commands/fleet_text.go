package commands

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
)

// printFleet prints the matrix of those that somebody has to look at, and then in words what is
// wrong. What is well or was not looked at is counted, unless all is given.
func printFleet(c *console, r *fleet.Report, all bool) {
	v := fleetText{c: c, m: newFleetMatrix(r), all: all}
	v.printMatrix()
	v.printNodes()
	v.printFindings()
	v.printSummary()
}

// fleetText is a report as it is printed.
type fleetText struct {
	c   *console
	m   *fleetMatrix
	all bool
}

// fleetRow is a row of the matrix. Its space is said above the first of it.
type fleetRow struct {
	*fleet.Machine
	cells []fleetCell
	more  string
}

func (v *fleetText) printMatrix() {
	spaces := make([][]fleetRow, len(v.m.spaces))
	for i, space := range v.m.spaces {
		spaces[i] = v.rows(space)
	}
	listed := slices.Concat(spaces...)
	table := v.table(listed, func(i int) string { return v.m.columns[i].name })
	if table.widthOf(len(table.columns)-1) > v.c.width() && len(listed) > 0 { // what comes last may be cut
		table = v.table(listed, func(i int) string { return strconv.Itoa(i + 1) })
		for i, column := range v.m.columns {
			v.c.printf("%s = %s\n", v.c.bold(i+1), column.name)
		}
		v.c.printf("\n")
	}
	for i, space := range v.m.spaces {
		if space.name != "" {
			v.c.printf("%s\n", v.c.bold("Space "+space.name))
		}
		if len(spaces[i]) > 0 {
			table.printTitles()
		}
		for _, row := range spaces[i] {
			table.printRow(row)
		}
		if rest := v.counted(space, len(spaces[i]) > 0); rest != "" {
			v.c.printf("%s\n", rest)
		}
		v.c.printf("\n")
	}
}

// listed says whether a Tentacle has a row of its own.
func (v *fleetText) listed(machine *fleet.Machine) bool {
	return v.all || machine.Level.WorseThan(fleet.Skipped)
}

func (v *fleetText) rows(space fleetSpace) (rows []fleetRow) {
	for _, machine := range space.machines {
		if v.listed(machine) {
			rows = append(rows, fleetRow{machine, v.m.cells(machine), v.more(machine)})
		}
	}
	return rows
}

// What a row has place for: all findings are said in full below.
const (
	maxParts = 2  // findings, the worst ones
	maxShort = 40 // bytes of one
)

// more is what the cells do not show.
func (v *fleetText) more(machine *fleet.Machine) string {
	var parts []string
	add := func(part string) {
		if part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	add(stateWord(machine.State))
	for _, i := range v.m.findings[machine.Key] {
		f := v.m.Findings[i]
		if f.ID == fleet.Unhealthy && machine.State == fleet.Unavailable {
			continue // that is why
		}
		switch f.ID {
		case fleet.MissingNode, fleet.DrainedNode, fleet.UnprovedNode: // cells show it
		case fleet.UnansweredScript, fleet.UnreadableSetting, fleet.ScriptsNotRun, fleet.LeftOutOfScripts: // the state says it
		default:
			if short := aboutOne(f); len(short) <= maxShort {
				add(short)
			} else {
				add(f.ID)
			}
		}
	}
	if more := len(parts) - maxParts; more > 0 {
		parts = append(parts[:maxParts], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// table has a column for each of the matrix, between two in front and one behind.
func (v *fleetText) table(rows []fleetRow, title func(int) string) *table[fleetRow] {
	columns := []column[fleetRow]{
		{"RESULT", func(r fleetRow) string { return string(r.Level) }},
		{"TENTACLE", func(r fleetRow) string {
			if r.Kind == "worker" {
				return r.Place() + " (worker)"
			}
			return r.Place()
		}},
	}
	front := len(columns)
	for i := range v.m.columns {
		columns = append(columns, column[fleetRow]{title(i), func(r fleetRow) string { return v.word(r, i) }})
	}
	columns = append(columns, column[fleetRow]{"MORE", func(r fleetRow) string { return r.more }})
	t := alignedTable(v.c, columns, rows)
	t.paint = func(r fleetRow, i int) paint {
		switch node := i - front; {
		case i == 0:
			return v.paint(r.Level)
		case node < 0 || node >= len(v.m.columns):
			return nil
		case r.cells == nil:
			return v.c.faint
		default:
			return v.paint(r.cells[node].level)
		}
	}
	return t
}

func (v *fleetText) paint(level fleet.Level) paint {
	switch level {
	case fleet.OK:
		return v.c.green
	case fleet.Warning:
		return v.c.yellow
	case fleet.Problem:
		return v.c.red
	}
	return v.c.faint
}

// word is a cell in a word, or on a terminal in a symbol.
func (v *fleetText) word(r fleetRow, column int) string {
	if r.cells == nil {
		return "?"
	}
	switch r.cells[column].cell {
	case fleet.Polled:
		if v.c.symbols {
			return "✓"
		}
		return "yes"
	case fleet.Perhaps:
		return "maybe"
	case fleet.Missing:
		if v.c.symbols {
			return "✗"
		}
		return "no"
	}
	return "?"
}

// counted says how many of a space are not listed.
func (v *fleetText) counted(space fleetSpace, others bool) string {
	counts := map[fleet.Level]int{}
	for _, machine := range space.machines {
		if !v.listed(machine) {
			counts[machine.Level]++
		}
	}
	var parts []string
	if n := counts[fleet.OK]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d ok", n))
	}
	if n := counts[fleet.Skipped]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", n))
	}
	if len(parts) == 0 {
		return ""
	}
	if others {
		return "and " + strings.Join(parts, ", ")
	}
	return strings.Join(parts, ", ")
}

// printNodes counts by node.
func (v *fleetText) printNodes() {
	if len(v.m.Nodes) == 0 {
		return
	}
	count := func(n int) string { return strconv.Itoa(n) }
	printTable(v.c, []column[fleet.Node]{
		{"NODE", func(n fleet.Node) string { return n.Name }},
		{"STATE", func(n fleet.Node) string { return n.State }},
		{"POLLED BY", func(n fleet.Node) string { return count(n.Polled) }},
		{"NOT POLLED BY", func(n fleet.Node) string { return count(n.Missing) }},
		{"NOT KNOWN", func(n fleet.Node) string { return count(n.Unknown) }},
	}, v.m.Nodes)
	v.c.printf("\n")
}

// maxNames is how many Tentacles a finding names: the matrix has the others.
const maxNames = 8

func (v *fleetText) printFindings() {
	for _, f := range v.m.Findings {
		mark := fmt.Sprintf("%-7s", f.Level)
		if v.c.symbols {
			mark = symbol(f.Level)
		}
		indent := strings.Repeat(" ", len([]rune(mark))+len("  "))
		v.c.printf("%s  %s\n", v.paint(f.Level)(mark), f.What)
		switch names := v.names(f); len(f.Machines) {
		case 0:
		case 1:
			v.c.printf("%s%s\n", indent, names)
		default:
			v.c.printf("%s%d Tentacles: %s\n", indent, len(f.Machines), names)
		}
		for line := range strings.Lines(f.Why) {
			v.c.printf("%s%s\n", indent, strings.TrimSpace(line))
		}
		if f.Fix != "" {
			v.c.printf("%sfix: %s\n", indent, v.c.bold(f.Fix))
		}
	}
	if len(v.m.Findings) > 0 {
		v.c.printf("\n")
	}
}

func (v *fleetText) names(f fleet.Finding) string {
	most := maxNames
	if v.all {
		most = len(f.Machines)
	}
	return v.m.names(f, most)
}

func (v *fleetText) printSummary() {
	s := v.m.Summary
	if versions := v.m.versions(); versions != "" {
		v.c.printf("Tentacle versions: %s\n", versions)
	}
	if left := v.m.leftOut(); left != "" {
		v.c.printf("Left out: %s\n", left)
	}
	level, text := v.m.verdict()
	others := ""
	if !v.all && s.OK+s.Skipped > 0 {
		others = " (--all lists all)"
	}
	v.c.printf("%s: %d ok, %d skipped, %s, %s%s\n", plural.Of(s.Machines, "Tentacle", "Tentacles"), s.OK, s.Skipped,
		plural.Of(s.Warnings, "warning", "warnings"), plural.Of(s.Problems, "problem", "problems"), others)
	v.c.printf("%s\n", v.paint(level)(strings.ToUpper(text[:1])+text[1:]))
}

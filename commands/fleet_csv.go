package commands

import (
	"encoding/csv"
	"strings"
	"unicode/utf8"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
)

// fleetField is a column of the CSV. Their names and order stay; new ones come last.
type fleetField struct {
	name string
	cell func(*fleet.Machine) string
}

func (m *fleetMatrix) fields() []fleetField {
	nodes := func(which fleet.Cell) func(*fleet.Machine) string {
		return func(machine *fleet.Machine) string {
			var names []string
			for i, cell := range machine.Nodes {
				if cell == which {
					names = append(names, m.Nodes[i].Name)
				}
			}
			return list(names)
		}
	}
	return []fleetField{
		{"space", func(m *fleet.Machine) string { return m.Space }},
		{"name", func(m *fleet.Machine) string { return m.Name }},
		{"id", func(m *fleet.Machine) string { return m.ID }},
		{"kind", func(m *fleet.Machine) string { return m.Kind }},
		{"instance", func(m *fleet.Machine) string { return m.Instance }},
		{"level", func(m *fleet.Machine) string { return string(m.Level) }},
		{"state", func(m *fleet.Machine) string { return string(m.State) }},
		{"polled", nodes(fleet.Polled)},
		{"perhaps", nodes(fleet.Perhaps)},
		{"missing", nodes(fleet.Missing)},
		{"unknown", nodes(fleet.Unknown)},
		{"addresses", func(m *fleet.Machine) string { return list(m.Addresses) }},
		{"unmatched", func(m *fleet.Machine) string { return list(m.Unmatched) }},
		{"findings", func(m *fleet.Machine) string { return list(m.Findings) }},
		{"why", func(m *fleet.Machine) string { return m.Why }},
		{"environments", func(m *fleet.Machine) string { return list(m.Environments) }},
		{"roles", func(m *fleet.Machine) string { return list(m.Roles) }},
		{"pools", func(m *fleet.Machine) string { return list(m.Pools) }},
		{"version", func(m *fleet.Machine) string { return m.Version }},
		{"operatingSystem", func(m *fleet.Machine) string { return m.OperatingSystem }},
		{"health", func(m *fleet.Machine) string { return m.Health }},
	}
}

// list is a cell with several values. Where a spreadsheet splits at semicolons, each is a cell.
func list(values []string) string {
	cells := make([]string, len(values))
	for i, value := range values {
		cells[i] = csvCell(value)
	}
	return strings.Join(cells, "; ")
}

// printFleetCSV writes CSV (RFC 4180) in UTF-8: a line with the names of the columns, and one for
// each Tentacle.
func printFleetCSV(c *console, r *fleet.Report) error {
	m := newFleetMatrix(r)
	fields := m.fields()
	c.endProgress()
	c.writeUTF8()
	lines := csv.NewWriter(c.out)
	lines.UseCRLF = true
	write := func(cell func(fleetField) string) error {
		cells := make([]string, len(fields))
		for i, field := range fields {
			cells[i] = csvCell(string(c.line(cell(field))))
		}
		return lines.Write(cells)
	}
	err := write(func(f fleetField) string { return f.name })
	for i := range r.Machines {
		if err != nil {
			return err
		}
		err = write(func(f fleetField) string { return f.cell(&r.Machines[i]) })
	}
	lines.Flush()
	if err != nil {
		return err
	}
	return lines.Error()
}

// csvCell puts an apostrophe before what a spreadsheet would calculate: that could run a program,
// or send the table away (OWASP, CSV Injection). Some take full-width signs for the usual ones.
func csvCell(value string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimSpace(value))
	if strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + value
	}
	return value
}

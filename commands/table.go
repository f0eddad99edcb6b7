package commands

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"
)

// column is one column of a table over rows of type T.
type column[T any] struct {
	title string
	cell  func(T) string
}

// printTable aligns the columns; an empty cell shows as a dash.
func printTable[T any](c *console, columns []column[T], rows []T) {
	var aligned strings.Builder
	table := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	line := func(cell func(column[T]) string) {
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = string(c.line(cmp.Or(cell(column), "-")))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	line(func(column column[T]) string { return column.title })
	for _, row := range rows {
		line(func(column column[T]) string { return column.cell(row) })
	}
	_ = table.Flush() // a Builder takes everything

	titles, body, _ := strings.Cut(aligned.String(), "\n")
	c.printf("%s\n%s", c.bold(titles), text(body))
}

package commands

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// column is one column of a table over rows of type T.
type column[T any] struct {
	title string
	cell  func(T) string
}

// printTable aligns the columns; an empty cell shows as a dash.
func printTable[T any](c *console, columns []column[T], rows []T) {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(cell func(column[T]) string) {
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = oneCell(cell(column))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	line(func(column column[T]) string { return column.title })
	for _, row := range rows {
		line(func(column column[T]) string { return column.cell(row) })
	}
	_ = table.Flush() // a Builder takes everything

	titles, body, _ := strings.Cut(text.String(), "\n")
	c.printf("%s\n%s", c.bold(titles), body)
}

// oneCell keeps the text of a cell in its place: names and addresses come from servers and files.
func oneCell(text string) string {
	if text == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("\n\t\v\f", r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

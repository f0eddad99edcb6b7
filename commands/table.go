package commands

import (
	"strings"
	"unicode/utf8"
)

// column is one column of a table over rows of type T.
type column[T any] struct {
	title string
	cell  func(T) string
}

// printTable aligns the columns, the last one left ragged; a cell without text
// shows as a dash.
func printTable[T any](c *console, columns []column[T], rows []T) {
	lines := make([][]string, 0, len(rows)+1)
	titles := make([]string, len(columns))
	for i, column := range columns {
		titles[i] = column.title
	}
	lines = append(lines, titles)
	for _, row := range rows {
		cells := make([]string, len(columns))
		for i, column := range columns {
			// One line for each: a text of others must not look like a line of ours.
			if cells[i] = strings.ReplaceAll(column.cell(row), "\n", string(utf8.RuneError)); cells[i] == "" {
				cells[i] = "-"
			}
		}
		lines = append(lines, cells)
	}

	widths := make([]int, len(columns))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			text.WriteString(cell)
			if i < len(line)-1 {
				text.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		if n == 0 {
			c.printf("%s\n", c.bold(text.String()))
		} else {
			c.printf("%s\n", text.String())
		}
	}
}

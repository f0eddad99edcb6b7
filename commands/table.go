package commands

import (
	"cmp"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// column is one column of a table over rows of type T.
type column[T any] struct {
	title string
	cell  func(T) string
}

// printTable aligns the columns; an empty cell shows as a dash.
func printTable[T any](c *console, columns []column[T], rows []T) {
	t := alignedTable(c, columns, rows)
	t.printTitles()
	for _, row := range rows {
		t.printRow(row)
	}
}

// table has columns as wide as their widest cell of all rows, wherever these are printed.
type table[T any] struct {
	c       *console
	columns []column[T]
	widths  []int                    // see displayWidth
	paint   func(row T, i int) paint // of the cell of column i; nil for no colours
}

const columnGap = "  "

func alignedTable[T any](c *console, columns []column[T], rows []T) *table[T] {
	t := &table[T]{c: c, columns: columns, widths: make([]int, len(columns))}
	for i, column := range columns {
		t.widths[i] = displayWidth(t.title(column))
		for _, row := range rows {
			t.widths[i] = max(t.widths[i], displayWidth(t.cell(column, row)))
		}
	}
	return t
}

// widthOf is that of the first columns.
func (t *table[T]) widthOf(columns int) int {
	width := len(columnGap) * max(0, columns-1)
	for _, w := range t.widths[:columns] {
		width += w
	}
	return width
}

func (t *table[T]) title(column column[T]) text { return t.c.line(cmp.Or(column.title, "-")) }

func (t *table[T]) cell(column column[T], row T) text { return t.c.line(cmp.Or(column.cell(row), "-")) }

func (t *table[T]) printTitles() {
	t.c.printf("%s\n", t.c.bold(t.line(func(i int) (text, paint) { return t.title(t.columns[i]), nil })))
}

func (t *table[T]) printRow(row T) {
	t.c.printf("%s\n", t.line(func(i int) (text, paint) {
		if t.paint == nil {
			return t.cell(t.columns[i], row), nil
		}
		return t.cell(t.columns[i], row), t.paint(row, i)
	}))
}

// line pads cells beside their colours, which take no place.
func (t *table[T]) line(cell func(int) (text, paint)) text {
	var line strings.Builder
	for i, width := range t.widths {
		shown, paint := cell(i)
		padding := strings.Repeat(" ", width-displayWidth(shown))
		if paint != nil {
			shown = paint(shown)
		}
		line.WriteString(string(shown))
		if i < len(t.widths)-1 {
			line.WriteString(padding + columnGap)
		}
	}
	return text(line.String())
}

// displayWidth is how many columns of a terminal a text takes: characters of East Asia take two,
// and marks that combine with the character before them take none.
func displayWidth(shown text) (columns int) {
	for _, r := range string(shown) {
		switch kind := width.LookupRune(r).Kind(); {
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			columns += 2
		case !unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
			columns++
		}
	}
	return columns
}

// Package visible shows texts of others to people: names and messages come from servers, files,
// certificates and the environment, and may hold what steers a terminal.
package visible

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes one line of a text, in which everything can be seen: control characters, those that
// change the direction of the text or hide it, and bytes that are no UTF-8 are written as Go writes
// them between quotes (\n, \x1b, \u202e, \xff). So nothing in it moves the cursor, colours,
// reorders or ends the line.
func Line(text string) string {
	if Is(text) {
		return text
	}
	var line strings.Builder
	for size := 0; text != ""; text = text[size:] {
		var r rune
		switch r, size = utf8.DecodeRuneInString(text); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&line, `\x%02x`, text[0])
		case Rune(r):
			line.WriteRune(r)
		default:
			line.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return line.String()
}

// Is says whether Line leaves a text as it is.
func Is(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !Rune(r) })
}

// Rune says whether a character takes its place in a line and does nothing else. Fillers are
// letters that nobody sees.
func Rune(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

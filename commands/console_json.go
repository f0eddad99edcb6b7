package commands

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/octo-tentacle/octo-tentacle/internal/plainjson"
	"github.com/octo-tentacle/octo-tentacle/internal/visible"
)

// printJSON writes the one JSON value that --format json promises.
func (c *console) printJSON(value any) error {
	encoded, err := c.outputJSON(value)
	if err != nil {
		return err
	}
	c.endProgress()
	_, err = fmt.Fprintln(c.out, encoded)
	return err
}

// outputJSON is JSON for standard output, without a line end.
func (c *console) outputJSON(value any) (text, error) {
	encoded, err := c.printableJSON(value, "  ")
	if c.asciiJSON {
		encoded = text(plainjson.ASCII(string(encoded)))
	}
	return encoded, err
}

// printableJSON is JSON as it may be printed, without a line end. Its strings stay exact: what is
// not visible is escaped.
func (c *console) printableJSON(value any, indent string) (text, error) {
	encoded, err := plainjson.Marshal(value, indent)
	rest := string(encoded)
	var printable strings.Builder
	for {
		begin := strings.IndexByte(rest, '"')
		if begin < 0 {
			return text(printable.String() + rest), err
		}
		end := begin + literalSize(rest[begin:])
		printable.WriteString(rest[:begin])
		if literal := rest[begin:end]; strings.HasPrefix(rest[end:], ":") { // the name of a field
			printable.WriteString(literal)
		} else {
			printable.WriteString(c.printableLiteral(literal))
		}
		rest = rest[end:]
	}
}

// literalSize is the size in bytes of the string that JSON begins with, quotes included.
func literalSize(text string) int {
	i := 1
	for i < len(text) && text[i] != '"' {
		if text[i] == '\\' {
			i++
		}
		i++
	}
	return min(i+1, len(text))
}

// printableLiteral is a string in JSON as it may be printed.
func (c *console) printableLiteral(literal string) string {
	plain := strings.Trim(literal, `"`)
	if strings.Contains(literal, `\`) { // few do, and decoding takes its time
		_ = json.Unmarshal([]byte(literal), &plain) // what was encoded can be decoded
	}
	if hidden := c.hide(plain); hidden != plain {
		encoded, _ := plainjson.Marshal(hidden, "") // a string can always be encoded
		literal = string(encoded)
	}
	if !strings.ContainsFunc(literal, func(r rune) bool { return !visible.Rune(r) }) {
		return literal
	}
	var printable strings.Builder
	for _, r := range literal {
		switch high, low := utf16.EncodeRune(r); {
		case visible.Rune(r):
			printable.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&printable, `\u%04x\u%04x`, high, low)
		default: // the encoder escapes only the control characters of ASCII
			fmt.Fprintf(&printable, `\u%04x`, r)
		}
	}
	return printable.String()
}

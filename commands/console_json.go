package commands

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plainjson"
)

// printJSON writes the one JSON value that --format json promises.
func (c *console) printJSON(value any) error {
	text, err := c.printableJSON(value, "  ")
	if err != nil {
		return err
	}
	c.endProgress()
	_, err = fmt.Fprintln(c.out, text)
	return err
}

// printableJSON is JSON as it may be printed, without a line end. It does to the strings what
// printable does to text, so that the result stays JSON.
func (c *console) printableJSON(value any, indent string) (string, error) {
	encoded, err := plainjson.Marshal(value, indent)
	text := string(encoded)
	var printable strings.Builder
	for {
		begin := strings.IndexByte(text, '"')
		if begin < 0 {
			return printable.String() + text, err
		}
		end := begin + literalSize(text[begin:])
		printable.WriteString(text[:begin])
		if literal := text[begin:end]; strings.HasPrefix(text[end:], ":") { // the name of a field
			printable.WriteString(literal)
		} else {
			printable.WriteString(c.printableLiteral(literal))
		}
		text = text[end:]
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
	if hidden := c.secrets.Hide(plain); hidden != plain {
		encoded, _ := plainjson.Marshal(hidden, "") // a string can always be encoded
		literal = string(encoded)
	}
	if !strings.ContainsFunc(literal, isControl) {
		return literal
	}
	var printable strings.Builder
	for _, r := range literal {
		if isControl(r) { // the encoder escapes only those of ASCII
			fmt.Fprintf(&printable, `\u%04x`, r)
		} else {
			printable.WriteRune(r)
		}
	}
	return printable.String()
}

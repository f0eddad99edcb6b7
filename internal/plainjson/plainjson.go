// Package plainjson writes JSON for files and terminals: encoding/json escapes <, > and & for HTML
// and ends a value with a new line, neither of which Tentacle does.
package plainjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Marshal is value as JSON without HTML escapes and without a line end; indent is that of one
// level, "" for everything on one line.
func Marshal(value any, indent string) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// ASCII is JSON with an escape for each character that is not ASCII. Its values are the same.
func ASCII(text string) string {
	var escaped strings.Builder
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			escaped.WriteByte(byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&escaped, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&escaped, `\u%04x`, r)
		}
	}
	return escaped.String()
}

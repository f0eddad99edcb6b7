// Package plainjson writes JSON for files and terminals: encoding/json escapes <, > and & for HTML
// and ends a value with a new line, neither of which Tentacle does.
package plainjson

import (
	"bytes"
	"encoding/json"
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

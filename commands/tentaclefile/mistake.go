package tentaclefile

import (
	"fmt"
	"strings"
)

// Mistake is what is wrong with the value of a key of the file.
type Mistake struct {
	Source string // as given to Read
	Line   int    // from 1; 0 where the file has no such key
	Key    string // as Key makes it; "" for the file as a whole
	Err    error
}

// Error is like "tentacle.yaml, line 7: registrations[0].environments: there is no environment
// Prod".
func (m *Mistake) Error() string {
	where := m.Source
	if m.Line > 0 {
		where += fmt.Sprintf(", line %d", m.Line)
	}
	if m.Key != "" {
		where += ": " + m.Key
	}
	return where + ": " + m.Err.Error()
}

// Unwrap is what is wrong.
func (m *Mistake) Unwrap() error { return m.Err }

// Key is a key as messages name it: Key("registrations", 0, "environments") is
// registrations[0].environments. A number counts from 0, as in jq and Ansible.
func Key(parts ...any) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", part)
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			fmt.Fprint(&b, part)
		}
	}
	return b.String()
}

// positions are the lines of keys, from 1, by what Key makes of them.
type positions map[string]int

// Line is the line of a key or of an item of its list, as Key makes it, else of the nearest one
// around it; 0 if there is none.
func (f File) Line(key string) int {
	for key != "" {
		if line := f.positions[key]; line > 0 {
			return line
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return 0
}

// Names says whether the file has the key, as Key makes it.
func (f File) Names(key string) bool { return f.positions[key] > 0 }

// Mistake is an error about the value of a key, as Key makes it, that was found later than reading.
func (f File) Mistake(key string, err error) *Mistake {
	return &Mistake{Source: f.source, Line: f.Line(key), Key: key, Err: err}
}

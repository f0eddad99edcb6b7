package tentacleconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/octo-tentacle/octo-tentacle/internal/plainjson"
)

// maxDepth is how deep the values of unknown fields may nest: the default of
// Newtonsoft.Json, which Tentacle reads them with.
const maxDepth = 64

// ParseTrustedServers reads the value of the setting as generously as Tentacle, that is
// Newtonsoft.Json, does: strings in single quotes, names without quotes or in another case,
// comments, trailing commas, NaN, undefined and other numbers than decimal ones, a style as number,
// text or name; nothing, or null, is the empty list. Anything else that is not a list of entries
// with a thumbprint is refused with line and column.
func ParseTrustedServers(text string) ([]TrustedServer, error) {
	r := &reader{text: strings.ToValidUTF8(text, "\ufffd")}
	list, err := r.servers()
	if here, is := errors.AsType[*syntaxError](err); is {
		before := r.text[:here.at]
		line := 1 + strings.Count(before, "\n")
		column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
		return nil, fmt.Errorf("line %d, column %d: %w", line, column, here.err)
	}
	return list, err
}

// reader reads Newtonsoft's kind of JSON and makes strict, compact JSON of each value, but for
// words that strict JSON does not have. It is written by hand because this array is what the
// program exists for: encoding/json refuses what people and Tentacle write, and the libraries for
// JSON5 or HuJSON that are kept up read another dialect, or lose the order of fields, or do not say
// where something is wrong.
type reader struct {
	text string
	at   int
}

// syntaxError is an error at a place in the text.
type syntaxError struct {
	at  int
	err error
}

func (e *syntaxError) Error() string { return e.err.Error() }
func (e *syntaxError) Unwrap() error { return e.err }

func (r *reader) fail(at int, format string, args ...any) error {
	return &syntaxError{at, fmt.Errorf(format, args...)}
}

func (r *reader) servers() ([]TrustedServer, error) {
	if err := r.space(); err != nil {
		return nil, err
	}
	var list []TrustedServer
	switch {
	case r.at == len(r.text):
		return nil, nil
	case r.peek() == '[':
		err := r.items('[', ']', func() error {
			s, err := r.server()
			list = append(list, s)
			return err
		})
		if err != nil {
			return nil, err
		}
	default:
		start := r.at
		if value, err := r.value(nil, 0); err != nil {
			return nil, err
		} else if string(value) != "null" {
			return nil, r.fail(start, "expected a list in [ ], found %s", kind(value))
		}
	}
	if err := r.space(); err != nil {
		return nil, err
	}
	if r.at < len(r.text) {
		return nil, r.fail(r.at, "unexpected text after the list: %s", r.next())
	}
	return list, nil
}

func (r *reader) server() (s TrustedServer, err error) {
	start := r.at
	if r.peek() != '{' {
		value, err := r.value(nil, 0)
		if err == nil {
			err = r.fail(start, "expected an entry in { }, found %s", kind(value))
		}
		return s, err
	}
	var entry entryReader
	err = r.items('{', '}', func() error {
		name, err := r.name()
		if err != nil {
			return err
		}
		at := r.at
		value, err := r.value(nil, 0)
		if err != nil {
			return err
		}
		if err := entry.field(name, string(value)); err != nil {
			return r.fail(at, "%w", err)
		}
		return nil
	})
	if err == nil && entry.server.Thumbprint == "" {
		err = r.fail(start, "an entry has no Thumbprint, which Tentacle requires")
	}
	return entry.server, err
}

// items reads what stands between two brackets, separated by commas; item is
// called at the start of each. A comma after the last is fine.
func (r *reader) items(open, end byte, item func() error) error {
	start := r.at
	r.at++
	for {
		if err := r.space(); err != nil {
			return err
		}
		switch r.peek() {
		case end:
			r.at++
			return nil
		case 0:
			return r.fail(start, "the text ends before the %q that begins here is closed", open)
		}
		if err := item(); err != nil {
			return err
		}
		if err := r.space(); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.at++
		case end, 0: // the next turn says what it means
		default:
			return r.fail(r.at, "expected a comma or %q, found %s", end, r.next())
		}
	}
}

// value appends the value that begins here to out, as strict, compact JSON. A
// word stays as it is.
func (r *reader) value(out []byte, depth int) ([]byte, error) {
	c := r.peek()
	if depth > maxDepth {
		return nil, r.fail(r.at, "values are nested more than %d deep", maxDepth)
	}
	switch c {
	case '"', '\'':
		return r.quoted(out)
	case '[':
		return r.nested(out, '[', ']', func(out []byte) ([]byte, error) { return r.value(out, depth+1) })
	case '{':
		return r.nested(out, '{', '}', func(out []byte) ([]byte, error) {
			name, err := r.name()
			if err != nil {
				return nil, err
			}
			return r.value(append(append(out, quote(name)...), ':'), depth+1)
		})
	}
	start := r.at
	word := r.word()
	if !isWord(word) {
		r.at = start
		return nil, r.fail(start, "expected a value, found %s", r.next())
	}
	return append(out, word...), nil
}

func (r *reader) nested(out []byte, open, end byte, item func([]byte) ([]byte, error)) ([]byte, error) {
	out = append(out, open)
	first := true
	err := r.items(open, end, func() (err error) {
		if !first {
			out = append(out, ',')
		}
		first = false
		out, err = item(out)
		return err
	})
	return append(out, end), err
}

// word reads a number, true, false, null or whatever else stands there up to
// the next delimiter.
func (r *reader) word() string {
	rest := r.text[r.at:]
	n := strings.IndexAny(rest, " \t\r\n,:[]{}\"'/")
	if n < 0 {
		n = len(rest)
	}
	r.at += n
	return rest[:n]
}

// name reads a field's name, quoted or bare, and the colon after it.
func (r *reader) name() (name string, err error) {
	start := r.at
	if c := r.peek(); c == '"' || c == '\'' {
		quoted, err := r.quoted(nil)
		if err != nil {
			return "", err
		}
		if name, err = unquote(string(quoted)); err != nil {
			return "", r.fail(start, "%w", err)
		}
	} else {
		bare := strings.TrimLeftFunc(r.text[start:], func(c rune) bool {
			return c == '_' || c == '$' || unicode.IsLetter(c) || unicode.IsDigit(c)
		})
		r.at = len(r.text) - len(bare)
		name = r.text[start:r.at]
		if name == "" {
			return "", r.fail(start, "expected the name of a field, found %s", r.next())
		}
	}
	if err := r.space(); err != nil {
		return "", err
	}
	if r.peek() != ':' {
		return "", r.fail(r.at, "expected a colon after %q, found %s", name, r.next())
	}
	r.at++
	return name, r.space()
}

// quoted appends the string that begins here to out as strict JSON. Escapes
// stay as they are, so that nothing of an unknown field is lost.
func (r *reader) quoted(out []byte) ([]byte, error) {
	start, end := r.at, r.text[r.at]
	out = append(out, '"')
	for r.at++; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == end:
			r.at++
			return append(out, '"'), nil
		case c == '\\':
			n := escape(r.text[r.at:])
			if n == 0 {
				return nil, r.fail(r.at, "a backslash that begins no escape: write \\\\ for one")
			}
			if r.text[r.at+1] == '\'' {
				out = append(out, '\'')
			} else {
				out = append(out, r.text[r.at:r.at+n]...)
			}
			r.at += n - 1
		case c == '"':
			out = append(out, '\\', '"')
		case c < ' ':
			out = fmt.Appendf(out, "\\u%04x", c)
		default:
			out = append(out, c)
		}
	}
	return nil, r.fail(start, "the text ends inside the string that begins here")
}

// escape is how long the escape is that s begins with, 0 if it is none.
func escape(s string) int {
	switch {
	case len(s) > 1 && strings.ContainsRune(`"'\/bfnrt`, rune(s[1])):
		return 2
	case len(s) >= 6 && s[1] == 'u' && strings.Trim(s[2:6], "0123456789abcdefABCDEF") == "":
		return 6
	}
	return 0
}

// space skips white space and comments.
func (r *reader) space() error {
	for {
		r.at = len(r.text) - len(strings.TrimLeftFunc(r.text[r.at:], unicode.IsSpace))
		rest := r.text[r.at:]
		switch {
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return r.fail(r.at, "the text ends inside the comment that begins here")
			}
			r.at += n + 4
		case strings.HasPrefix(rest, "//"):
			n := strings.IndexAny(rest, "\r\n")
			if n < 0 {
				n = len(rest)
			}
			r.at += n
		default:
			return nil
		}
	}
}

// peek is the byte that comes next, 0 at the end (a NUL in the text is in no
// place right either).
func (r *reader) peek() byte {
	if r.at == len(r.text) {
		return 0
	}
	return r.text[r.at]
}

// next says for an error what stands at this place. Only one character: what
// is wrong may be a secret in the wrong place.
func (r *reader) next() string {
	if r.at == len(r.text) {
		return "the end of the text"
	}
	c, _ := utf8.DecodeRuneInString(r.text[r.at:])
	return fmt.Sprintf("%q", c)
}

func kind(value []byte) string {
	switch value[0] {
	case '{':
		return "an object in { }"
	case '[':
		return "a list in [ ]"
	case '"':
		return "text in quotes"
	}
	return string(value)
}

// entryReader reads the fields of an entry one after the other.
type entryReader struct {
	server TrustedServer
	index  map[string]int // of each field in server.fields, once there are many: the time stays linear
}

// manyFields is how many make the index worth its memory. Tentacle writes five.
const manyFields = 16

// find is the place of a field in server.fields; -1 where there is none of that name yet.
func (e *entryReader) find(name string) int {
	fields := e.server.fields
	if len(fields) < manyFields {
		return slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	}
	if e.index == nil {
		e.index = map[string]int{}
		for i, f := range fields {
			e.index[f.name] = i
		}
	}
	if i, known := e.index[name]; known {
		return i
	}
	return -1
}

// field takes over a field of an entry; value is strict, compact JSON.
func (e *entryReader) field(name, value string) error {
	if i := slices.IndexFunc(knownFields, func(k string) bool { return strings.EqualFold(k, name) }); i >= 0 {
		name = knownFields[i]
		if err := e.server.readKnown(name, value); err != nil {
			return err
		}
		if value != emptyText {
			value = ""
		}
	}
	if i := e.find(name); i >= 0 {
		e.server.fields[i].value = value // the last one counts
		return nil
	}
	if e.server.fields == nil {
		e.server.fields = make([]field, 0, len(knownFields))
	}
	if e.index != nil {
		e.index[name] = len(e.server.fields)
	}
	e.server.fields = append(e.server.fields, field{name, value})
	return nil
}

func (s *TrustedServer) readKnown(name, value string) error {
	if name == fieldStyle {
		style, err := styleOf(value)
		s.Style = style
		return err
	}
	text, err := scalar(name, value)
	if err != nil {
		return err
	}
	switch name {
	case fieldThumbprint:
		s.Thumbprint = strings.TrimSpace(text) // as Tentacle does
	case fieldAddress:
		s.Address = text
	case fieldSquid:
		s.Squid = text
	case fieldSubscription:
		s.SubscriptionID = text
	}
	return err
}

// scalar is the text of a string, of another word (Newtonsoft.Json reads a
// number for a string), or of null.
func scalar(name, value string) (string, error) {
	switch c := value[0]; {
	case value == "null":
		return "", nil
	case c == '"':
		return unquote(value)
	case c != '{' && c != '[' && value != "undefined":
		return value, nil
	}
	return "", fmt.Errorf("%s is neither a string nor null", name)
}

// unquote is the text of a string in strict JSON.
func unquote(value string) (s string, err error) {
	if inner := value[1 : len(value)-1]; !strings.Contains(inner, `\`) {
		return inner, nil
	}
	err = json.Unmarshal([]byte(value), &s)
	return s, err
}

// FormatTrustedServers is the list as Tentacle writes it: compact JSON on one
// line. Entries that were read keep the order of their fields and the fields
// this program does not know.
func FormatTrustedServers(list []TrustedServer) string {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.append(b)
	}
	return string(append(b, ']'))
}

func (s TrustedServer) append(b []byte) []byte {
	start := len(b)
	for _, f := range s.fields {
		b = appendField(b, f.name, s.value(f))
	}
	for _, name := range knownFields {
		if !slices.ContainsFunc(s.fields, func(f field) bool { return f.name == name }) {
			b = appendField(b, name, s.value(field{name: name}))
		}
	}
	b[start] = '{' // appendField put a comma there
	return append(b, '}')
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, ','), quote(name)...)
	return append(append(b, ':'), value...)
}

func (s TrustedServer) value(f field) string {
	var text string
	switch f.name {
	case fieldThumbprint:
		text = s.Thumbprint
	case fieldStyle:
		return strconv.Itoa(int(s.Style))
	case fieldAddress:
		text = s.Address
	case fieldSquid:
		text = s.Squid
	case fieldSubscription:
		text = s.writtenSubscription()
	default:
		return f.value
	}
	if text == "" && f.value != emptyText { // an empty text that was read stays one
		return "null"
	}
	return quote(text)
}

// quote is s as JSON, with & < > as they are.
func quote(s string) string {
	if special := func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }; !strings.ContainsFunc(s, special) {
		return `"` + s + `"`
	}
	text, _ := plainjson.Marshal(s, "") // a string can always be written
	return string(text)
}

// TrustedServers is the list of servers that the Tentacle trusts; a missing or
// empty setting is an empty list. An entry that polls without a subscription has
// that of the Tentacle's Squid, as it has for the Tentacle; its null stays. A
// value that Tentacle could not read either is a *DamagedError, which names the
// place inside the value too.
func (d *Document) TrustedServers() ([]TrustedServer, error) {
	text, found := d.Get(KeyTrustedServers)
	if !found {
		return nil, nil
	}
	list, err := ParseTrustedServers(text)
	if err != nil {
		return nil, d.damaged(KeyTrustedServers, "the setting %s is not a list of servers: in its value, %w", KeyTrustedServers, err)
	}
	squid, _ := d.Get(KeySquid)
	for i := range list {
		list[i].followSquid(squid)
	}
	return list, nil
}

// SetTrustedServers makes list the servers that the Tentacle trusts. Where the
// setting says the same already, in whatever form, nothing changes.
func (d *Document) SetTrustedServers(list []TrustedServer) {
	now, err := d.TrustedServers()
	if err == nil && slices.EqualFunc(now, list, TrustedServer.Equal) {
		return
	}
	d.Set(KeyTrustedServers, FormatTrustedServers(list))
}

package tentacleconfig

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/text/encoding"
)

const (
	rootName = "octopus-settings"
	setName  = "set"
	keyName  = "key"

	// A configuration has some kilobytes; with 10,000 servers, two megabytes. A larger file is
	// something else.
	maxSize = 64 << 20

	// A configuration has some dozens of settings. Reading one takes many times its size in memory,
	// and root may read a file that another account can write.
	maxElements = 100_000

	bom        = "\ufeff"
	saveAsUTF8 = "save it as UTF-8, as Tentacle does"
)

// xmlText is the body of a Document in a file. Its bytes are kept as they were read, with the place
// of each setting in them, because no XML library writes back what it read byte for byte.
type xmlText struct {
	data  []byte            // as UTF-8, with the byte order mark
	utf16 encoding.Encoding // of a file in UTF-16, else nil
	root  element
	sets  []setting // in file order
}

// element is a place in the bytes: from "<" (start) over what lies between its
// tags (content to contentEnd) to after the last ">" (end).
type element struct{ start, content, contentEnd, end int }

// selfClosing: <set key="a" /> has no content, and no place for any.
func (e element) selfClosing() bool { return e.content == e.end }

func (e *element) move(by int) {
	e.start += by
	e.content += by
	e.contentEnd += by
	e.end += by
}

type setting struct {
	element
	key, value string
}

// parseXML reads data as the configuration that path has.
func parseXML(path string, data []byte) (*xmlText, error) {
	text, utf16, err := decode(data)
	if err != nil {
		return nil, &DamagedError{Path: path, Err: err}
	}
	x := &xmlText{data: text, utf16: utf16}
	if err := x.checkText(); err != nil {
		return nil, &DamagedError{Path: path, Err: err}
	}
	if err := x.scan(path); err != nil {
		return nil, err
	}
	return x, nil
}

// checkText refuses what is obviously not XML, with better messages than a parser.
func (x *xmlText) checkText() error {
	switch {
	case len(x.data) > maxSize:
		return fmt.Errorf("is larger than %d MiB, so it is not a Tentacle's configuration", maxSize>>20)
	case zeroedFrom(x.data) == 0:
		return errors.New("contains nothing but zero bytes, as after a crash of the machine")
	case zeroedFrom(x.data) > 0:
		return fmt.Errorf("contains nothing but zero bytes from line %d on, as after a crash of the machine", x.lineAt(zeroedFrom(x.data)))
	case bytes.IndexByte(x.data, 0) >= 0:
		return hint.New("is not a text file", saveAsUTF8)
	case len(bytes.Trim(bytes.TrimPrefix(x.data, []byte(bom)), xmlSpace)) == 0:
		return errors.New("is empty: Tentacle may have been stopped while writing it")
	}
	return nil
}

// zeroedFrom is where the zero bytes begin that a file ends with, if it has others only there, and
// several; else it is negative. A file system may leave a file like that whose content was not
// written before a crash, since its length was.
func zeroedFrom(data []byte) int {
	at := bytes.IndexByte(data, 0)
	if at < 0 || len(data)-at < 2 || len(bytes.Trim(data[at:], "\x00")) > 0 {
		return -1
	}
	return at
}

// scan finds the root element and the settings in it, with their places and values, and refuses
// what is not well-formed or not a configuration.
func (x *xmlText) scan(path string) error {
	skipped := 0
	if bytes.HasPrefix(x.data, []byte(bom)) {
		skipped = len(bom) // the decoder would take it for text
	}
	s := scanner{x: x, path: path, declared: skipped}
	dec := newDecoder(x.data[skipped:])
	for {
		from := skipped + int(dec.InputOffset())
		token, err := dec.Token()
		if err == io.EOF && s.roots == 1 {
			return nil
		}
		if err != nil {
			return s.malformed(err, from)
		}
		if err := s.token(token, from, skipped+int(dec.InputOffset())); err != nil {
			return err
		}
	}
}

// scanner is what is known of a document after the tokens so far.
type scanner struct {
	x                      *xmlText
	path                   string // for errors
	declared               int    // the only place for an XML declaration
	depth, roots, elements int
	open                   *setting // whose end tag has not come yet, if any
	value                  bytes.Buffer
	prefixes               prefixes
}

// token takes in a token, which lies between these places in the data.
func (s *scanner) token(token xml.Token, from, to int) error {
	switch t := token.(type) {
	case xml.StartElement:
		if err := s.prefixes.start(t, s.x.data[from:to]); err != nil {
			return s.damaged(from, "%w", err)
		}
		return s.start(t, element{start: from, content: to})
	case xml.EndElement:
		s.end(from, to)
		s.prefixes.close()
	case xml.CharData: // CDATA too
		if s.depth == 0 && len(bytes.Trim(s.x.data[from:to], xmlSpace)) > 0 {
			return s.damaged(from, "there is text outside of <%s>", rootName)
		}
		if s.depth == 2 { // the text of elements in it, and comments, are not part of the value
			s.value.Write(t)
		}
	case xml.ProcInst:
		switch {
		case t.Target == "xml" && from > s.declared:
			return hint.With(s.damaged(from, "the XML declaration (<?xml …?>) is not the first thing in the file, so Tentacle does not read it"),
				"remove everything before it, including blank lines")
		case t.Target == "xml" && !isDeclaration(s.x.data[from:to]):
			return s.damaged(from, `the XML declaration is not like <?xml version="1.0" encoding="utf-8"?>`)
		case t.Target != "xml" && (strings.EqualFold(t.Target, "xml") || strings.Contains(t.Target, ":")):
			return s.damaged(from, "<?%s …?> has a name that is not allowed", t.Target)
		}
	case xml.Directive:
		// An entity declared there would be lost, or believed to be text.
		return s.damaged(from, "it has a document type declaration (<!%s…>), which a Tentacle's configuration cannot have", firstWord(t))
	}
	return nil
}

func (s *scanner) start(t xml.StartElement, e element) error {
	if s.elements++; s.elements > maxElements {
		return s.damaged(e.start, "it has more than %d elements, so it is not a Tentacle's configuration", maxElements)
	}
	if name, twice := duplicateAttr(t.Attr); twice {
		return s.damaged(e.start, "the element <%s> has the attribute %s twice", t.Name.Local, name)
	}
	s.depth++
	switch s.depth {
	case 1:
		s.roots++
		s.x.root = e
		return s.checkRoot(t, s.roots, e.start)
	case 2:
		if key, isSetting := keyOf(t); isSetting {
			s.open = &setting{element: e, key: key}
		}
		s.value.Reset()
	}
	return nil
}

func (s *scanner) end(from, to int) {
	switch {
	case s.depth == 1:
		s.x.root.contentEnd, s.x.root.end = from, to
	case s.depth == 2 && s.open != nil:
		s.open.contentEnd, s.open.end = from, to
		s.open.value = orEmpty(s.value.String())
		s.x.sets = append(s.x.sets, *s.open)
		s.open = nil
	}
	s.depth--
}

func (s *scanner) checkRoot(t xml.StartElement, nth, at int) error {
	switch {
	case nth > 1:
		return s.damaged(at, "there is a second root element, <%s>", t.Name.Local)
	case t.Name.Local != rootName:
		return s.damaged(at, "this is not a Tentacle's configuration: its root element is <%s>, not <%s>", t.Name.Local, rootName)
	case t.Name.Space != "":
		// .NET's XmlSerializer, which Tentacle reads with, refuses it too.
		return s.damaged(at, "<%s> is in the namespace %q; Tentacle expects no namespace", rootName, t.Name.Space)
	}
	return nil
}

// keyOf says whether the element is a setting, and of which key. Elements of other names or
// namespaces, and those without a key, are not ours to touch.
func keyOf(t xml.StartElement) (key string, isSetting bool) {
	if t.Name != (xml.Name{Local: setName}) {
		return "", false
	}
	for _, a := range t.Attr {
		if a.Name == (xml.Name{Local: keyName}) {
			return a.Value, true
		}
	}
	return "", false
}

func duplicateAttr(attrs []xml.Attr) (name string, twice bool) {
	if len(attrs) < 2 {
		return "", false
	}
	seen := make(map[xml.Name]bool, len(attrs))
	for _, a := range attrs {
		if seen[a.Name] {
			return a.Name.Local, true
		}
		seen[a.Name] = true
	}
	return "", false
}

func firstWord(text []byte) string {
	if words := bytes.Fields(text); len(words) > 0 {
		return string(words[0])
	}
	return ""
}

// malformed puts the decoder's error into words for a person who edits the file.
func (s *scanner) malformed(err error, at int) error {
	var syntax *xml.SyntaxError
	switch {
	case err == io.EOF:
		return s.damaged(at, "it has no element <%s>", rootName)
	case !errors.As(err, &syntax):
		return s.damaged(at, "%w", errors.New(strings.TrimPrefix(err.Error(), "xml: ")))
	case strings.HasPrefix(syntax.Msg, "unexpected EOF"):
		return s.damaged(len(s.x.data), "the file is incomplete: Tentacle may have been stopped while writing it, or the disk was full")
	case syntax.Msg == "invalid UTF-8": // as files from an editor of an older Windows are
		return &DamagedError{Path: s.path, Line: syntax.Line, Err: hint.New("it is not UTF-8", saveAsUTF8)}
	}
	return &DamagedError{Path: s.path, Line: syntax.Line, Err: fmt.Errorf("it is not well-formed XML: %s", syntax.Msg)}
}

// damaged is a DamagedError for the place at in the data.
func (s *scanner) damaged(at int, format string, args ...any) error {
	return &DamagedError{Path: s.path, Line: s.x.lineAt(at), Err: fmt.Errorf(format, args...)}
}

func (x *xmlText) lineAt(at int) int { return 1 + bytes.Count(x.data[:at], []byte("\n")) }

// orEmpty is a value as Tentacle has it: PowerShell's [xml].Save breaks an empty element over two
// lines, so white space alone is no value.
func orEmpty(value string) string {
	if strings.Trim(value, xmlSpace) == "" {
		return ""
	}
	return value
}

func (x *xmlText) bytes() []byte { return encode(x.data, x.utf16) }

func (x *xmlText) clone() body {
	clone := *x
	clone.data, clone.sets = slices.Clone(x.data), slices.Clone(x.sets)
	return &clone
}

func (x *xmlText) get(key string) (value string, found bool) {
	if i := x.find(key); i >= 0 {
		return x.sets[i].value, true
	}
	return "", false
}

// find is the index of the setting that counts: of several with the key the last one, as for
// Tentacle.
func (x *xmlText) find(key string) int {
	for i := len(x.sets) - 1; i >= 0; i-- {
		if strings.EqualFold(x.sets[i].key, key) {
			return i
		}
	}
	return -1
}

func (x *xmlText) line(key string) int { return x.lineAt(x.sets[x.find(key)].start) }

func (x *xmlText) all() []Setting {
	list := make([]Setting, len(x.sets))
	for i, s := range x.sets {
		list[i] = Setting{s.key, s.value}
	}
	return list
}

func (x *xmlText) settings() []Setting {
	last := make(map[string]int, len(x.sets))
	for i, s := range x.sets {
		last[foldCase(s.key)] = i
	}
	var list []Setting
	for i, s := range x.sets {
		if last[foldCase(s.key)] == i {
			list = append(list, Setting{s.key, s.value})
		}
	}
	return list
}

// same is in any case of letters.
func (x *xmlText) same(key, other string) bool { return strings.EqualFold(key, other) }

// foldCase is the same text for all that strings.EqualFold calls equal: each letter is replaced by
// the least of its forms.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for form := unicode.SimpleFold(r); form != r; form = unicode.SimpleFold(form) {
			least = min(least, form)
		}
		return least
	}, s)
}

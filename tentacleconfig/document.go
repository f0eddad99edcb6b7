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

// Keys of the settings that octo-tentacle reads or writes. The names are those
// of Tentacle's Configuration/TentacleConfiguration.cs, HomeConfiguration.cs
// and PollingProxyConfiguration.cs.
const (
	KeyHome                   = "Octopus.Home"
	KeyCertificate            = "Tentacle.Certificate"
	KeyThumbprint             = "Tentacle.CertificateThumbprint"
	KeyTrustedServers         = "Tentacle.Communication.TrustedOctopusServers"
	KeyPollingConnectionCount = "Tentacle.Communication.PollingConnectionCount"
	KeyPort                   = "Tentacle.Services.PortNumber"
	KeyNoListen               = "Tentacle.Services.NoListen"
	KeyListenIP               = "Tentacle.Services.ListenIP"
	KeyIsRegistered           = "Tentacle.Services.IsRegistered"
	KeyApplicationDirectory   = "Tentacle.Deployment.ApplicationDirectory"
	KeySquid                  = "Octopus.Communications.Squid" // of Tentacle 2; later ones only read it
	KeyUseDefaultProxy        = "Octopus.Server.Proxy.UseDefaultProxy"
	KeyProxyHost              = "Octopus.Server.Proxy.ProxyHost"
	KeyProxyPort              = "Octopus.Server.Proxy.ProxyPort"
	KeyProxyUsername          = "Octopus.Server.Proxy.ProxyUsername"
	KeyProxyPassword          = "Octopus.Server.Proxy.ProxyPassword"
)

// IsSecret says whether the value of a setting must not be shown: the
// certificate with its key, and passwords.
func IsSecret(key string) bool {
	key = strings.ToLower(key)
	return key == strings.ToLower(KeyCertificate) || strings.HasSuffix(key, "password")
}

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

	xmlSpace   = " \t\r\n"
	bom        = "\ufeff"
	saveAsUTF8 = "save it as UTF-8, as Tentacle does"
)

// Document is the content of one Tentacle.config. Its bytes are kept as they were read, with the
// place of each setting in them, because no XML library writes back what it read byte for byte.
type Document struct {
	path     string
	data     []byte            // as UTF-8, with the byte order mark
	utf16    encoding.Encoding // of a file in UTF-16, else nil
	root     element
	settings []setting // in file order
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

// Setting is one key of the configuration and what it is set to.
type Setting struct{ Key, Value string }

// DamagedError is a configuration file that cannot be understood.
type DamagedError struct {
	Path string
	Line int   // where in the file, from 1; 0 where it is the whole file
	Err  error // the reason: with Line 0 one that reads on after the path, like "is empty"
}

func (e *DamagedError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s, line %d: %v", e.Path, e.Line, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// Parse reads data as the configuration that path has. Path is only used to say in errors which
// file is meant; the refusals are those of Read.
func Parse(path string, data []byte) (*Document, error) {
	text, utf16, err := decode(data)
	if err != nil {
		return nil, &DamagedError{Path: path, Err: err}
	}
	d := &Document{path: path, data: text, utf16: utf16}
	if err := d.checkText(); err != nil {
		return nil, &DamagedError{Path: path, Err: err}
	}
	if err := d.scan(); err != nil {
		return nil, err
	}
	return d, nil
}

// checkText refuses what is obviously not XML, with better messages than a parser.
func (d *Document) checkText() error {
	switch {
	case len(d.data) > maxSize:
		return fmt.Errorf("is larger than %d MiB, so it is not a Tentacle's configuration", maxSize>>20)
	case bytes.IndexByte(d.data, 0) >= 0:
		return hint.New("is not a text file", saveAsUTF8)
	case len(bytes.Trim(bytes.TrimPrefix(d.data, []byte(bom)), xmlSpace)) == 0:
		return errors.New("is empty: Tentacle may have been stopped while writing it")
	}
	return nil
}

// scan finds the root element and the settings in it, with their places and values, and refuses
// what is not well-formed or not a configuration.
func (d *Document) scan() error {
	skipped := 0
	if bytes.HasPrefix(d.data, []byte(bom)) {
		skipped = len(bom) // the decoder would take it for text
	}
	s := scanner{d: d, declared: skipped}
	dec := newDecoder(d.data[skipped:])
	for {
		from := skipped + int(dec.InputOffset())
		token, err := dec.Token()
		if err == io.EOF && s.roots == 1 {
			return nil
		}
		if err != nil {
			return d.malformed(err, from)
		}
		if err := s.token(token, from, skipped+int(dec.InputOffset())); err != nil {
			return err
		}
	}
}

// scanner is what is known of a document after the tokens so far.
type scanner struct {
	d                      *Document
	declared               int // the only place for an XML declaration
	depth, roots, elements int
	open                   *setting // whose end tag has not come yet, if any
	value                  bytes.Buffer
}

// token takes in a token, which lies between these places in the data.
func (s *scanner) token(token xml.Token, from, to int) error {
	switch t := token.(type) {
	case xml.StartElement:
		return s.start(t, element{start: from, content: to})
	case xml.EndElement:
		s.end(from, to)
	case xml.CharData: // CDATA too
		if s.depth == 0 && len(bytes.Trim(t, xmlSpace)) > 0 {
			return s.d.damaged(from, "there is text outside of <%s>", rootName)
		}
		if s.depth == 2 { // the text of elements in it, and comments, are not part of the value
			s.value.Write(t)
		}
	case xml.ProcInst:
		if t.Target == "xml" && from > s.declared {
			return hint.With(s.d.damaged(from, "the XML declaration (<?xml …?>) is not the first thing in the file, so Tentacle does not read it"),
				"remove everything before it, including blank lines")
		}
	case xml.Directive:
		// An entity declared there would be lost, or believed to be text.
		return s.d.damaged(from, "it has a document type declaration (<!%s…>), which a Tentacle's configuration cannot have", firstWord(t))
	}
	return nil
}

func (s *scanner) start(t xml.StartElement, e element) error {
	if s.elements++; s.elements > maxElements {
		return s.d.damaged(e.start, "it has more than %d elements, so it is not a Tentacle's configuration", maxElements)
	}
	if name, twice := duplicateAttr(t.Attr); twice {
		return s.d.damaged(e.start, "the element <%s> has the attribute %s twice", t.Name.Local, name)
	}
	s.depth++
	switch s.depth {
	case 1:
		s.roots++
		s.d.root = e
		return s.d.checkRoot(t, s.roots, e.start)
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
		s.d.root.contentEnd, s.d.root.end = from, to
	case s.depth == 2 && s.open != nil:
		s.open.contentEnd, s.open.end = from, to
		s.open.value = orEmpty(s.value.String())
		s.d.settings = append(s.d.settings, *s.open)
		s.open = nil
	}
	s.depth--
}

func (d *Document) checkRoot(t xml.StartElement, nth, at int) error {
	switch {
	case nth > 1:
		return d.damaged(at, "there is a second root element, <%s>", t.Name.Local)
	case t.Name.Local != rootName:
		return d.damaged(at, "this is not a Tentacle's configuration: its root element is <%s>, not <%s>", t.Name.Local, rootName)
	case t.Name.Space != "":
		// .NET's XmlSerializer, which Tentacle reads with, refuses it too.
		return d.damaged(at, "<%s> is in the namespace %q; Tentacle expects no namespace", rootName, t.Name.Space)
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
func (d *Document) malformed(err error, at int) error {
	var syntax *xml.SyntaxError
	switch {
	case err == io.EOF:
		return d.damaged(at, "it has no element <%s>", rootName)
	case !errors.As(err, &syntax):
		return d.damaged(at, "%w", errors.New(strings.TrimPrefix(err.Error(), "xml: ")))
	case strings.HasPrefix(syntax.Msg, "unexpected EOF"):
		return d.damaged(len(d.data), "the file is incomplete: Tentacle may have been stopped while writing it, or the disk was full")
	case syntax.Msg == "invalid UTF-8": // as files from an editor of an older Windows are
		return &DamagedError{d.path, syntax.Line, hint.New("it is not UTF-8", saveAsUTF8)}
	}
	return &DamagedError{d.path, syntax.Line, fmt.Errorf("it is not well-formed XML: %s", syntax.Msg)}
}

// damaged is a DamagedError for the place at in the data.
func (d *Document) damaged(at int, format string, args ...any) error {
	return &DamagedError{d.path, d.line(at), fmt.Errorf(format, args...)}
}

func (d *Document) line(at int) int { return 1 + bytes.Count(d.data[:at], []byte("\n")) }

// orEmpty is a value as Tentacle has it: PowerShell's [xml].Save breaks an empty element over two
// lines, so white space alone is no value.
func orEmpty(value string) string {
	if strings.Trim(value, xmlSpace) == "" {
		return ""
	}
	return value
}

// Bytes is the whole file as it should be saved.
func (d *Document) Bytes() []byte { return encode(d.data, d.utf16) }

// Clone is a copy that can be changed by itself.
func (d *Document) Clone() *Document {
	clone := *d
	clone.data, clone.settings = slices.Clone(d.data), slices.Clone(d.settings)
	return &clone
}

// Replace makes d say what other says, in every byte; its path stays.
func (d *Document) Replace(other *Document) {
	path := d.path
	*d = *other.Clone()
	d.path = path
}

// Get returns the value of key, in any case of letters. Of several settings
// with the key the last one counts, as for Tentacle.
func (d *Document) Get(key string) (value string, ok bool) {
	if i := d.find(key); i >= 0 {
		return d.settings[i].value, true
	}
	return "", false
}

func (d *Document) find(key string) int {
	for i := len(d.settings) - 1; i >= 0; i-- {
		if strings.EqualFold(d.settings[i].key, key) {
			return i
		}
	}
	return -1
}

// Listens says whether the Tentacle opens its own port, as it does unless told not to.
func (d *Document) Listens() bool {
	noListen, _ := d.Get(KeyNoListen)
	return !strings.EqualFold(strings.TrimSpace(noListen), "true")
}

// place is where the setting key, which there is, begins in the data.
func (d *Document) place(key string) int { return d.settings[d.find(key)].start }

// Settings lists what is set, in the order of the file. A setting that a later one with the same
// key overrides is omitted. The time is linear in the size of the file.
func (d *Document) Settings() []Setting {
	last := make(map[string]int, len(d.settings))
	for i, s := range d.settings {
		last[foldCase(s.key)] = i
	}
	var list []Setting
	for i, s := range d.settings {
		if last[foldCase(s.key)] == i {
			list = append(list, Setting{s.key, s.value})
		}
	}
	return list
}

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

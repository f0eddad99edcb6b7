package tentacleconfig

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
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

	// A configuration has some kilobytes; with 10,000 servers it has two
	// megabytes. What is larger than this is something else.
	maxSize = 64 << 20

	// A configuration has some dozens of settings. Each takes a hundred times its
	// bytes to understand, and who can write the file may not be who reads it: root.
	maxElements = 100_000

	xmlSpace   = " \t\r\n"
	bom        = "\ufeff"
	saveAsUTF8 = "save it as UTF-8, as Tentacle does"
	repair     = "restore the file from a backup (octo-tentacle list-backups), or repair it; nothing was changed"
)

// Document is the content of one Tentacle.config. Its bytes are kept as they
// were read: etree says what the settings are, and a second pass over the same
// bytes says where in them each one stands, because no XML library writes back
// what it read byte for byte.
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

// Read reads the configuration file at path. It refuses, naming file and line
// and saying what to do, what is not the configuration of a Tentacle: a file
// that is empty, ends in the middle, is not XML, has another root element, is
// neither UTF-8 nor UTF-16 or has more than 64 MiB.
func Read(path string) (*Document, error) { return readDocument(path, openShared) }

// opener opens a file to read it: openShared, or openTarget where its folder may
// be anybody's and what is read goes into another file.
type opener func(path string) (*os.File, error)

func readDocument(path string, open opener) (*Document, error) {
	for tries := readTries; ; tries-- {
		data, changed, err := readFile(path, open)
		if err != nil {
			return nil, err
		}
		d, err := Parse(path, data)
		// Tentacle saves by emptying the file and then writing it: whoever
		// looks in between sees an empty one or its first half.
		if err == nil || tries == 0 || time.Since(changed) > time.Second {
			return d, err
		}
		time.Sleep(readPause)
	}
}

// Tentacle's own save takes a few milliseconds.
const (
	readTries = 5
	readPause = 50 * time.Millisecond
)

// ReadDamaged reads like Read, but for who means to replace the whole file: what
// Read refuses to understand is a Document too, which has its bytes, and no
// settings. Errors are those of a file that cannot be read at all, or that is
// too large.
func ReadDamaged(path string) (*Document, error) { return readDamaged(path, openShared) }

func readDamaged(path string, open opener) (*Document, error) {
	d, refusal := readDocument(path, open)
	if refusal == nil {
		return d, nil
	}
	data, _, err := readFile(path, open)
	if err != nil || len(data) > maxSize {
		return nil, refusal
	}
	return &Document{path: path, data: data}, nil
}

func readFile(path string, open opener) (data []byte, changed time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, changed, readError(path, err)
	}
	if !info.Mode().IsRegular() { // a pipe or a device would block or never end
		return nil, changed, fmt.Errorf("%s is not a file, so it cannot be a Tentacle's configuration", path)
	}
	f, err := open(path)
	if err != nil {
		return nil, changed, readError(path, err)
	}
	defer f.Close()
	data, err = io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, changed, readError(path, err)
	}
	return data, info.ModTime(), nil
}

// readAll is os.ReadFile with an opener.
func readAll(path string, open opener) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

func readError(path string, err error) error {
	err = withoutPath(err) // which is named already
	to, notLink := os.Readlink(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && notLink == nil:
		return fmt.Errorf("there is no configuration file %s: it is a link to %s, which leads nowhere: %w", path, to, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no configuration file %s: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot read %s: %w\nrun this as root (on Windows: as Administrator) or as the file's owner", path, err)
	}
	return fmt.Errorf("cannot read %s: %w", path, err)
}

// Parse reads data as the configuration that path has. Path is only used to
// say in errors which file is meant; the refusals are those of Read.
func Parse(path string, data []byte) (*Document, error) {
	text, utf16, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w\n%s", path, err, repair)
	}
	d := &Document{path: path, data: text, utf16: utf16}
	if err := d.looksReadable(); err != nil {
		return nil, err
	}
	children, err := d.scan()
	if err != nil {
		return nil, err
	}
	tree := etree.NewDocument()
	if err := tree.ReadFromBytes(bytes.TrimPrefix(d.data, []byte(bom))); err != nil {
		return nil, fmt.Errorf("%s is not well-formed XML: %w\n%s", path, err, repair)
	}
	for i, e := range tree.Root().ChildElements() {
		if children[i].isSetting {
			children[i].value = textOf(e)
			d.settings = append(d.settings, children[i].setting)
		}
	}
	return d, nil
}

// looksReadable refuses with better words than a parser has.
func (d *Document) looksReadable() error {
	switch {
	case len(d.data) > maxSize:
		return fmt.Errorf("%s has more than %d MiB: that is not a Tentacle's configuration; nothing was changed", d.path, maxSize>>20)
	case bytes.IndexByte(d.data, 0) >= 0:
		return fmt.Errorf("%s is no text; nothing was changed\n%s", d.path, saveAsUTF8)
	case len(bytes.Trim(bytes.TrimPrefix(d.data, []byte(bom)), xmlSpace)) == 0:
		return fmt.Errorf("%s is empty: Tentacle may have been stopped while it wrote it\n%s", d.path, repair)
	}
	return nil
}

// child is an element directly below the root; only some are settings.
type child struct {
	setting
	isSetting bool
}

// scan finds where the root and its children stand.
func (d *Document) scan() (children []child, err error) {
	skipped := 0
	if bytes.HasPrefix(d.data, []byte(bom)) {
		skipped = len(bom) // the decoder would take it for text
	}
	dec := newDecoder(d.data[skipped:])
	depth, roots, elements := 0, 0, 0
	for {
		before := skipped + int(dec.InputOffset())
		token, err := dec.Token()
		after := skipped + int(dec.InputOffset())
		if err == io.EOF && roots == 1 {
			return children, nil
		}
		if err != nil {
			return nil, d.malformed(err, before)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if elements++; elements > maxElements {
				return nil, d.refuse(before, "it has more than %d elements: that is not a Tentacle's configuration", maxElements)
			}
			depth++
			e := element{start: before, content: after}
			switch depth {
			case 1:
				roots++
				if err := d.checkRoot(t, roots, before); err != nil {
					return nil, err
				}
				d.root = e
			case 2:
				key, isSetting := keyOf(t)
				children = append(children, child{setting{element: e, key: key}, isSetting})
			}
			if name, twice := repeated(t.Attr); twice {
				return nil, d.refuse(before, "the element <%s> has the attribute %s twice", t.Name.Local, name)
			}
		case xml.EndElement:
			switch depth {
			case 1:
				d.root.contentEnd, d.root.end = before, after
			case 2:
				last := &children[len(children)-1]
				last.contentEnd, last.end = before, after
			}
			depth--
		case xml.CharData:
			if depth == 0 && len(bytes.Trim(t, xmlSpace)) > 0 {
				return nil, d.refuse(before, "there is text outside of <%s>", rootName)
			}
		case xml.ProcInst:
			if t.Target == "xml" && before > skipped {
				return nil, d.refuse(before, "the XML declaration (<?xml …?>) has to be the very first in the file, or Tentacle does not read it: remove what stands before it, blank lines too")
			}
		case xml.Directive:
			// An entity declared there would be lost, or believed to be text.
			return nil, d.refuse(before, "it has a document type declaration (<!%s…>), which a Tentacle's configuration never has", firstWord(t))
		}
	}
}

func (d *Document) checkRoot(t xml.StartElement, nth, at int) error {
	switch {
	case nth > 1:
		return d.refuse(at, "there is a second root element, <%s>", t.Name.Local)
	case t.Name.Local != rootName:
		return d.refuse(at, "this is not a Tentacle's configuration: its root element is <%s>, not <%s>", t.Name.Local, rootName)
	case t.Name.Space != "":
		// .NET's XmlSerializer, which Tentacle reads with, refuses it too.
		return d.refuse(at, "<%s> stands in the namespace %q; Tentacle knows it in none", rootName, t.Name.Space)
	}
	return nil
}

// keyOf says whether the element is a setting, and of which key. Elements of
// other names or namespaces, and those without a key, are not ours to touch.
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

func repeated(attrs []xml.Attr) (name string, twice bool) {
	for i, a := range attrs {
		if slices.ContainsFunc(attrs[:i], func(b xml.Attr) bool { return a.Name == b.Name }) {
			return a.Name.Local, true
		}
	}
	return "", false
}

func firstWord(text []byte) string {
	if words := bytes.Fields(text); len(words) > 0 {
		return string(words[0])
	}
	return ""
}

// malformed puts the decoder's error into words for whoever edits the file.
func (d *Document) malformed(err error, at int) error {
	var syntax *xml.SyntaxError
	switch {
	case err == io.EOF:
		return d.refuse(at, "there is no element <%s> in it", rootName)
	case !errors.As(err, &syntax):
		return d.refuse(at, "%w", errors.New(strings.TrimPrefix(err.Error(), "xml: ")))
	case strings.HasPrefix(syntax.Msg, "unexpected EOF"):
		return d.refuse(len(d.data), "the file ends in the middle: Tentacle may have been stopped while it wrote it, or the disk was full")
	case syntax.Msg == "invalid UTF-8": // as files from an editor of an older Windows are
		return fmt.Errorf("%s, line %d: this is not UTF-8; nothing was changed\n%s", d.path, syntax.Line, saveAsUTF8)
	}
	return fmt.Errorf("%s, line %d: not well-formed XML: %s\n%s", d.path, syntax.Line, syntax.Msg, repair)
}

func (d *Document) refuse(at int, format string, args ...any) error {
	return fmt.Errorf("%s, line %d: %w\n%s", d.path, d.line(at), fmt.Errorf(format, args...), repair)
}

func (d *Document) line(at int) int { return 1 + bytes.Count(d.data[:at], []byte("\n")) }

// textOf is what stands in an element, CDATA included, without what other
// elements and comments in it say. PowerShell's [xml].Save breaks an empty
// element over two lines, so white space alone is no value.
func textOf(e *etree.Element) string {
	var parts []string
	for _, c := range e.Child {
		if t, ok := c.(*etree.CharData); ok {
			parts = append(parts, t.Data)
		}
	}
	return orEmpty(strings.Join(parts, ""))
}

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

// Settings lists what is set, in the order of the file. A setting that a later
// one with the same key makes void is left out.
func (d *Document) Settings() []Setting {
	var list []Setting
	for i, s := range d.settings {
		if d.find(s.key) == i {
			list = append(list, Setting{s.key, s.value})
		}
	}
	return list
}

package tentacleconfig

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// What .NET's XmlTextReader refuses, with which Tentacle reads the file (Configuration/
// XmlKeyValueStore.cs), and encoding/xml does not: prefixes that are not declared, and some of what
// is not well-formed (System/Xml/Core/XmlTextReaderImpl.cs in dotnet/runtime). A reference to half
// of a character, like &#xD800;, is none of that: this reader, without Normalization, takes it.

// declaration is what an XML declaration may look like; the encoding counts for nothing.
var declaration = lazyregexp.New(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*("1\.0"|'1\.0')` +
	`([ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*("[^"<&]*"|'[^'<&]*'))?` +
	`([ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*("(yes|no)"|'(yes|no)'))?[ \t\r\n]*\?>$`)

// isDeclaration says whether it is an XML declaration as it may be. Nearly all are the one that
// .NET writes.
func isDeclaration(text []byte) bool {
	return string(text) == `<?xml version="1.0" encoding="utf-8"?>` || declaration().Match(text)
}

// xmlSpace is the white space of XML.
const xmlSpace = " \t\r\n"

const xmlNamespace = "http://www.w3.org/XML/1998/namespace"

// prefixes are those that are declared at a place in a document, and how often.
type prefixes struct {
	declared map[string]int
	scopes   [][]string // what each open element declares
}

// open takes in a start tag.
func (p *prefixes) open(names []rawName) {
	if p.declared == nil {
		p.declared = map[string]int{"xml": 1, "xmlns": 1}
	}
	var scope []string
	for _, name := range names {
		if name.prefix == "xmlns" {
			scope = append(scope, name.local)
			p.declared[name.local]++
		}
	}
	p.scopes = append(p.scopes, scope)
}

// close takes in the end of the element that was opened last.
func (p *prefixes) close() {
	last := len(p.scopes) - 1
	for _, prefix := range p.scopes[last] {
		p.declared[prefix]--
	}
	p.scopes = p.scopes[:last]
}

// rawName is the name of an element or an attribute as it is written.
type rawName struct{ prefix, local string }

// start refuses a start tag that .NET refuses: t is what encoding/xml has made of it, which has
// found it well-formed.
func (p *prefixes) start(t xml.StartElement, tag []byte) error {
	names, unparted, unnamed := rawNames(tag)
	switch {
	case unnamed != "":
		return fmt.Errorf("%q is not a name for an element or an attribute", unnamed)
	case unparted:
		return fmt.Errorf("the element <%s> has no space between two attributes", t.Name.Local)
	}
	p.open(names)
	for _, name := range names {
		if name.prefix != "" && p.declared[name.prefix] == 0 {
			return fmt.Errorf("%s:%s has a prefix that is not declared: add xmlns:%s, or remove the prefix", name.prefix, name.local, name.prefix)
		}
	}
	for _, a := range t.Attr {
		switch {
		case a.Name.Space == "xmlns" && a.Value == "":
			return fmt.Errorf("xmlns:%s is empty, but a prefix needs a namespace", a.Name.Local)
		case a.Name == xml.Name{Space: xmlNamespace, Local: "space"} && a.Value != "default" && a.Value != "preserve":
			return fmt.Errorf("xml:space is %q, but can only be default or preserve", a.Value)
		}
	}
	return nil
}

// rawNames are the name of the element and those of its attributes in a well-formed start tag.
// Unparted says that two attributes have nothing between them; unnamed is what is no name.
func rawNames(tag []byte) (names []rawName, unparted bool, unnamed string) {
	const ends = xmlSpace + "=/>"
	rest := tag[1:]
	for parted := true; ; {
		n := bytes.IndexAny(rest, ends)
		text := string(rest[:n])
		name := rawName{local: text}
		if prefix, local, found := strings.Cut(text, ":"); found {
			if name = (rawName{prefix, local}); prefix == "" || local == "" || strings.Contains(local, ":") {
				return nil, false, text
			}
		}
		if !parted {
			return nil, true, ""
		}
		names = append(names, name)
		rest = bytes.TrimLeft(rest[n:], xmlSpace)
		if rest[0] == '=' {
			rest = bytes.TrimLeft(rest[1:], xmlSpace)
			rest = rest[bytes.IndexByte(rest[1:], rest[0])+2:]
		} else if len(names) > 1 { // an attribute without a value, which the decoder refuses
			return names, false, ""
		}
		trimmed := bytes.TrimLeft(rest, xmlSpace)
		if parted = len(names) == 1 || len(trimmed) < len(rest); trimmed[0] == '/' || trimmed[0] == '>' {
			return names, false, ""
		}
		rest = trimmed
	}
}

package tentacleconfig

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// Set gives key a value. Where it has that value already, nothing changes;
// otherwise only the bytes between the tags of its element do. A new setting
// gets a line of its own, where the order of the keys wants it. Characters that
// XML cannot carry become U+FFFD.
func (d *Document) Set(key, value string) {
	key, value = replaceInvalid(key), orEmpty(replaceInvalid(value))
	i := d.find(key)
	if i < 0 {
		d.insert(key, value)
		return
	}
	s := &d.settings[i]
	if s.value == value {
		return
	}
	s.value = value
	if s.selfClosing() {
		d.open(&s.element, setName, i+1)
	}
	content := withText(d.data[s.content:s.contentEnd], value)
	by := d.replace(s.content, s.contentEnd, content, i+1)
	s.contentEnd += by
	s.end += by
}

// remove removes the setting with that index, with its line where it has one to itself.
func (d *Document) remove(i int) {
	s := d.settings[i]
	from := s.start
	rest, _, _ := bytes.Cut(d.data[s.end:d.root.contentEnd], []byte("\n"))
	if len(bytes.Trim(rest, xmlSpace)) == 0 {
		from -= len(d.indentation(s.start))
	}
	d.replace(from, s.end, nil, i+1)
	d.settings = slices.Delete(d.settings, i, i+1)
}

// replace puts text where data[from:to] is. The settings from index next on
// stand behind that place, so they move; by says how far.
func (d *Document) replace(from, to int, text []byte, next int) (by int) {
	d.data = slices.Concat(d.data[:from], text, d.data[to:])
	by = len(text) - (to - from)
	for i := range d.settings[next:] {
		d.settings[next+i].move(by)
	}
	d.root.contentEnd += by
	d.root.end += by
	return by
}

// open turns <name … /> into <name …></name>, so that something can stand in it.
func (d *Document) open(e *element, name string, next int) {
	tag := bytes.TrimRight(bytes.TrimSuffix(d.data[e.start:e.end], []byte("/>")), xmlSpace)
	pair := slices.Concat(tag, []byte("></"+name+">"))
	d.replace(e.start, e.end, pair, next)
	e.content = e.start + len(tag) + 1
	e.contentEnd = e.content
	e.end = e.start + len(pair)
}

// insert adds a setting: after the one that the order of the keys puts before
// it, with the white space that one has before it, and without parting a
// comment from what it stands beside.
func (d *Document) insert(key, value string) {
	if d.root.selfClosing() {
		d.open(&d.root, rootName, 0)
	}
	previous := d.previous(key)
	at, before, after := d.root.content, "", ""
	switch {
	case len(d.settings) == 0:
		body := d.data[d.root.content:d.root.contentEnd]
		kept := len(bytes.TrimRight(body, xmlSpace))
		at += kept
		before = d.newline() + "  "
		if !bytes.Contains(body[kept:], []byte("\n")) {
			after = d.newline()
		}
	case previous < 0:
		before = d.indentation(d.settings[0].start)
	default:
		at = d.endOfLine(d.settings[previous].end)
		before = d.indentation(d.settings[previous].start)
	}
	tag, content, end := startTag(key), escaped(value), []byte("</"+setName+">")
	i := previous + 1
	d.replace(at, at, slices.Concat([]byte(before), tag, content, end, []byte(after)), i)
	e := element{start: at + len(before)}
	e.content = e.start + len(tag)
	e.contentEnd = e.content + len(content)
	e.end = e.contentEnd + len(end)
	d.settings = slices.Insert(d.settings, i, setting{e, key, value})
}

// previous is the index of the setting that a new one with key goes behind: the
// one that the order wants there, or the last where the file has no order.
func (d *Document) previous(key string) int {
	order := func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
	sorted := slices.IsSortedFunc(d.settings, func(a, b setting) int { return order(a.key, b.key) })
	last := len(d.settings) - 1
	for sorted && last >= 0 && order(d.settings[last].key, key) > 0 {
		last--
	}
	return last
}

// indentation is the white space right before the place at: from its last line
// end, where it has one.
func (d *Document) indentation(at int) string {
	run := d.data[len(bytes.TrimRight(d.data[:at], xmlSpace)):at]
	if i := bytes.LastIndexByte(run, '\n'); i > 0 && run[i-1] == '\r' {
		run = run[i-1:]
	} else if i >= 0 {
		run = run[i:]
	}
	return string(run)
}

// endOfLine is where the line ends on which something ends at the place at, if
// all that follows there is a comment on it; else it is at.
func (d *Document) endOfLine(at int) int {
	rest := d.data[at:d.root.contentEnd]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	rest = bytes.TrimRight(rest, xmlSpace)
	comment := bytes.TrimLeft(rest, xmlSpace)
	if bytes.HasPrefix(comment, []byte("<!--")) && bytes.Index(comment, []byte("-->")) == len(comment)-len("-->") {
		return at + len(rest)
	}
	return at
}

func (d *Document) newline() string {
	if bytes.Contains(d.data, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// replaceInvalid puts U+FFFD for characters that XML cannot carry, not even escaped.
func replaceInvalid(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= ' ' && r != 0xFFFE && r != 0xFFFF || strings.ContainsRune(xmlSpace, r) {
			return r
		}
		return 0xFFFD
	}, s)
}

// As .NET writes text: & < > are escaped, quotes are not. In an attribute line
// ends are escaped too, or they would be read as spaces.
var asDotNet = &etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true, CanonicalEndTags: true}

func startTag(key string) []byte {
	e := etree.NewElement(setName)
	e.CreateAttr(keyName, key)
	var b bytes.Buffer
	e.WriteTo(&b, asDotNet)
	return bytes.TrimSuffix(b.Bytes(), []byte("</"+setName+">"))
}

func escaped(value string) []byte {
	var b bytes.Buffer
	etree.NewText(value).WriteTo(&b, asDotNet)
	return b.Bytes()
}

// withText is the content of an element with other text. Comments and elements
// in it stay; the new text stands where the old began.
func withText(content []byte, value string) []byte {
	var before, after bytes.Buffer
	rest := &before
	dec := newDecoder(content)
	for depth := 0; ; {
		from := dec.InputOffset()
		token, err := dec.RawToken()
		if err != nil { // the end: the content was well-formed when it was read
			break
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 {
				if len(bytes.Trim(t, xmlSpace)) > 0 {
					rest = &after
				}
				continue
			}
		}
		rest.Write(content[from:dec.InputOffset()])
	}
	return slices.Concat(before.Bytes(), escaped(value), after.Bytes())
}

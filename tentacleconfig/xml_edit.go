package tentacleconfig

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

func (x *xmlText) set(key, value string) {
	key, value = replaceInvalid(key), orEmpty(replaceInvalid(value))
	i := x.find(key)
	if i < 0 {
		x.insert(key, value)
		return
	}
	s := &x.sets[i]
	if s.value == value {
		return
	}
	s.value = value
	if s.selfClosing() {
		x.open(&s.element, setName, i+1)
	}
	content := withText(x.data[s.content:s.contentEnd], value)
	by := x.replace(s.content, s.contentEnd, content, i+1)
	s.contentEnd += by
	s.end += by
}

func (x *xmlText) remove(unwanted func(key string, counts bool) bool) {
	counted := map[string]bool{}
	for i := len(x.sets) - 1; i >= 0; i-- {
		folded := foldCase(x.sets[i].key)
		if unwanted(x.sets[i].key, !counted[folded]) {
			x.cut(i)
		}
		counted[folded] = true
	}
}

// cut removes the setting with that index, with its line where it has one to itself.
func (x *xmlText) cut(i int) {
	s := x.sets[i]
	from := s.start
	rest, _, _ := bytes.Cut(x.data[s.end:x.root.contentEnd], []byte("\n"))
	if len(bytes.Trim(rest, xmlSpace)) == 0 {
		from -= len(x.indentation(s.start))
	}
	x.replace(from, s.end, nil, i+1)
	x.sets = slices.Delete(x.sets, i, i+1)
}

// replace puts text where data[from:to] is. The settings from index next on
// stand behind that place, so they move; by says how far.
func (x *xmlText) replace(from, to int, text []byte, next int) (by int) {
	x.data = slices.Concat(x.data[:from], text, x.data[to:])
	by = len(text) - (to - from)
	for i := range x.sets[next:] {
		x.sets[next+i].move(by)
	}
	x.root.contentEnd += by
	x.root.end += by
	return by
}

// open turns <name … /> into <name …></name>, so that something can stand in it.
func (x *xmlText) open(e *element, name string, next int) {
	tag := bytes.TrimRight(bytes.TrimSuffix(x.data[e.start:e.end], []byte("/>")), xmlSpace)
	pair := slices.Concat(tag, []byte("></"+name+">"))
	x.replace(e.start, e.end, pair, next)
	e.content = e.start + len(tag) + 1
	e.contentEnd = e.content
	e.end = e.start + len(pair)
}

// insert adds a setting: after the one that the order of the keys puts before
// it, with the white space that one has before it, and without parting a
// comment from what it stands beside.
func (x *xmlText) insert(key, value string) {
	if x.root.selfClosing() {
		x.open(&x.root, rootName, 0)
	}
	previous := x.previous(key)
	at, before, after := x.root.content, "", ""
	switch {
	case len(x.sets) == 0:
		body := x.data[x.root.content:x.root.contentEnd]
		kept := len(bytes.TrimRight(body, xmlSpace))
		at += kept
		before = x.newline() + "  "
		if !bytes.Contains(body[kept:], []byte("\n")) {
			after = x.newline()
		}
	case previous < 0:
		before = x.indentation(x.sets[0].start)
	default:
		at = x.endOfLine(x.sets[previous].end)
		before = x.indentation(x.sets[previous].start)
	}
	tag, content, end := startTag(key), escaped(value), []byte("</"+setName+">")
	i := previous + 1
	x.replace(at, at, slices.Concat([]byte(before), tag, content, end, []byte(after)), i)
	e := element{start: at + len(before)}
	e.content = e.start + len(tag)
	e.contentEnd = e.content + len(content)
	e.end = e.contentEnd + len(end)
	x.sets = slices.Insert(x.sets, i, setting{e, key, value})
}

// previous is the index of the setting that a new one with key goes behind: the
// one that the order wants there, or the last where the file has no order.
func (x *xmlText) previous(key string) int {
	order := func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
	sorted := slices.IsSortedFunc(x.sets, func(a, b setting) int { return order(a.key, b.key) })
	last := len(x.sets) - 1
	for sorted && last >= 0 && order(x.sets[last].key, key) > 0 {
		last--
	}
	return last
}

// indentation is the white space right before the place at: from its last line
// end, where it has one.
func (x *xmlText) indentation(at int) string {
	run := x.data[len(bytes.TrimRight(x.data[:at], xmlSpace)):at]
	if i := bytes.LastIndexByte(run, '\n'); i > 0 && run[i-1] == '\r' {
		run = run[i-1:]
	} else if i >= 0 {
		run = run[i:]
	}
	return string(run)
}

// endOfLine is where the line ends on which something ends at the place at, if
// all that follows there is a comment on it; else it is at.
func (x *xmlText) endOfLine(at int) int {
	rest := x.data[at:x.root.contentEnd]
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

func (x *xmlText) newline() string {
	if bytes.Contains(x.data, []byte("\r\n")) {
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

package tentaclefile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/internal/visible"
	"go.yaml.in/yaml/v3"
)

// A key of a mapping: how it is read into a T, and written from one.
type key[T any] struct {
	name  string
	read  func(r *reader, n *yaml.Node, at string, into *T)
	write func(from *T) *yaml.Node // nil where it is not named
	shape shape
}

// shape is what docs/tentacle.schema.json says about a key.
type shape struct {
	kind  string   // text, number, boolean, texts, section, sections or ports
	least int      // of how many items a list has
	words []string // the only texts, or what can stand in the place of a section, as YAML has it
	keys  []schemaKey
}

// schemaKey is a key without its types.
type schemaKey struct {
	name  string
	shape shape
}

func schemaKeys[T any](keys []key[T]) (all []schemaKey) {
	for _, k := range keys {
		all = append(all, schemaKey{k.name, k.shape})
	}
	return all
}

func namesOf[T any](keys []key[T]) (names []string) {
	for _, k := range keys {
		names = append(names, k.name)
	}
	return names
}

// readInto reads a mapping.
func readInto[T any](r *reader, n *yaml.Node, at string, keys []key[T], into *T) bool {
	byName := make(map[string]key[T], len(keys))
	for _, k := range keys {
		byName[k.name] = k
	}
	return r.mapping(n, at, namesOf(keys), func(name string, n *yaml.Node, at string) {
		byName[name].read(r, n, at, into)
	})
}

// nodeOf writes a mapping; nil for one without keys.
func nodeOf[T any](keys []key[T], from *T) *yaml.Node {
	mapping := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range keys {
		if value := k.write(from); value != nil {
			mapping.Content = append(mapping.Content, scalar("!!str", k.name), value)
		}
	}
	if len(mapping.Content) == 0 {
		return nil
	}
	return mapping
}

// scalar writes a value. It is in double quotes where it has what escaped writes out, and where an
// older YAML would not take it for a text.
func scalar(tag, value string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
	if !visible.Is(value) || tag == "!!str" && old().MatchString(value) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// old are the texts that programs with YAML 1.1, as Ansible, take for a boolean or a number.
var old = lazyregexp.New(`^(?i:y|n|yes|no|on|off|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+)$`)

// textKey is a key with a text, which check brings into the form in which it is kept.
func textKey[T any](name string, field func(*T) *string, check func(string) (string, error), words ...string) key[T] {
	return key[T]{
		name: name,
		read: func(r *reader, n *yaml.Node, at string, into *T) {
			if text, ok := r.text(n, at, check); ok {
				*field(into) = text
			}
		},
		write: func(from *T) *yaml.Node {
			if *field(from) == "" {
				return nil
			}
			return scalar("!!str", *field(from))
		},
		shape: shape{kind: "text", words: words},
	}
}

// numberKey is a key with a whole number from 1.
func numberKey[T any](name string, field func(*T) *int, most int, what string) key[T] {
	return key[T]{
		name: name,
		read: func(r *reader, n *yaml.Node, at string, into *T) {
			if number, ok := r.number(n, at, most, what); ok {
				*field(into) = number
			}
		},
		write: func(from *T) *yaml.Node {
			if *field(from) == 0 {
				return nil
			}
			return scalar("!!int", fmt.Sprint(*field(from)))
		},
		shape: shape{kind: "number"},
	}
}

// trueKey is a key that is true: leaving it out leaves things as they are, and the opposite has a
// command of its own.
func trueKey[T any](name string, field func(*T) *bool, opposite string) key[T] {
	return key[T]{
		name: name,
		read: func(r *reader, n *yaml.Node, at string, into *T) {
			value, ok := r.boolean(n, at)
			if ok && !value {
				r.wrong(n.Line, at, errors.New("it can only be true: omit it to leave this as it is, or use "+opposite))
			}
			*field(into) = ok && value
		},
		write: func(from *T) *yaml.Node {
			if !*field(from) {
				return nil
			}
			return scalar("!!bool", "true")
		},
		shape: shape{kind: "boolean"},
	}
}

// textsKey is a key with a list of texts, each once. Empty says what to do instead of an empty
// list; "" where a list may be empty.
func textsKey[T any](name string, field func(*T) *[]string, check func(string) (string, error), empty string) key[T] {
	least := 0
	if empty != "" {
		least = 1
	}
	return key[T]{
		name: name,
		read: func(r *reader, n *yaml.Node, at string, into *T) {
			if texts, ok := r.texts(n, at, check, empty); ok {
				*field(into) = texts
			}
		},
		write: func(from *T) *yaml.Node { return textsNode(*field(from)) },
		shape: shape{kind: "texts", least: least},
	}
}

// texts reads a list of texts, each once.
func (r *reader) texts(n *yaml.Node, at string, check func(string) (string, error), empty string) ([]string, bool) {
	texts, seen := []string{}, map[string]bool{}
	ok := r.list(n, at, "values", func(n *yaml.Node, at string) {
		text, ok := r.text(n, at, check)
		switch {
		case !ok:
		case seen[strings.ToLower(text)]:
			r.wrong(n.Line, at, fmt.Errorf("%s is in the list twice", text))
		default:
			seen[strings.ToLower(text)] = true
			texts = append(texts, text)
		}
	})
	if ok && empty != "" && len(aliased(n).Content) == 0 {
		r.wrong(n.Line, at, errors.New("the list is empty: "+empty))
	}
	return texts, ok
}

// textsNode writes a list of texts, an empty one as [].
func textsNode(texts []string) *yaml.Node {
	if texts == nil {
		return nil
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	if len(texts) == 0 {
		list.Style = yaml.FlowStyle
	}
	for _, text := range texts {
		list.Content = append(list.Content, scalar("!!str", text))
	}
	return list
}

// A word is a value that stands in the place of a section.
type word[S any] struct {
	tag, text string
	value     S
}

// sectionKey is a key with keys of its own, or with a word instead.
func sectionKey[T any, S comparable](name string, field func(*T) **S, keys []key[S], words ...word[S]) key[T] {
	is := shape{kind: "section", keys: schemaKeys(keys)}
	for _, w := range words {
		is.words = append(is.words, w.text)
	}
	return key[T]{
		name: name,
		read: func(r *reader, n *yaml.Node, at string, into *T) {
			n, ok := r.value(n, at)
			if !ok {
				return
			}
			for _, w := range words {
				if n.Kind == yaml.ScalarNode && n.Tag == w.tag && strings.EqualFold(n.Value, w.text) {
					value := w.value
					*field(into) = &value
					return
				}
			}
			if len(words) > 0 && n.Kind != yaml.MappingNode && !isNull(n) {
				r.wrong(n.Line, at, fmt.Errorf("expected %s, or the keys %s", wordsOf(words), strings.Join(namesOf(keys), ", ")))
				return
			}
			var section S
			if !readInto(r, n, at, keys, &section) {
				return
			}
			if len(n.Content) == 0 {
				r.wrong(n.Line, at, errNoValue)
			}
			*field(into) = &section
		},
		write: func(from *T) *yaml.Node {
			section := *field(from)
			if section == nil {
				return nil
			}
			for _, w := range words {
				if *section == w.value {
					return scalar(w.tag, w.text)
				}
			}
			return nodeOf(keys, section)
		},
		shape: is,
	}
}

func wordsOf[S any](words []word[S]) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return strings.Join(texts, ", ")
}

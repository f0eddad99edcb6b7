package tentaclefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/internal/similar"
	"go.yaml.in/yaml/v3"
)

// Bounds far above any Tentacle: aliases (*name) could make much of little otherwise.
const (
	maxItems  = 1000   // of a list
	maxValues = 20_000 // of a file
)

// reader collects what is wrong while a file is read.
type reader struct {
	source    string
	positions positions
	mistakes  []error
	values    int   // so far
	ports     []int // at which each node is polled; none: at its own
}

func (r *reader) wrong(line int, key string, err error) {
	r.mistakes = append(r.mistakes, &Mistake{Source: r.source, Line: line, Key: key, Err: err})
}

// oneDocument is the only document of a YAML file; nil for an empty one.
func oneDocument(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, withoutValue(err)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, secondDocumentError{second.Line}
	case !errors.Is(err, io.EOF):
		return nil, withoutValue(err)
	}
	return document.Content[0], nil
}

var anchor = lazyregexp.New(`(?s)unknown anchor '.*' referenced`)

// withoutValue is an error of the YAML parser that repeats no value: a secret that begins with an
// asterisk looks like an alias, and that is the only value that the parser repeats.
func withoutValue(err error) error {
	return errors.New(anchor().ReplaceAllString(err.Error(), "an alias (*name) has no anchor; put a text that begins with * in quotes"))
}

// secondDocumentError is the line in which it begins.
type secondDocumentError struct{ line int }

func (secondDocumentError) Error() string { return "it contains a second document (after ---)" }

// document is the only document of the file; nil for an empty one.
func (r *reader) document(content []byte) *yaml.Node {
	document, err := oneDocument(content)
	if second, is := errors.AsType[secondDocumentError](err); is {
		r.wrong(second.line, "", errors.New("a second document (after ---) begins here; expected one"))
	} else if err != nil {
		line, err := syntaxError(err)
		r.wrong(line, "", err)
	}
	return document
}

var inLine = lazyregexp.New(`^line (\d+): (.*)`)

// syntaxError is an error of the YAML parser with the line that it names.
func syntaxError(err error) (int, error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if found := inLine().FindStringSubmatch(text); found != nil {
		line, _ = strconv.Atoi(found[1])
		text = found[2]
	}
	err = errors.New("this is not YAML: " + text)
	if strings.Contains(text, "unknown escape character") || strings.Contains(text, "hexdecimal number") {
		err = hint.With(err, escapeHint)
	}
	return max(1, line), err
}

// escapeHint is for a path of Windows in double quotes.
const escapeHint = `in double quotes, \ begins an escape: write the value without quotes, or in single ones`

// value resolves an alias (*name), and refuses what has no place in the file at all: a tag (!!str),
// and more values than any Tentacle needs.
func (r *reader) value(n *yaml.Node, key string) (*yaml.Node, bool) {
	n = aliased(n)
	r.values++
	switch {
	case r.values == maxValues+1:
		r.wrong(n.Line, key, fmt.Errorf("the file has more than %d values", maxValues))
		return nil, false
	case r.values > maxValues:
		return nil, false
	case n.Style&yaml.TaggedStyle != 0:
		r.wrong(n.Line, key, errors.New("a tag like !!str or !vault has no meaning here: omit it"))
		return nil, false
	}
	return n, true
}

// aliased resolves an alias (*name).
func aliased(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// isNull says whether a key has no value.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

var errNoValue = errors.New("it has no value: give one, or omit the key to leave this as it is")

// kindOf is what a person calls a value of another type than expected.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "keys and values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!bool":
		return n.Value
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "a number"
	}
	return "text"
}

// text reads a text.
func (r *reader) text(n *yaml.Node, key string, check func(string) (string, error)) (string, bool) {
	n, ok := r.value(n, key)
	switch {
	case !ok:
		return "", false
	case isNull(n):
		r.wrong(n.Line, key, errNoValue)
		return "", false
	case n.Kind != yaml.ScalarNode:
		r.wrong(n.Line, key, fmt.Errorf("expected text, not %s", kindOf(n)))
		return "", false
	case n.Tag != "!!str" && n.Tag != "!!timestamp": // the latter is no type of YAML 1.2
		r.wrong(n.Line, key, fmt.Errorf("expected text, not %s: put it in quotes", kindOf(n)))
		return "", false
	}
	text, err := check(n.Value)
	if errors.Is(err, errControl) && n.Style&yaml.DoubleQuotedStyle != 0 {
		err = hint.With(err, escapeHint)
	}
	if err != nil {
		r.wrong(n.Line, key, err)
		return "", false
	}
	return text, true
}

// number reads a whole number from 1.
func (r *reader) number(n *yaml.Node, key string, most int, what string) (int, bool) {
	n, ok := r.value(n, key)
	if !ok {
		return 0, false
	}
	if isNull(n) {
		r.wrong(n.Line, key, errNoValue)
		return 0, false
	}
	number, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || number < 1 || number > most {
		r.wrong(n.Line, key, fmt.Errorf("expected %s", what))
		return 0, false
	}
	return number, true
}

// boolean reads true or false. What YAML 1.1 also has, like yes and off, is a text.
func (r *reader) boolean(n *yaml.Node, key string) (value, ok bool) {
	n, ok = r.value(n, key)
	switch {
	case !ok:
		return false, false
	case isNull(n):
		r.wrong(n.Line, key, errNoValue)
		return false, false
	case n.Kind != yaml.ScalarNode || n.Tag != "!!bool":
		r.wrong(n.Line, key, errors.New("expected true or false"))
		return false, false
	}
	return strings.EqualFold(n.Value, "true"), true
}

// list reads a list, item by item.
func (r *reader) list(n *yaml.Node, key, what string, item func(n *yaml.Node, key string)) bool {
	n, ok := r.value(n, key)
	switch {
	case !ok:
		return false
	case isNull(n):
		r.wrong(n.Line, key, errNoValue)
		return false
	case n.Kind != yaml.SequenceNode:
		r.wrong(n.Line, key, fmt.Errorf("expected a list of %s, not %s", what, kindOf(n)))
		return false
	case len(n.Content) > maxItems:
		r.wrong(n.Line, key, fmt.Errorf("the list has more than %d items", maxItems))
		return false
	}
	for i, one := range n.Content {
		each := Key(key, i)
		r.positions[each] = one.Line
		item(one, each)
	}
	return true
}

// mapping reads keys and values, each key once.
func (r *reader) mapping(n *yaml.Node, key string, known []string, value func(name string, n *yaml.Node, key string)) bool {
	if n.Kind != yaml.MappingNode {
		err := hint.Errorf("the keys are "+strings.Join(known, ", "), "expected keys and values, not %s", kindOf(n))
		if isNull(n) {
			err = errNoValue
		}
		r.wrong(n.Line, key, err)
		return false
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		each := Key(key, name.Value)
		if key == "" {
			each = name.Value
		}
		switch {
		case name.Kind != yaml.ScalarNode || name.Style&yaml.TaggedStyle != 0:
			r.wrong(name.Line, key, errors.New("expected the name of a key"))
		case name.Tag == "!!merge":
			r.wrong(name.Line, key, errors.New("merge keys (<<) have no meaning here: write the values out"))
		case !slices.Contains(known, name.Value):
			r.wrong(name.Line, key, unknownKey(name.Value, key, known))
		case seen[name.Value] > 0:
			r.wrong(name.Line, each, fmt.Errorf("the key is there twice, first in line %d", seen[name.Value]))
		default:
			seen[name.Value] = name.Line
			r.positions[each] = name.Line
			value(name.Value, n.Content[i+1], each)
		}
	}
	return true
}

var keyName = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

// unknownKey says which key is not known, and which is meant.
func unknownKey(name, key string, known []string) error {
	if !keyName().MatchString(name) {
		return errors.New("there is no such key") // not repeated: this may be another file, with a secret
	}
	if why := neverInTheFile(name, known); why != "" {
		return hint.Errorf(why, "a secret does not belong in this file: %s", name)
	}
	text := fmt.Sprintf("there is no key %s", name)
	if key != "" {
		text = fmt.Sprintf("there is no key %s here", name)
	}
	if near := similar.To(name, known); len(near) > 0 {
		return fmt.Errorf("%s; did you mean %s?", text, strings.Join(near, " or "))
	}
	return hint.Errorf("the keys are "+strings.Join(known, ", "), "%s", text)
}

// neverInTheFile says where a secret belongs instead; "" for the name of what is none.
func neverInTheFile(name string, known []string) string {
	switch strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name)) {
	case "password", "pfxpassword", "proxypassword", "passphrase":
		if slices.Contains(known, "passwordFile") {
			return "passwordFile names a file that has it"
		}
		fallthrough
	case "apikey", "octopusapikey", "octopuscliapikey", "accesstoken", "bearertoken", "token":
		return "credentials are options, like --apikey-file, or variables of the environment, like OCTOPUS_API_KEY"
	case "subscription", "subscriptionid", "serversubscriptionid":
		return "every Tentacle has a subscription of its own, and keeps it"
	}
	return ""
}

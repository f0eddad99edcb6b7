package tentaclefile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/visible"
	"go.yaml.in/yaml/v3"
)

// Write writes a file that Read reads again. Comments stand above the keys that they belong to, as
// Key makes them; the one for "" begins the file.
func Write(f File, comments map[string]string) []byte {
	var out bytes.Buffer
	if comments[""] != "" {
		fmt.Fprintf(&out, "%s\n\n", comment(comments[""]))
	}
	document := nodeOf(fileKeys, &f)
	if document == nil {
		return out.Bytes()
	}
	annotate(document, "", comments)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		panic(err) // the nodes are ours, and out takes everything
	}
	_ = encoder.Close()
	return escaped(out.Bytes())
}

// escaped writes out what nobody sees, or what steers a terminal. It is in texts alone, which have
// double quotes where it is.
func escaped(content []byte) []byte {
	var all bytes.Buffer
	for _, r := range string(content) {
		switch {
		case r == '\n' || visible.Rune(r):
			all.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&all, `\U%08x`, r)
		default:
			fmt.Fprintf(&all, `\u%04x`, r)
		}
	}
	return all.Bytes()
}

// annotate puts comments above keys.
func annotate(n *yaml.Node, at string, comments map[string]string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if at != "" {
				key = Key(at, key)
			}
			if comments[key] != "" {
				n.Content[i].HeadComment = comment(comments[key])
			}
			annotate(n.Content[i+1], key, comments)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			key := Key(at, i)
			if comments[key] != "" {
				item.HeadComment = comment(comments[key])
			}
			annotate(item, key, comments)
		}
	}
}

// comment is a text of one or more lines as a comment.
func comment(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("# "+visible.Line(line), " ")
	}
	return strings.Join(lines, "\n")
}

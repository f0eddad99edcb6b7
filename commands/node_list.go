package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"go.yaml.in/yaml/v3"
)

// nodeList is a file with the nodes of a cluster.
type nodeList struct {
	addresses []string
	// thumbprints are those of the cluster, as thumbprint.Clean writes them: two while its
	// certificate is renewed, none where the file leaves them out.
	thumbprints []string
}

// readNodeList reads a list of addresses in YAML (JSON is YAML, too), or such a list under the name
// nodes, perhaps with thumbprints beside it. It refuses everything else, because an overlooked
// address would be removed. It repeats no value, because the file may be the wrong one and contain
// a key.
func readNodeList(content []byte) (list nodeList, err error) {
	document, err := oneDocument(content)
	if document == nil || err != nil {
		return list, err
	}
	if document.Kind != yaml.MappingNode {
		list.addresses, err = addressList(document)
		return list, err
	}
	seen := map[string]bool{}
	for i := 0; i < len(document.Content); i += 2 {
		name, value := document.Content[i], document.Content[i+1]
		switch {
		case seen[name.Value]:
			return list, fmt.Errorf("line %d: the name %s is there twice", name.Line, name.Value)
		case name.Value == "nodes":
			list.addresses, err = addressList(value)
		case name.Value == "thumbprints":
			list.thumbprints, err = thumbprintList(value)
		default:
			return list, fmt.Errorf("line %d: expected the names nodes and thumbprints alone", name.Line)
		}
		if err != nil {
			return list, err
		}
		seen[name.Value] = true
	}
	if !seen["nodes"] {
		return list, fmt.Errorf("line %d: expected the name nodes", document.Line)
	}
	return list, nil
}

// oneDocument is the only document of a YAML file; nil for an empty one.
func oneDocument(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("it contains a second document (after ---)")
	}
	return document.Content[0], nil
}

// addressList reads a list of addresses, or null, which is none.
func addressList(node *yaml.Node) ([]string, error) { return textList(node, "an address") }

// thumbprintList reads the thumbprints of one cluster: one, or two.
func thumbprintList(node *yaml.Node) (list []string, err error) {
	texts, err := textList(node, "a thumbprint")
	if err != nil {
		return nil, err
	}
	if len(texts) < 1 || len(texts) > 2 {
		return nil, fmt.Errorf("line %d: expected one thumbprint of the cluster, or two while its certificate is renewed", node.Line)
	}
	for i, text := range texts {
		clean := thumbprint.Clean(text)
		switch {
		case !thumbprint.Valid(clean):
			return nil, fmt.Errorf("line %d: thumbprint %d is not one (40 hexadecimal digits)", node.Line, i+1)
		case thumbprint.Contains(list, clean):
			return nil, fmt.Errorf("line %d: expected two different thumbprints", node.Line)
		}
		list = append(list, clean)
	}
	return list, nil
}

// textList reads a list of texts, none of which is empty, or null, which is an empty list.
func textList(node *yaml.Node, what string) (texts []string, err error) {
	switch node = aliased(node); {
	case isNull(node):
		return nil, nil
	case node.Kind != yaml.SequenceNode:
		return nil, fmt.Errorf("line %d: expected a list", node.Line)
	}
	for _, item := range node.Content {
		if item = aliased(item); item.Kind != yaml.ScalarNode || strings.TrimSpace(item.Value) == "" || isNull(item) {
			return nil, fmt.Errorf("line %d: expected %s", item.Line, what)
		}
		texts = append(texts, item.Value)
	}
	return texts, nil
}

// aliased resolves an alias (*name).
func aliased(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

package tentaclefile

import (
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"go.yaml.in/yaml/v3"
)

// NodeList is a file with the nodes of a cluster alone, and which cluster that is.
type NodeList struct {
	Addresses []string // as they are written
	// Thumbprints are those of the cluster, as thumbprint.Clean writes them: two while its
	// certificate is renewed, none where the file leaves them out.
	Thumbprints []string
}

// ReadNodes reads a list of addresses in YAML (JSON is YAML, too), or such a list under the name
// nodes, perhaps with thumbprints beside it. It refuses everything else, because an overlooked
// address would be removed. It repeats no value, because the file may be the wrong one and contain
// a key.
func ReadNodes(content []byte) (list NodeList, err error) {
	document, err := oneDocument(content)
	if document == nil || err != nil {
		return list, err
	}
	if document.Kind != yaml.MappingNode {
		list.Addresses, err = addressList(document)
		return list, err
	}
	seen := map[string]bool{}
	for i := 0; i < len(document.Content); i += 2 {
		name, value := document.Content[i], document.Content[i+1]
		switch {
		case seen[name.Value]:
			return list, fmt.Errorf("line %d: the name %s is there twice", name.Line, name.Value)
		case name.Value == "nodes":
			list.Addresses, err = addressList(value)
		case name.Value == "thumbprints":
			list.Thumbprints, err = thumbprintList(value)
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

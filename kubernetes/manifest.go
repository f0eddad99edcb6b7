package kubernetes

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	kubernetesyaml "sigs.k8s.io/yaml"
)

// ManifestError says why the manifest of a release cannot be changed.
type ManifestError struct {
	Release string // with its revision, such as agent.v3
	Err     error
}

func (e *ManifestError) Error() string {
	return fmt.Sprintf("the manifest of the Helm release %s cannot be changed: %v", e.Release, e.Err)
}

func (e *ManifestError) Unwrap() error { return e.Err }

// setVariables sets variables of a container of a Deployment in a manifest as Helm keeps it: YAML
// documents, one after the other. Every other byte stays.
func setVariables(manifest, deployment, container string, variables map[string]string) (string, error) {
	begin, end, err := findDeployment(manifest, deployment)
	if err != nil {
		return "", err
	}
	document := manifest[begin:end]
	edited, err := editVariables(document, container, variables)
	if err != nil {
		return "", fmt.Errorf("in its Deployment %s: %w", deployment, err)
	}
	if err := onlyVariablesDiffer(document, edited, container, variables); err != nil {
		return "", fmt.Errorf("in its Deployment %s: %w", deployment, err)
	}
	return manifest[:begin] + edited + manifest[end:], nil
}

// findDeployment is where the YAML of a Deployment is in a manifest.
func findDeployment(manifest, name string) (begin, end int, err error) {
	for begin <= len(manifest) {
		end, next := endOfDocument(manifest, begin)
		var head struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if yaml.Unmarshal([]byte(manifest[begin:end]), &head) == nil && head.Kind == "Deployment" && head.Metadata.Name == name {
			return begin, end, nil
		}
		begin = next
	}
	return 0, 0, fmt.Errorf("it has no Deployment %s", name)
}

// endOfDocument is where a YAML document ends that begins at an offset, and where the next one
// begins.
func endOfDocument(manifest string, begin int) (end, next int) {
	for at := begin; at < len(manifest); {
		line := manifest[at:]
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		if strings.TrimRight(line, " \t\r\n") == "---" {
			return at, at + len(line)
		}
		at += len(line)
	}
	return len(manifest), len(manifest) + 1
}

// editVariables sets variables in the YAML of a Deployment.
func editVariables(document, container string, variables map[string]string) (string, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(document), &root); err != nil {
		return "", err
	}
	containers := field(&root, "spec", "template", "spec", "containers")
	if containers == nil {
		return "", errors.New("it has no containers")
	}
	var edits []edit
	for _, c := range containers.Content {
		if name := field(c, "name"); name == nil || name.Value != container {
			continue
		}
		env := field(c, "env")
		if env == nil {
			return "", fmt.Errorf("container %s has no variables", container)
		}
		for name, value := range variables {
			e, err := editVariable(document, env, name, value)
			if err != nil {
				return "", err
			}
			edits = append(edits, e...)
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return b.begin - a.begin })
	for _, e := range edits { // from the last to the first
		document = document[:e.begin] + e.text + document[e.end:]
	}
	return document, nil
}

// edit replaces some bytes.
type edit struct {
	begin, end int
	text       string
}

// editVariable gives a variable another value. One that is not there needs no edit to be empty.
func editVariable(document string, env *yaml.Node, name, value string) ([]edit, error) {
	i := slices.IndexFunc(env.Content, func(variable *yaml.Node) bool {
		n := field(variable, "name")
		return n != nil && n.Value == name
	})
	switch {
	case i < 0 && value == "":
		return nil, nil
	case i < 0:
		return nil, fmt.Errorf("there is no variable %s", name)
	}
	variable := env.Content[i]
	text := string(marshal(value)) // a string of JSON is one of YAML
	for j := 0; j+1 < len(variable.Content); j += 2 {
		key, is := variable.Content[j], variable.Content[j+1]
		if key.Value != "value" {
			continue
		}
		if is.Value == value && is.Kind == yaml.ScalarNode {
			return nil, nil
		}
		if is.Kind == yaml.ScalarNode && is.Value == "" && is.Style == 0 { // nothing after the colon
			const before = "value:"
			at := offset(document, key.Line, key.Column)
			if !strings.HasPrefix(document[at:], before) {
				return nil, fmt.Errorf("variable %s has no value, and a key that is written in an unusual way", name)
			}
			at += len(before)
			return []edit{{at, at, " " + text}}, nil
		}
		begin := offset(document, is.Line, is.Column)
		length := scalarLength(document[begin:], is)
		if length == 0 {
			return nil, fmt.Errorf("the value of variable %s is no text on one line", name)
		}
		return []edit{{begin, begin + length, text}}, nil
	}
	return nil, fmt.Errorf("variable %s gets its value from elsewhere", name)
}

// field is a value somewhere in a mapping; nil where there is none.
func field(n *yaml.Node, path ...string) *yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	for _, key := range path {
		if n.Kind != yaml.MappingNode {
			return nil
		}
		i := 0
		for i+1 < len(n.Content) && n.Content[i].Value != key {
			i += 2
		}
		if i+1 >= len(n.Content) {
			return nil
		}
		n = n.Content[i+1]
	}
	return n
}

// offset is where a line and a column are, which both begin with 1; columns are characters.
func offset(text string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		at += strings.IndexByte(text[at:], '\n') + 1
	}
	for ; column > 1 && at < len(text); column-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// scalarLength is how many bytes a text takes that stands on one line; 0 if it does not.
func scalarLength(text string, n *yaml.Node) int {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	switch {
	case n.Kind != yaml.ScalarNode || n.Anchor != "":
		return 0
	case n.Style&yaml.DoubleQuotedStyle != 0 && strings.HasPrefix(text, `"`):
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0 && strings.HasPrefix(text, "'"):
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == '\'' && i+1 < len(text) && text[i+1] == '\'':
				i++
			case text[i] == '\'':
				return i + 1
			}
		}
	case n.Style == 0 && n.Value != "" && strings.HasPrefix(text, n.Value):
		return len(n.Value)
	}
	return 0
}

// onlyVariablesDiffer reads two documents as Kubernetes does, and refuses what has another effect
// than to set the variables.
func onlyVariablesDiffer(before, after, container string, variables map[string]string) error {
	var was, is map[string]any
	if err := errors.Join(kubernetesyaml.Unmarshal([]byte(before), &was), kubernetesyaml.Unmarshal([]byte(after), &is)); err != nil {
		return err
	}
	for _, variable := range variablesOf(was, container) {
		if value, changes := variables[fmt.Sprint(variable["name"])]; changes {
			if _, is := variable["value"]; is || value != "" {
				variable["value"] = value
			}
		}
	}
	if !reflect.DeepEqual(was, is) {
		return errors.New("its variables cannot be changed without changing more")
	}
	return nil
}

// variablesOf are those of a container in a Deployment that has been read.
func variablesOf(deployment map[string]any, container string) (all []map[string]any) {
	at := any(deployment)
	for _, key := range []string{"spec", "template", "spec", "containers"} {
		m, _ := at.(map[string]any)
		at = m[key]
	}
	containers, _ := at.([]any)
	for _, c := range containers {
		c, _ := c.(map[string]any)
		if env, _ := c["env"].([]any); c["name"] == container {
			for _, variable := range env {
				if variable, is := variable.(map[string]any); is {
					all = append(all, variable)
				}
			}
		}
	}
	return all
}

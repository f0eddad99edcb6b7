package tentaclefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const schemaFile = "../../docs/tentacle.schema.json"

// schema is the part of JSON Schema that docs/tentacle.schema.json uses for types.
type schema struct {
	Description          string
	Type                 string
	Const                any
	Enum                 []any
	MinItems             int
	AdditionalProperties *bool
	Properties           map[string]schema
	Items                *schema
	OneOf                []schema
}

// shapeOf is what the schema says of a key.
func shapeOf(s schema) shape {
	is := shape{}
	alternatives := s.OneOf
	if len(alternatives) == 0 {
		alternatives = []schema{s}
	}
	for _, one := range alternatives {
		words := slices.Clone(one.Enum)
		if one.Const != nil {
			words = append(words, one.Const)
		}
		for _, word := range words {
			is.words = append(is.words, fmt.Sprint(word))
		}
		switch {
		case one.Type == "object":
			is.kind, is.keys = "section", keysOf(one)
		case one.Type == "array" && one.Items.Type == "object":
			is.kind, is.least, is.keys = "sections", one.MinItems, keysOf(*one.Items)
		case one.Type == "array" && len(one.Items.OneOf) > 0:
			is.kind, is.least = "ports", 0
		case one.Type == "array":
			is.kind, is.least = "texts", one.MinItems
		case is.kind != "":
		case one.Type == "string":
			is.kind = "text"
		case one.Type == "integer":
			is.kind = "number"
		case one.Type == "boolean":
			is.kind = "boolean"
		}
	}
	return is
}

func keysOf(s schema) (keys []schemaKey) {
	for name, one := range s.Properties {
		keys = append(keys, schemaKey{name, shapeOf(one)})
	}
	return keys
}

// lines are the keys below a path, a line each, sorted.
func lines(path string, keys []schemaKey) (all []string) {
	for _, k := range keys {
		words := k.shape.words
		if k.shape.kind == "boolean" {
			words = nil
		}
		all = append(all, fmt.Sprintf("%s%s: %s %v, %d or more", path, k.name, k.shape.kind, words, k.shape.least))
		all = append(all, lines(path+k.name+".", k.shape.keys)...)
	}
	slices.Sort(all)
	return all
}

func TestTheSchemaHasTheKeysThatAreReadWithTheirTypes(t *testing.T) {
	content, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(content, &s); err != nil {
		t.Fatal(err)
	}
	got, want := lines("", keysOf(s)), lines("", schemaKeys(fileKeys))
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("the schema lacks     %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("the schema alone has %s", line)
		}
	}
	var described func(path string, s schema)
	described = func(path string, s schema) {
		if s.Type == "object" && (s.AdditionalProperties == nil || *s.AdditionalProperties) {
			t.Errorf("%s takes unknown keys", path)
		}
		for name, one := range s.Properties {
			if one.Description == "" && name != "host" && name != "port" {
				t.Errorf("%s.%s has no description", path, name)
			}
			described(path+"."+name, one)
		}
		for _, one := range s.OneOf {
			described(path, one)
		}
		if s.Items != nil {
			described(path+"[]", *s.Items)
		}
	}
	described("", s)
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiled, err := compiler.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// refusedBySchema is why an editor marks the content; nil for nothing.
func refusedBySchema(t *testing.T, compiled *jsonschema.Schema, content string) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(content), &value); err != nil {
		return err
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON)); err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(value)
}

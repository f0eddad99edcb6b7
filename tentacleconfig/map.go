package tentacleconfig

import (
	"maps"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plainjson"
)

// mapData is the body of a Document in a ConfigMap: a value for each key, in the case of letters
// that it has (Kubernetes/ConfigMapKeyValueStore.cs of OctopusTentacle).
type mapData map[string]string

// FromMap is the Document in the data of a ConfigMap, which is not modified. The name says in
// errors which ConfigMap is meant.
func FromMap(name string, data map[string]string, secrets Secrets) *Document {
	m := mapData{}
	maps.Copy(m, data)
	return &Document{Secrets: secrets, path: name, body: m}
}

// Changes are the settings of the data of a ConfigMap that differ from those before: nil for one
// that is removed.
func (d *Document) Changes(before *Document) map[string]*string {
	changes := map[string]*string{}
	for _, s := range before.body.all() {
		if _, still := d.body.get(s.Key); !still {
			changes[s.Key] = nil
		}
	}
	for _, s := range d.body.all() {
		if value, was := before.body.get(s.Key); !was || value != s.Value {
			changes[s.Key] = &s.Value
		}
	}
	return changes
}

func (m mapData) get(key string) (value string, found bool) {
	value, found = m[key]
	return value, found
}

// set cannot give a value that is no text to JSON. A setting without a value is none here: Tentacle
// never writes one.
func (m mapData) set(key, value string) {
	if value == "" {
		delete(m, key)
		return
	}
	m[key] = strings.ToValidUTF8(value, "\ufffd")
}

func (m mapData) remove(unwanted func(key string, counts bool) bool) {
	maps.DeleteFunc(m, func(key, _ string) bool { return unwanted(key, true) })
}

func (m mapData) all() []Setting {
	list := make([]Setting, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, Setting{key, m[key]})
	}
	return list
}

func (m mapData) settings() []Setting { return m.all() }

func (m mapData) same(key, other string) bool { return key == other }

func (m mapData) line(string) int { return 0 }

func (m mapData) bytes() []byte {
	text, _ := plainjson.Marshal(m, "") // a map of strings can always be written
	return text
}

func (m mapData) clone() body { return maps.Clone(m) }

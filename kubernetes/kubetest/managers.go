package kubetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/merge"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// managers are who has set which fields of an object, by the library that the API server uses, too.
type managers struct {
	sets  fieldpath.ManagedFields // by the name of the manager and its operation
	times map[string]time.Time
}

const (
	operationApply  = "Apply"
	operationUpdate = "Update"
)

// underWay stands for the manager of an update until it is known what the update changes.
const underWay = ""

// schemas say which lists have elements with a name of their own; all else is as it looks.
var schemas = func() *typed.Parser {
	p, err := typed.NewParser(`types:
- {name: object, map: {fields: [{name: spec, type: {namedType: spec}}], elementType: {namedType: any}}}
- {name: spec, map: {fields: [{name: template, type: {namedType: template}}], elementType: {namedType: any}}}
- {name: template, map: {fields: [{name: spec, type: {namedType: podSpec}}], elementType: {namedType: any}}}
- name: podSpec
  map:
    fields:
    - {name: containers, type: {list: {elementType: {namedType: container}, elementRelationship: associative, keys: [name]}}}
    - {name: initContainers, type: {list: {elementType: {namedType: container}, elementRelationship: associative, keys: [name]}}}
    - {name: volumes, type: {list: {elementType: {namedType: named}, elementRelationship: associative, keys: [name]}}}
    elementType: {namedType: any}
- name: container
  map:
    fields:
    - {name: env, type: {list: {elementType: {namedType: named}, elementRelationship: associative, keys: [name]}}}
    elementType: {namedType: any}
- {name: named, map: {elementType: {namedType: any}}}
- name: any
  scalar: untyped
  list: {elementType: {namedType: atomic}, elementRelationship: atomic}
  map: {elementType: {namedType: any}, elementRelationship: separable}
- name: atomic
  scalar: untyped
  list: {elementType: {namedType: atomic}, elementRelationship: atomic}
  map: {elementType: {namedType: atomic}, elementRelationship: atomic}
`)
	if err != nil {
		panic(err)
	}
	return p
}()

var updater = (&merge.UpdaterBuilder{Converter: oneVersion{}, ReturnInputOnNoop: true}).BuildUpdater()

// oneVersion is the converter of an API with one version of each kind.
type oneVersion struct{}

func (oneVersion) Convert(o *typed.TypedValue, _ fieldpath.APIVersion) (*typed.TypedValue, error) {
	return o, nil
}
func (oneVersion) IsMissingVersionError(error) bool { return false }

// change is what becomes of an object and its managers. With apply, content is only what its
// manager wants; else it is the whole object.
func (m managers) change(k key, old, content object, by update) (object, managers, *refusal) {
	live, err := typedOf(old)
	if err != nil {
		return nil, m, badRequest("%v", err)
	}
	wanted, err := typedOf(content)
	if err != nil {
		return nil, m, badRequest("%v", err)
	}
	version := fieldpath.APIVersion(k.version())
	id := by.manager + "\x00" + operationUpdate
	var made *typed.TypedValue
	var sets fieldpath.ManagedFields
	var changes bool
	if by.apply {
		id = by.manager + "\x00" + operationApply
		made, sets, err = updater.Apply(live, wanted, version, m.sets.Copy(), id, by.force)
		if conflicts := (merge.Conflicts{}); errors.As(err, &conflicts) {
			return nil, m, m.conflict(k, conflicts)
		}
		changes = err == nil && !value.Equals(live.AsValue(), made.AsValue())
	} else {
		// Under another name at first, to see what is set now. (k8s.io/apimachinery,
		// pkg/util/managedfields/internal/managedfieldsupdater.go)
		_, sets, err = updater.Update(live, wanted, version, m.sets.Copy(), underWay)
		if set := sets[underWay]; set != nil {
			delete(sets, underWay)
			if before := sets[id]; before != nil {
				set = fieldpath.NewVersionedSet(set.Set().Union(before.Set()), version, false)
			}
			sets[id], changes = set, true
		}
	}
	if err != nil {
		return nil, m, badRequest("%v", err)
	}
	next := managers{sets: sets, times: maps.Clone(m.times)}
	if next.times == nil {
		next.times = map[string]time.Time{}
	}
	if next.times[id].IsZero() || changes { // who loses fields keeps its time
		next.times[id] = time.Now().UTC()
	}
	if !by.apply {
		return content, next, nil
	}
	// What nobody manages stays as it was.
	result, _ := made.AsValue().Unstructured().(object)
	full := copyOf(object(result))
	for name, value := range old {
		if name == "metadata" {
			for field, value := range meta(old) {
				if unmanaged[field] {
					meta(full)[field] = value
				}
			}
		} else if unmanaged[name] {
			full[name] = value
		}
	}
	return full, next, nil
}

// unmanaged are the fields of an object, and of its metadata, that have no manager.
var unmanaged = map[string]bool{
	"kind": true, "apiVersion": true, "status": true, "name": true, "namespace": true, "uid": true, "resourceVersion": true,
	"generation": true, "creationTimestamp": true, "managedFields": true, "ownerReferences": true,
}

// typedOf is the part of an object that has managers.
func typedOf(o object) (*typed.TypedValue, error) {
	managed := object{}
	for name, value := range copyOf(o) {
		if !unmanaged[name] {
			managed[name] = value
		}
	}
	if m, is := managed["metadata"].(object); is {
		maps.DeleteFunc(m, func(field string, _ any) bool { return unmanaged[field] })
	}
	return schemas.Type("object").FromUnstructured(managed)
}

// conflict refuses to apply what others have set, in the words of the API server.
func (m managers) conflict(k key, conflicts merge.Conflicts) *refusal {
	name := func(id string) string {
		manager, operation, _ := strings.Cut(id, "\x00")
		if operation == operationUpdate {
			return fmt.Sprintf("%q using %s", manager, k.version())
		}
		return fmt.Sprintf("%q", manager)
	}
	if len(conflicts) == 1 {
		return refuse(409, "Conflict", "Apply failed with 1 conflict: conflict with %s: %v", name(conflicts[0].Manager), conflicts[0].Path)
	}
	paths := map[string][]string{}
	for _, c := range conflicts {
		paths[c.Manager] = append(paths[c.Manager], "- "+c.Path.String())
	}
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(paths)) {
		lines = append(lines, "conflicts with "+name(id)+":")
		lines = append(lines, paths[id]...)
	}
	return refuse(409, "Conflict", "Apply failed with %d conflicts: %s", len(conflicts), strings.Join(lines, "\n"))
}

func (m managers) equal(other managers) bool { return m.sets.Equals(other.sets) }

// show is metadata.managedFields.
func (m managers) show() []any {
	entries := []any{}
	ids := slices.SortedFunc(maps.Keys(m.sets), func(a, b string) int {
		return cmp.Or(m.times[a].Compare(m.times[b]), strings.Compare(a, b))
	})
	for _, id := range ids {
		manager, operation, _ := strings.Cut(id, "\x00")
		var fields bytes.Buffer
		if err := m.sets[id].Set().ToJSONStream(&fields); err != nil {
			panic(err)
		}
		entries = append(entries, object{
			"manager": manager, "operation": operation, "apiVersion": string(m.sets[id].APIVersion()),
			"time": m.times[id].Format(time.RFC3339), "fieldsType": "FieldsV1", "fieldsV1": json.RawMessage(fields.Bytes()),
		})
	}
	return entries
}

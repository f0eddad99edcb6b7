package kubetest

import (
	"net/http"
	"slices"
)

func (c *Cluster) patch(k key, w write) (made object, isNew bool, refused *refusal) {
	content, refused := parseObject(w.body)
	if refused != nil {
		return nil, false, refused
	}
	var merge func(now, patch object) object
	switch w.contentType {
	case "application/apply-patch+yaml":
		if meta(content)["name"] == nil {
			return nil, false, badRequest("the name of the object (%s based on URL) was undeterminable: name must be provided", k.name)
		}
		made, refused = c.store.change(k, w.by, func(now object) (object, *refusal) {
			isNew = now == nil
			return content, nil
		})
		return made, isNew, refused
	case "application/merge-patch+json":
		merge = mergePatch
	case "application/strategic-merge-patch+json":
		merge = strategicPatch
	default:
		return nil, false, refuse(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "415: Unsupported Media Type")
	}
	made, refused = c.store.change(k, w.by, func(now object) (object, *refusal) {
		if now == nil {
			return nil, notFound(k)
		}
		return replaced(k, now, merge(copyOf(now), content))
	})
	return made, false, refused
}

// mergePatch is RFC 7386.
func mergePatch(now, patch object) object {
	for name, value := range patch {
		inner, is := value.(object)
		switch {
		case value == nil:
			delete(now, name)
		case is:
			now[name] = mergePatch(child(now, name), inner)
		default:
			now[name] = value
		}
	}
	return now
}

// mergeKeys are the lists whose elements have a name (k8s.io/api, patchMergeKey).
var mergeKeys = map[string]string{
	"containers": "name", "initContainers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath",
}

// strategicPatch is a merge patch that merges such lists, too, and deletes an element marked with
// $patch.
func strategicPatch(now, patch object) object {
	for name, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(now, name)
		case object:
			now[name] = strategicPatch(child(now, name), value)
		case []any:
			by, merges := mergeKeys[name]
			if !merges {
				now[name] = value
				continue
			}
			old, _ := now[name].([]any)
			now[name] = mergeList(old, value, by)
		default:
			now[name] = value
		}
	}
	return now
}

// mergeList merges the elements with the same name. Those of the patch keep its order, and the
// others theirs; a new one comes as early as that allows (apimachinery, strategicpatch,
// mergeSortedSlice).
func mergeList(now, patch []any, by string) (merged []any) {
	name := func(element any) any { return at(element.(object), by) }
	indexOf := func(list []any, element any) int {
		return slices.IndexFunc(list, func(e any) bool { return name(e) == name(element) })
	}
	var patched []any
	for _, element := range patch {
		change := element.(object)
		i := indexOf(now, change)
		switch {
		case change["$patch"] == "delete":
		case i < 0:
			patched = append(patched, change)
		default:
			patched = append(patched, strategicPatch(copyOf(now[i].(object)), change))
		}
	}
	for _, element := range now {
		if indexOf(patch, element) >= 0 {
			continue
		}
		for len(patched) > 0 && indexOf(now, patched[0]) < indexOf(now, element) {
			merged, patched = append(merged, patched[0]), patched[1:]
		}
		merged = append(merged, element)
	}
	return append(merged, patched...)
}

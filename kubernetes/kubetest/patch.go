package kubetest

import (
	"net/http"
	"slices"
)

func (c *Cluster) patch(k key, w write) (object, *refusal) {
	content, refused := parseObject(w.body)
	if refused != nil {
		return nil, refused
	}
	var merge func(now, patch object) object
	switch w.contentType {
	case "application/apply-patch+yaml":
		return c.store.change(k, w.by, func(now object) (object, *refusal) { return content, nil })
	case "application/merge-patch+json":
		merge = mergePatch
	case "application/strategic-merge-patch+json":
		merge = strategicPatch
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "the body of the request was in an unknown format")
	}
	return c.store.change(k, w.by, func(now object) (object, *refusal) {
		if now == nil {
			return nil, notFound(k)
		}
		return replaced(k, now, merge(copyOf(now), content))
	})
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

func mergeList(now, patch []any, by string) []any {
	for _, element := range patch {
		change, _ := element.(object)
		i := slices.IndexFunc(now, func(e any) bool { return at(e.(object), by) == change[by] })
		switch {
		case change["$patch"] == "delete":
			now = slices.DeleteFunc(now, func(e any) bool { return at(e.(object), by) == change[by] })
		case i < 0:
			now = append(now, change)
		default:
			now[i] = strategicPatch(now[i].(object), change)
		}
	}
	return now
}

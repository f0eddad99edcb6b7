package kubetest

import (
	"net/url"
	"strings"
)

// selection is what a list takes by the parameters fieldSelector and labelSelector: equality, and
// that a label is there.
func selection(query url.Values) (func(object) bool, *refusal) {
	fields := map[string]func(object) any{
		"metadata.name":      func(o object) any { return at(o, "metadata", "name") },
		"metadata.namespace": func(o object) any { return at(o, "metadata", "namespace") },
		"status.phase":       func(o object) any { return at(o, "status", "phase") },
		"type":               func(o object) any { return o["type"] },
	}
	var all []func(object) bool
	for _, term := range terms(query.Get("fieldSelector")) {
		value, known := fields[term.name]
		if !known || term.operator == "" {
			return nil, badRequest(`%q is not a known field selector: only "metadata.name", "metadata.namespace"`, term.name)
		}
		all = append(all, func(o object) bool { return (text(value(o)) == term.value) == (term.operator == "=") })
	}
	for _, term := range terms(query.Get("labelSelector")) {
		if strings.ContainsAny(term.name, " ()!") {
			return nil, badRequest("unable to parse requirement: %s", term.name)
		}
		all = append(all, func(o object) bool {
			labels, _ := at(o, "metadata", "labels").(object)
			value, there := labels[term.name]
			switch term.operator {
			case "=":
				return there && value == term.value
			case "!=":
				return value != term.value
			}
			return there
		})
	}
	return func(o object) bool {
		for _, takes := range all {
			if !takes(o) {
				return false
			}
		}
		return true
	}, nil
}

type term struct{ name, operator, value string }

func terms(selector string) (all []term) {
	if selector == "" {
		return nil
	}
	for _, part := range strings.Split(selector, ",") {
		if name, value, is := strings.Cut(part, "!="); is {
			all = append(all, term{name, "!=", value})
		} else if name, value, is := strings.Cut(part, "="); is {
			all = append(all, term{name, "=", strings.TrimPrefix(value, "=")})
		} else {
			all = append(all, term{name: part})
		}
	}
	return all
}

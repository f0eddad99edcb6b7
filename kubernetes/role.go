package kubernetes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Access is one thing that an account may have to do.
type Access struct {
	Verb      string // as RBAC calls it: get, list, create, update, patch, delete
	Group     string // "" is the core group
	Resource  string // in the plural, with its subresource: pods/log
	Namespace string // "" for all
	Name      string // "" for any
}

// RoleFor is the YAML, for kubectl apply, of the roles that allow an account this and no more: one
// for each namespace, or one for the cluster where a namespace is "". They are named name. user is
// the account by its name in the cluster, such as system:serviceaccount:NS:NAME; if it is "", a
// pattern stands in its place.
func RoleFor(name, user string, wanted []Access) string {
	byNamespace := map[string][]Access{}
	for _, a := range wanted {
		byNamespace[a.Namespace] = append(byNamespace[a.Namespace], a)
	}
	var namespaces []string
	for n := range byNamespace {
		namespaces = append(namespaces, n)
	}
	slices.Sort(namespaces)
	var documents []string
	for _, n := range namespaces {
		documents = append(documents, roleIn(n, name, user, byNamespace[n]))
	}
	return strings.Join(documents, "---\n")
}

func roleIn(namespace, name, user string, wanted []Access) string {
	kind, metadata := "ClusterRole", fmt.Sprintf("metadata: {name: %s}\n", quote(name))
	if namespace != "" {
		kind, metadata = "Role", fmt.Sprintf("metadata: {name: %s, namespace: %s}\n", quote(name), quote(namespace))
	}
	if user == "" {
		user = "ACCOUNT"
	}
	const api = "apiVersion: rbac.authorization.k8s.io/v1\n"
	var b strings.Builder
	b.WriteString(api + "kind: " + kind + "\n" + metadata + "rules:\n")
	for _, r := range rules(wanted) {
		fmt.Fprintf(&b, "- {apiGroups: %s, resources: %s, verbs: %s", list(r.groups), list(r.resources), list(r.verbs))
		if len(r.names) > 0 {
			fmt.Fprintf(&b, ", resourceNames: %s", list(r.names))
		}
		b.WriteString("}\n")
	}
	b.WriteString("---\n" + api + "kind: " + kind + "Binding\n" + metadata)
	fmt.Fprintf(&b, "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: %s}\n", kind, quote(name))
	fmt.Fprintf(&b, "subjects:\n- {apiGroup: rbac.authorization.k8s.io, kind: User, name: %s}\n", quote(user))
	return b.String()
}

type rule struct{ groups, resources, verbs, names []string }

// rules joins accesses to as few rules as allow them and nothing else.
func rules(wanted []Access) []rule {
	// The verbs on one resource and name.
	type target struct{ group, resource, name string }
	verbs := map[target][]string{}
	for _, a := range wanted {
		t := target{a.Group, a.Resource, a.Name}
		if a.Verb == "list" || a.Verb == "create" { // which a name does not limit
			t.name = ""
		}
		if !slices.Contains(verbs[t], a.Verb) {
			verbs[t] = append(verbs[t], a.Verb)
		}
	}
	var targets []target
	for t := range verbs {
		slices.Sort(verbs[t])
		targets = append(targets, t)
	}
	slices.SortFunc(targets, func(a, b target) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.name, b.name), cmp.Compare(a.resource, b.resource))
	})
	var all []rule
	for _, t := range targets {
		var names []string
		if t.name != "" {
			names = []string{t.name}
		}
		same := slices.IndexFunc(all, func(r rule) bool {
			return slices.Equal(r.groups, []string{t.group}) && slices.Equal(r.verbs, verbs[t]) && slices.Equal(r.names, names)
		})
		if same >= 0 {
			all[same].resources = append(all[same].resources, t.resource)
			continue
		}
		all = append(all, rule{groups: []string{t.group}, resources: []string{t.resource}, verbs: verbs[t], names: names})
	}
	return all
}

// list and quote write YAML in the form that is JSON, where nothing has a second meaning.
func list(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func quote(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '/' || r == '.'
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) && text[0] >= 'A' {
		switch strings.ToLower(text) {
		case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		default:
			return text
		}
	}
	content, _ := json.Marshal(text)
	return string(content)
}

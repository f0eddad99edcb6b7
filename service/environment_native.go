//go:build linux || windows

package service

import "strings"

// assignments makes variables of NAME=VALUE. Of several with the same name the last one counts.
func assignments(list []string, source Source) (variables []Variable) {
	for _, text := range list {
		if name, value, ok := strings.Cut(text, "="); ok && name != "" {
			variables = with(variables, Variable{Name: name, Value: value, Source: source})
		}
	}
	return variables
}

// with is list with v, replacing the variable of that name if there is one.
func with(list []Variable, v Variable) []Variable {
	for i := range list {
		if list[i].Name == v.Name {
			list[i] = v
			return list
		}
	}
	return append(list, v)
}

// withMissing is list with those of others whose name it lacks.
func withMissing(list, others []Variable) []Variable {
	known := map[string]bool{}
	for _, v := range list {
		known[v.Name] = true
	}
	for _, v := range others {
		if !known[v.Name] {
			list = append(list, v)
		}
	}
	return list
}

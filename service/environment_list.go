//go:build linux || windows

package service

import "strings"

// assignments makes variables of NAME=VALUE. Of several with the same name the last one counts.
func assignments(list []string, place Place, file string) (variables []Variable) {
	for _, text := range list {
		if name, value, ok := strings.Cut(text, "="); ok && name != "" {
			variables = with(variables, Variable{name, value, place, file})
		}
	}
	return variables
}

// with is list with v, in the place of the variable of that name if there is one.
func with(list []Variable, v Variable) []Variable {
	for i := range list {
		if list[i].Name == v.Name {
			list[i] = v
			return list
		}
	}
	return append(list, v)
}

// withStarted adds what only the running process has.
func withStarted(list, process []Variable) []Variable {
	known := map[string]bool{}
	for _, v := range list {
		known[v.Name] = true
	}
	for _, v := range process {
		if !known[v.Name] {
			list = append(list, v)
		}
	}
	return list
}

// withoutSecrets leaves out of an environment (NAME=VALUE each) what a process that only restarts a service has no use for, and what a runbook puts keys and
// passwords into: Octopus's own variables, those of proxies, and what is called like a secret.
func withoutSecrets(environment []string) (kept []string) {
	for _, text := range environment {
		name, _, _ := strings.Cut(strings.ToUpper(text), "=")
		secret := strings.HasPrefix(name, "OCTOPUS")
		for _, word := range []string{"PROXY", "KEY", "TOKEN", "PASSWORD", "SECRET", "CREDENTIAL"} {
			secret = secret || strings.Contains(name, word)
		}
		if !secret {
			kept = append(kept, text)
		}
	}
	return kept
}

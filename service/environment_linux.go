package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	godbus "github.com/godbus/dbus/v5"
)

// Environment lists the variables that the unit NAME.service sets, those that systemd gives every
// service, and those that only its running process has (where this user may see them). It is empty
// for a unit that does not exist and on a host without systemd.
func Environment(ctx context.Context, name string) ([]Variable, error) {
	properties, err := propertiesOf(ctx, name)
	if err != nil {
		return nil, err
	}
	variables := assignments(property[[]string](properties, "Environment"), SourceDefinition)
	files := environmentFiles(properties)
	for _, file := range files {
		for _, v := range assignments(readEnvironmentFile(file), SourceFile) {
			variables = with(variables, v) // the files override Environment=: systemd.exec(5)
		}
	}
	unitFiles := append([]string{property[string](properties, "FragmentPath")}, property[[]string](properties, "DropInPaths")...)
	setters := settersOf(unitFiles, files)
	for i, v := range variables {
		variables[i].Files = setters[v.Name]
	}
	variables = withMissing(variables, managerEnvironment(ctx))
	variables = without(variables, property[[]string](properties, "UnsetEnvironment")) // of all of these
	return withMissing(variables, processEnvironment(int(property[uint32](properties, "MainPID")))), nil
}

// managerEnvironment is what systemd gives every service: DefaultEnvironment= of its configuration,
// and what "systemctl set-environment" has set. It is empty where systemd does not say.
func managerEnvironment(ctx context.Context) []Variable {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	u, err := open(ctx, "init")
	if err != nil || u.conn == nil {
		return nil
	}
	defer u.conn.Close()
	text, err := u.conn.GetManagerProperty("Environment")
	if err != nil {
		return nil
	}
	list, err := godbus.ParseVariant(text, godbus.SignatureOf([]string{}))
	if err != nil {
		return nil
	}
	assigned, _ := list.Value().([]string)
	return assignments(assigned, SourceSystem)
}

// environmentFiles are the files of EnvironmentFile=. systemd has a pattern for each, and whether
// it may be missing.
func environmentFiles(properties map[string]any) (files []string) {
	for _, entry := range property[[][]any](properties, "EnvironmentFiles") {
		if len(entry) == 0 {
			continue
		}
		pattern, _ := entry[0].(string)
		if matches, err := filepath.Glob(pattern); err == nil {
			files = append(files, matches...)
		}
	}
	return files
}

// readEnvironmentFile reads the assignments of a file as systemd.exec(5) describes it: comments
// with # and ;, a backslash that joins lines, quotes around a value. A file that cannot be read
// has none: systemd itself reports it.
func readEnvironmentFile(path string) (list []string) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(strings.ReplaceAll(string(content), "\\\n", "")) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		list = append(list, strings.TrimSpace(name)+"="+value)
	}
	return list
}

// without drops what UnsetEnvironment= lists: names or assignments.
func without(variables []Variable, unset []string) (kept []Variable) {
	dropped := map[string]bool{}
	for _, text := range unset {
		dropped[text] = true
	}
	for _, v := range variables {
		if !dropped[v.Name] && !dropped[v.Name+"="+v.Value] {
			kept = append(kept, v)
		}
	}
	return kept
}

// processEnvironment is what a process was started with: proc(5). It is empty for other users'
// processes.
func processEnvironment(pid int) []Variable {
	if pid == 0 {
		return nil
	}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return nil
	}
	return assignments(strings.Split(string(content), "\x00"), SourceProcess)
}

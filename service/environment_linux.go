package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	godbus "github.com/godbus/dbus/v5"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// Environment lists the variables that the unit NAME.service sets, those that systemd gives every
// service, and those that only its running process has. It is empty for a unit that does not exist
// and on a host without systemd. With an error, which is fs.ErrPermission where this user may not
// see all of it, there may be others.
func Environment(ctx context.Context, name string) ([]Variable, error) {
	properties, err := propertiesOf(ctx, name)
	if err != nil {
		return nil, err
	}
	variables := assignments(property[[]string](properties, "Environment"), SourceDefinition)
	files := environmentFiles(properties)
	var unseen []error
	for _, file := range files {
		list, err := readEnvironmentFile(file)
		unseen = append(unseen, err)
		for _, v := range assignments(list, SourceFile) {
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
	process, err := processEnvironment(int(property[uint32](properties, "MainPID")))
	variables = withMissing(variables, process)
	if err := errors.Join(append(unseen, err)...); err != nil {
		return variables, hint.Permission(fmt.Errorf("not all that sets variables of the service can be read: %w", err))
	}
	return variables, nil
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
// with # and ;, a backslash that joins lines, quotes around a value. A file that is not there has
// none: systemd itself reports it.
func readEnvironmentFile(path string) (list []string, err error) {
	content, err := readUnit(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
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
	return list, nil
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

// processEnvironment is what a process was started with: proc(5). The error is fs.ErrPermission for
// other users' processes.
func processEnvironment(pid int) ([]Variable, error) {
	if pid == 0 {
		return nil, nil
	}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	switch {
	case hasEnded(err) && os.Geteuid() == 0:
		return nil, nil
	case hasEnded(err): // or it seems not to be there: hidepid in proc(5)
		return nil, fs.ErrPermission
	case err != nil:
		return nil, err
	}
	return assignments(strings.Split(string(content), "\x00"), SourceProcess), nil
}

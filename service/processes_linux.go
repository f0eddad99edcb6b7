package service

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Processes lists the processes in the control group of the unit NAME.service except its main one:
// what a restart would kill. There are none for a unit that does not run, and on a host without
// systemd.
func Processes(ctx context.Context, name string) ([]Process, error) {
	group, main, err := controlGroup(ctx, name)
	if err != nil || group == "" {
		return nil, err
	}
	return processesOf(group, func(pid int) bool { return pid == main })
}

// controlGroup is that of the unit NAME.service, and its main process; "" for a unit that does not
// run, and on a host without systemd.
func controlGroup(ctx context.Context, name string) (group string, main int, err error) {
	properties, err := propertiesOf(ctx, name)
	return property[string](properties, "ControlGroup"), int(property[uint32](properties, "MainPID")), err
}

// processesOf finds the processes of a control group and those below it. It reads /proc, which is
// the same for both versions of control groups.
func processesOf(group string, skip func(pid int) bool) ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("cannot list the processes of this machine: %w", err)
	}
	var found []Process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || skip(pid) {
			continue
		}
		// A process that ends meanwhile cannot be read, and does not count.
		groups, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cgroup"))
		if err != nil || !isIn(groups, group) {
			continue
		}
		if s, ok := readStat(pid); ok && s.state != "Z" && s.state != "X" { // not one that has ended
			found = append(found, Process{PID: pid, Name: s.name})
		}
	}
	return found, nil
}

// isIn says whether a process with this content of /proc/PID/cgroup belongs to a control group of
// systemd's: cgroups(7), the line of version 2 ("0::"), or the one that version 1 has for systemd
// ("name=systemd").
func isIn(groups []byte, group string) bool {
	for line := range bytes.Lines(groups) {
		fields := strings.SplitN(strings.TrimSuffix(string(line), "\n"), ":", 3)
		if len(fields) != 3 || fields[1] != "" && fields[1] != "name=systemd" {
			continue
		}
		if fields[2] == group || strings.HasPrefix(fields[2], group+"/") {
			return true
		}
	}
	return false
}

// processStat is what proc(5) says of a process.
type processStat struct {
	name, state string
	parent      int
}

// readStat reads "PID (NAME) STATE PARENT …", where the name may hold anything, even parentheses.
func readStat(pid int) (s processStat, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, false
	}
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return s, false
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 2 {
		return s, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return processStat{string(text[open+1 : end]), string(fields[0]), parent}, err == nil
}

// exists says whether a process runs.
func exists(pid int) bool {
	s, ok := readStat(pid)
	return ok && s.state != "Z" && s.state != "X"
}

// StartedByService says whether this process was started by the service NAME: whether it, or one
// of its ancestors, is in the unit's control group (sudo may have moved it to another one). A
// restart of the service would kill it.
func StartedByService(ctx context.Context, name string) (bool, error) {
	group, _, err := controlGroup(ctx, name)
	if err != nil || group == "" {
		return false, err
	}
	for pid := os.Getpid(); pid > 1; {
		if groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid)); err == nil && isIn(groups, group) {
			return true, nil
		}
		s, ok := readStat(pid)
		if !ok {
			break
		}
		pid = s.parent
	}
	return false, nil
}

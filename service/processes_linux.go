package service

import (
	"context"
	"fmt"
	"os"
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

// processesOf finds the processes of a control group and those below it.
func processesOf(group string, skip func(pid int) bool) ([]Process, error) {
	pids, err := pidsOf(group)
	var found []Process
	for _, pid := range pids {
		if s, ok := readStat(pid); ok && !skip(pid) {
			found = append(found, Process{PID: pid, Name: s.name})
		}
	}
	return found, err
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

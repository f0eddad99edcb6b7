package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Work lists the processes in the control group of the unit NAME.service but
// for its main one: what a restart would kill. A unit that does not run, and a
// machine without systemd, have none.
func Work(ctx context.Context, name string) ([]Process, error) {
	properties, err := propertiesOf(ctx, name)
	if err != nil {
		return nil, err
	}
	group := property[string](properties, "ControlGroup")
	if group == "" {
		return nil, nil
	}
	main := int(property[uint32](properties, "MainPID"))
	return processesOf(group, func(pid int) bool { return pid == main })
}

// propertiesOf asks systemd for all properties of the unit NAME.service. There
// are none of a unit that does not exist, and on a machine without systemd.
func propertiesOf(ctx context.Context, name string) (map[string]any, error) {
	u, err := open(ctx, name)
	if err != nil || u.conn == nil {
		return nil, err
	}
	defer u.conn.Close()
	properties, err := u.conn.GetAllPropertiesContext(ctx, u.file)
	if isInvalidName(err) {
		return nil, nil
	}
	if err != nil {
		return nil, u.explain(ctx, "look at", err)
	}
	return properties, nil
}

// processesOf finds the processes of a control group and those below it. It
// asks /proc, which looks the same for both versions of control groups.
func processesOf(group string, skip func(pid int) bool) ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("the processes of this machine cannot be listed: %w", err)
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

// isIn says whether a process whose /proc/PID/cgroup is given belongs to a
// control group of systemd's: the line of version 2 ("0::"), or the one that
// version 1 has for systemd ("name=systemd").
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

// readStat reads "PID (NAME) STATE PARENT …", where the name may hold anything,
// even parentheses.
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

// Inside says whether this process was started by the service NAME: it, or one
// of the processes that started it (sudo may have moved it elsewhere), is in
// the unit's control group. A restart of the service would kill it.
func Inside(ctx context.Context, name string) (bool, error) {
	properties, err := propertiesOf(ctx, name)
	if err != nil {
		return false, err
	}
	group := property[string](properties, "ControlGroup")
	if group == "" {
		return false, nil
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

// Later runs a command outside of this process's control group, as a transient
// unit of systemd named octo-tentacle-NAME.service, and returns once it runs.
// Where that unit runs already, the command is not started again and already is
// true. What the command prints goes to the journal.
func Later(ctx context.Context, name, description string, command []string) (unit string, already bool, err error) {
	if len(command) == 0 || !filepath.IsAbs(command[0]) {
		return "", false, errors.New("systemd needs a command with its whole path")
	}
	u, err := open(ctx, "octo-tentacle-"+name)
	if err != nil {
		return "", false, err
	}
	if u.conn == nil {
		return "", false, errors.New("systemd does not run here, so that nothing can be left to it")
	}
	defer u.conn.Close()
	done := make(chan string, 1)
	_, err = u.conn.StartTransientUnitContext(ctx, u.file, "fail", []dbus.Property{
		dbus.PropDescription(description),
		dbus.PropExecStart(command, false),
		dbus.PropType("exec"), // started only when the program itself runs: it may be deleted right after
		{Name: "CollectMode", Value: godbus.MakeVariant("inactive-or-failed")},
	}, done)
	if refused, is := errors.AsType[godbus.Error](err); is && refused.Name == "org.freedesktop.systemd1.UnitExists" {
		return u.file, true, nil
	}
	if err != nil {
		return u.file, false, u.explain(ctx, "start", err)
	}
	select {
	case result := <-done:
		if result != "done" {
			return u.file, false, fmt.Errorf("%s did not start (%s)\n%s", u.file, result, u.hint())
		}
		return u.file, false, nil
	case <-ctx.Done():
		return u.file, false, ctx.Err()
	}
}

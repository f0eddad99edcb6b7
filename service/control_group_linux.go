package service

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pidsOf finds the processes of a control group and those below it that have not ended. It reads
// /proc, which is the same for both versions of control groups.
func pidsOf(group string) (found []int, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("cannot list the processes of this machine: %w", err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// A process that ends meanwhile cannot be read, and does not count.
		groups, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cgroup"))
		if err == nil && isIn(groups, group) && exists(pid) {
			found = append(found, pid)
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

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Processes lists the descendants of the service NAME's process except this one. Windows keeps
// only the number of a process's parent, so that a process whose parent has ended is not found;
// but whatever starts the scripts of a deployment waits for each of them. There are none for a
// service that does not run.
func Processes(ctx context.Context, name string) ([]Process, error) {
	status, err := Query(ctx, name)
	if err != nil || status.MainPID == 0 {
		return nil, err
	}
	all, err := allProcesses()
	if err != nil {
		return nil, err
	}
	return all.below(uint32(status.MainPID)), nil
}

// StartedByService says whether this process was started by the service NAME: whether the
// service's process is among its ancestors. Where one of these has ended, the variable that
// Tentacle gives its scripts decides.
func StartedByService(ctx context.Context, name string) (bool, error) {
	if os.Getenv(detachedVariable) != "" {
		return false, nil
	}
	status, err := Query(ctx, name)
	if err != nil || status.MainPID == 0 {
		return false, err
	}
	all, err := allProcesses()
	if err != nil {
		return false, err
	}
	pid := uint32(os.Getpid())
	for range len(all) {
		parent, ok := all.parentOf(pid)
		switch {
		case !ok:
			instance := os.Getenv("TentacleInstanceName")
			return instance != "" && strings.EqualFold(NameFor(instance, "windows"), name), nil
		case parent == uint32(status.MainPID):
			return true, nil
		case parent == pid || parent == 0:
			return false, nil
		}
		pid = parent
	}
	return false, nil
}

// processes are all of the host at one moment, by number.
type processes map[uint32]process

type process struct {
	parent  uint32
	name    string
	started int64 // nanoseconds since 1970; 0 where this account may not see it
}

func allProcesses() (processes, error) {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot list the processes of this machine: %w", err)
	}
	defer windows.CloseHandle(snapshot)
	all := processes{}
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		p := process{parent: entry.ParentProcessID, name: windows.UTF16ToString(entry.ExeFile[:])}
		if started := startOf(entry.ProcessID); !started.IsZero() {
			p.started = started.UnixNano()
		}
		all[entry.ProcessID] = p
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return nil, fmt.Errorf("cannot list the processes of this machine: %w", err)
	}
	return all, nil
}

// exists says whether a process runs. The number of one that has ended stays taken while somebody
// has it open.
func exists(pid int) bool {
	process, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return errors.Is(err, windows.ERROR_ACCESS_DENIED)
	}
	defer windows.CloseHandle(process)
	event, err := windows.WaitForSingleObject(process, 0)
	return err == nil && event == uint32(windows.WAIT_TIMEOUT)
}

// parentOf is the process that started this one, unless that has ended: then its number may
// belong to another process, which is younger than the child.
func (all processes) parentOf(pid uint32) (parent uint32, ok bool) {
	child := all[pid]
	p, ok := all[child.parent]
	return child.parent, ok && (p.started == 0 || child.started == 0 || p.started <= child.started)
}

// below lists the descendants of a process except this one and the console windows (conhost.exe),
// which every program without a console of its own has, Tentacle too, and which end with it.
func (all processes) below(pid uint32) (found []Process) {
	seen := map[uint32]bool{pid: true}
	for queue := []uint32{pid}; len(queue) > 0; queue = queue[1:] {
		for child, p := range all {
			parent, ok := all.parentOf(child)
			if !ok || parent != queue[0] || seen[child] {
				continue
			}
			seen[child] = true
			queue = append(queue, child)
			if child != uint32(os.Getpid()) && !strings.EqualFold(p.name, "conhost.exe") {
				found = append(found, Process{PID: int(child), Name: p.name})
			}
		}
	}
	slices.SortFunc(found, func(a, b Process) int { return a.PID - b.PID })
	return found
}

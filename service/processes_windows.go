package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
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

// detachedVariable marks what StartDetached starts: it is not a part of the service, although
// the process that started it is and may not have ended yet.
const detachedVariable = "OCTO_TENTACLE_OUTSIDE"

// StartDetached runs a command as a process that does not end with the service which started this
// one, and returns once it runs. The result is the file to which it writes, because there is no
// journal. If the process of that name runs already, nothing is started.
//
// The first word of the command is the program, which is copied: while it runs, Windows would not
// let Tentacle remove the folder of the script that brought it. The copy stays until the next
// time, because a program cannot remove itself. Tentacle runs its scripts in no job
// (Util/SilentProcessRunner.cs), but what runs Tentacle may: the process leaves the job where
// that is allowed, and is not started where it would end with the job.
func StartDetached(_ context.Context, name, _ string, command []string) (logFile string, err error) {
	if len(command) == 0 || !filepath.IsAbs(command[0]) {
		return "", errors.New("the program to start needs an absolute path")
	}
	folder, err := adminFolder(name)
	if err != nil {
		return "", err
	}
	logFile = filepath.Join(folder, "log.txt")
	log, err := createExclusive(logFile)
	if errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return logFile, nil // the process that runs already holds it
	}
	if err != nil {
		return logFile, err
	}
	defer log.Close()
	program := filepath.Join(folder, "octo-tentacle.exe")
	if err := copyFile(command[0], program); err != nil {
		return logFile, err
	}
	return logFile, startOutsideJob(exec.Command(program, command[1:]...), log)
}

// adminFolder makes a folder of that name for files of this program, unless it exists. It is not
// below the Octopus folder, to which anybody may have access.
func adminFolder(name string) (string, error) {
	folder, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return "", fmt.Errorf("cannot find the folder ProgramData: %w", err)
	}
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) {
			return '-'
		}
		return r
	}, name)
	for _, part := range []string{"octo-tentacle", clean} {
		folder = filepath.Join(folder, part)
		if err := makeAdminFolder(folder); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// makeAdminFolder makes a folder, unless it exists, to which only administrators can write. A
// folder that somebody else made is refused: everybody may make folders in ProgramData, and what
// is started from this one has the rights of the service.
func makeAdminFolder(path string) error {
	sd, err := windows.SecurityDescriptorFromString("D:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;FA;;;OW)")
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	attributes := windows.SecurityAttributes{SecurityDescriptor: sd}
	attributes.Length = uint32(unsafe.Sizeof(attributes))
	err = windows.CreateDirectory(name, &attributes)
	if err == nil {
		return nil
	}
	if !errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		return &os.PathError{Op: "make", Path: path, Err: err}
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	now, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("cannot read the owner of %s: %w", path, err)
	}
	owner, _, err := now.Owner()
	if err != nil {
		return fmt.Errorf("cannot read the owner of %s: %w", path, err)
	}
	if !info.IsDir() || !isTrusted(owner) { // a link to a folder is not a folder
		return hint.Errorf("find out what it is, and remove it",
			"%s was not created by octo-tentacle: it belongs to %s, who could use it to run a program with the service's rights", path, owner)
	}
	return nil
}

// isTrusted says whether an owner is an account that may do everything here anyway.
func isTrusted(owner *windows.SID) bool {
	if owner == nil {
		return false
	}
	if owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) || owner.IsWellKnown(windows.WinLocalSystemSid) {
		return true
	}
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err == nil && me.User.Sid.Equals(owner)
}

// createExclusive creates or empties a file, and opens it so that others may read it, but neither
// write nor remove it.
func createExclusive(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_WRITE, windows.FILE_SHARE_READ, nil, windows.CREATE_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("cannot copy octo-tentacle: %w", err)
	}
	return os.WriteFile(to, content, 0o755)
}

// startOutsideJob starts a process outside of the job of this one, without a console, and with no
// file of this process open but the one that it writes to: Tentacle waits until the output of its
// script is closed. It does not run in the script's folder, which could not be removed as long as
// it runs.
func startOutsideJob(cmd *exec.Cmd, log *os.File) error {
	flags := uint32(windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP)
	if ends, err := jobEndsItsProcesses(); err != nil {
		return err
	} else if ends {
		flags |= windows.CREATE_BREAKAWAY_FROM_JOB
	}
	cmd.Env = append(withoutSecrets(os.Environ()), detachedVariable+"=1") // it may wait for a day
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = filepath.Dir(cmd.Path)
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: flags}
	err := cmd.Start()
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) && flags&windows.CREATE_BREAKAWAY_FROM_JOB != 0 {
		return hint.New("nothing started here can outlive this script: it runs in a job that ends all its processes",
			"restart it from outside the service, or with a scheduled task")
	}
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", cmd.Path, err)
	}
	return cmd.Process.Release()
}

// jobEndsItsProcesses says whether this process is in a job that ends its processes when it ends.
func jobEndsItsProcesses() (bool, error) {
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	err := windows.QueryInformationJobObject(0, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)), nil)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_INVALID_HANDLE) {
		return false, nil // there is no job
	}
	if err != nil {
		return false, fmt.Errorf("cannot read the job of this process: %w", err)
	}
	return limits.BasicLimitInformation.LimitFlags&windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE != 0, nil
}

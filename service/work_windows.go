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

	"golang.org/x/sys/windows"
)

// Work lists the processes below that of the service NAME but for this one. Windows keeps only the number of a process's parent, so that one whose parent has
// ended is not found: the scripts of a deployment are each waited for by what started them. A service that does not run has none.
func Work(ctx context.Context, name string) ([]Process, error) {
	status, err := Look(ctx, name)
	if err != nil || status.MainPID == 0 {
		return nil, err
	}
	all, err := allProcesses()
	if err != nil {
		return nil, err
	}
	return all.below(uint32(status.MainPID)), nil
}

// Inside says whether this process was started by the service NAME: whether the service's process is among those that started it. Where one of these has ended,
// the variable that the Tentacle gives its scripts decides.
func Inside(ctx context.Context, name string) (bool, error) {
	if os.Getenv(outsideVariable) != "" {
		return false, nil
	}
	status, err := Look(ctx, name)
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

// processes are those of one moment, by number.
type processes map[uint32]process

type process struct {
	parent  uint32
	name    string
	started int64 // nanoseconds since 1970; 0 where this account may not see it
}

func allProcesses() (processes, error) {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil, fmt.Errorf("the processes of this machine cannot be listed: %w", err)
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
		return nil, fmt.Errorf("the processes of this machine cannot be listed: %w", err)
	}
	return all, nil
}

// parentOf is the process that started this one, unless it has ended: then its number may be another's, which is younger than the child.
func (all processes) parentOf(pid uint32) (parent uint32, ok bool) {
	child := all[pid]
	p, ok := all[child.parent]
	return child.parent, ok && (p.started == 0 || child.started == 0 || p.started <= child.started)
}

// below lists the descendants of a process but for us and for the windows of the console (conhost.exe), which every program without a console of its own
// has, the Tentacle too, and which end with it.
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

// outsideVariable tells what Later starts that it is outside of the service, although what has started it, inside, may not have ended yet.
const outsideVariable = "OCTO_TENTACLE_OUTSIDE"

// Later runs a command as a process that does not end with the service which started this one, and returns once it runs; unit is the file that it writes to,
// since there is no journal. Where the one of that name runs already, the command is not started again and already is true.
//
// The first word of the command is the program, which is copied: Windows would not let the Tentacle remove the folder of the script that brought it as long as
// it runs. The copy stays until the next time, as a program cannot remove itself. Tentacle runs its scripts in no job (Util/SilentProcessRunner.cs), but what
// is around it may: the process leaves the job where that is allowed, and is not started where it would be ended with it.
func Later(_ context.Context, name, _ string, command []string) (unit string, already bool, err error) {
	if len(command) == 0 || !filepath.IsAbs(command[0]) {
		return "", false, errors.New("the command needs a program with its whole path")
	}
	folder, err := laterFolder(name)
	if err != nil {
		return "", false, err
	}
	unit = filepath.Join(folder, "log.txt")
	log, err := exclusive(unit)
	if errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return unit, true, nil // it holds it as long as it runs
	}
	if err != nil {
		return unit, false, err
	}
	defer log.Close()
	program := filepath.Join(folder, "octo-tentacle.exe")
	if err := copyFile(command[0], program); err != nil {
		return unit, false, err
	}
	return unit, false, startOutside(exec.Command(program, command[1:]...), log)
}

// laterFolder is a folder, made if need be, for what Later starts under that name. It is not below the Octopus folder, which may be anybody's.
func laterFolder(name string) (string, error) {
	folder, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return "", fmt.Errorf("cannot tell where the folder ProgramData is: %w", err)
	}
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) {
			return '-'
		}
		return r
	}, name)
	for _, part := range []string{"octo-tentacle", clean} {
		folder = filepath.Join(folder, part)
		if err := makeOwnFolder(folder); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// makeOwnFolder makes a folder, unless it is there, that nobody but the administrators writes to. One that somebody else made is refused: everybody may make
// folders in ProgramData, and what is started from this one has the rights of the service.
func makeOwnFolder(path string) error {
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
		return fmt.Errorf("cannot tell whose %s is: %w", path, err)
	}
	owner, _, err := now.Owner()
	if err != nil {
		return fmt.Errorf("cannot tell whose %s is: %w", path, err)
	}
	if !info.IsDir() || !isTrusted(owner) { // a link to a folder is none
		return fmt.Errorf("%s was not made by octo-tentacle, but belongs to %s: somebody may want to have something run with the rights of the service\nlook at what it is, and remove it", path, owner)
	}
	return nil
}

// isTrusted says whether what belongs to an account was made by one that may do everything here already.
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

// exclusive empties a file, or makes it, and opens it so that others may read it, but neither write nor remove.
func exclusive(path string) (*os.File, error) {
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
		return fmt.Errorf("octo-tentacle cannot be copied: %w", err)
	}
	return os.WriteFile(to, content, 0o755)
}

// startOutside starts a process without a console, with nothing of ours open but the file that it writes to (the Tentacle waits until its script's output is
// closed), not in the script's folder, which could not be removed as long as it runs, and outside of our job.
func startOutside(cmd *exec.Cmd, log *os.File) error {
	flags := uint32(windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP)
	if ends, err := jobEndsItsProcesses(); err != nil {
		return err
	} else if ends {
		flags |= windows.CREATE_BREAKAWAY_FROM_JOB
	}
	cmd.Env = append(withoutSecrets(os.Environ()), outsideVariable+"=1") // it may wait for a day
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = filepath.Dir(cmd.Path)
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: flags}
	err := cmd.Start()
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) && flags&windows.CREATE_BREAKAWAY_FROM_JOB != 0 {
		return errors.New("nothing can be started here that outlasts this script: it runs in a job that ends all its processes\ndo it from outside of the service, or by a scheduled task")
	}
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", cmd.Path, err)
	}
	return cmd.Process.Release()
}

// jobEndsItsProcesses says whether this process is in a job that ends what is in it.
func jobEndsItsProcesses() (bool, error) {
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	err := windows.QueryInformationJobObject(0, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)), nil)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_INVALID_HANDLE) {
		return false, nil // there is no job
	}
	if err != nil {
		return false, fmt.Errorf("cannot tell in which job this process is: %w", err)
	}
	return limits.BasicLimitInformation.LimitFlags&windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE != 0, nil
}

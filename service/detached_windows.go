package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/windows"
)

// detachedVariable marks what StartDetached starts: it is not a part of the service, although the
// process that started it is and may not have ended yet. Its value is the folder of that process.
const detachedVariable = "OCTO_TENTACLE_OUTSIDE"

// What is in the folder of a detached process.
const (
	detachedLog     = "log.txt"
	detachedProgram = "octo-tentacle.exe"

	// detachedMark is open in a detached process, which lets nobody else open it, for as long as
	// it takes care of all changes. It gets what the process prints otherwise, as in a crash.
	detachedMark = "running.txt"

	// detachedNumber says which process has the mark: without it, a scanner that looks at the mark
	// would pass for one.
	detachedNumber = "running.pid"
)

const (
	// startWait is how long a start may take on a machine whose scanners look at new programs.
	startWait = 30 * time.Second

	// markWait is for another process that is just starting one.
	markWait = 2*startWait + 15*time.Second

	startPoll = 50 * time.Millisecond
)

// StartDetached runs a command as a process that does not end with the service which started this
// one, and returns once it runs. The result is the file to which it writes, because there is no
// journal. If the process of that name runs already, nothing is started: before it ends, that looks
// whether there is something to do for it (see Detached).
//
// The first word of the command is the program, which is copied: while it runs, Windows would not
// let Tentacle remove the folder of the script that brought it. The copy stays until the next
// time, because a program cannot remove itself. Where the copy may not run, as AppLocker and App
// Control can have it, the program itself is started: a folder that stays is removed by Tentacle a
// day later (Maintenance/WorkspaceCleaner.cs).
//
// Tentacle runs its scripts in no job (Util/SilentProcessRunner.cs), but what runs Tentacle may:
// the process leaves the jobs where that is allowed, and is not started where it would end with
// one.
func StartDetached(ctx context.Context, name, _ string, command []string) (logFile string, err error) {
	if len(command) == 0 || !filepath.IsAbs(command[0]) {
		return "", errors.New("the program to start needs an absolute path")
	}
	owner, err := thisAccount()
	if err != nil {
		return "", err
	}
	folder, err := adminFolder(owner, name)
	if err != nil {
		return "", err
	}
	logFile = filepath.Join(folder, detachedLog)
	mark, err := waitForMark(ctx, folder)
	if mark == nil {
		return logFile, err
	}
	defer mark.Close()
	program := filepath.Join(folder, detachedProgram)
	refused := copyProgram(ctx, command[0], program)
	if refused == nil {
		refused = startOutside(ctx, folder, mark, program, command[1:])
	}
	if refused == nil || errors.Is(refused, errEndsWithJob) || ctx.Err() != nil {
		return logFile, refused
	}
	log := newTimedLog(logFile)
	defer log.Close()
	fmt.Fprintf(log, "%v; starting %s itself\n", refused, command[0])
	if err = startOutside(ctx, folder, mark, command[0], command[1:]); err != nil {
		fmt.Fprintln(log, err)
		return logFile, hint.Errorf("see whether AppLocker, App Control or a virus scanner forbids it (event log), and allow it to run there; or restart the service from outside",
			"could not start a process that outlives this script: %w", refused)
	}
	return logFile, nil
}

// errEndsWithJob is for a process that could not do its work.
var errEndsWithJob = hint.New("nothing started here can outlive this script: it runs in a job that ends all its processes",
	"restart it from outside the service, or with a scheduled task")

// waitForMark takes the mark of a folder; nil, without an error, where a process has it that takes
// care of everything.
func waitForMark(ctx context.Context, folder string) (*os.File, error) {
	for end := time.Now().Add(markWait); ; {
		mark, err := openMark(folder)
		switch {
		case err == nil:
			_ = os.Remove(filepath.Join(folder, detachedNumber)) // it would be another process's in any case
			return mark, nil
		case !errors.Is(err, windows.ERROR_SHARING_VIOLATION):
			return nil, err
		}
		if n, ok := readNumber(folder); ok && n.takes && n.started == startOf(uint32(n.pid)).UnixNano() && exists(n.pid) {
			return nil, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("another program has it open: %w", err)
		}
		if err := sleep(ctx, startPoll); err != nil {
			return nil, err
		}
	}
}

// openMark empties the mark and opens it for this process alone, and those that inherit it.
func openMark(folder string) (*os.File, error) {
	path := filepath.Join(folder, detachedMark)
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.CREATE_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// processNumber is what detachedNumber has: a process and when it was started, since numbers are
// used again, and whether it takes the work that it was started for.
type processNumber struct {
	pid     int
	started int64
	takes   bool
}

func (n processNumber) write(folder string) error {
	path := filepath.Join(folder, detachedNumber)
	return atomicfile.WhileInUseOrDenied(context.Background(), path, func() error {
		return os.WriteFile(path, fmt.Appendln(nil, n.pid, n.started, n.takes), 0o600)
	})
}

func readNumber(folder string) (n processNumber, ok bool) {
	text, err := os.ReadFile(filepath.Join(folder, detachedNumber))
	if err != nil || !strings.HasSuffix(string(text), "\n") {
		return n, false
	}
	_, err = fmt.Sscanln(string(text), &n.pid, &n.started, &n.takes)
	return n, err == nil
}

func copyProgram(ctx context.Context, from, to string) error {
	return atomicfile.WhileInUseOrDenied(ctx, to, func() error { return copyFile(from, to) })
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("cannot copy octo-tentacle: %w", err)
	}
	return os.WriteFile(to, content, 0o755)
}

// startOutside starts a program outside of the service, with the mark, and returns once it is up.
func startOutside(ctx context.Context, folder string, mark *os.File, program string, arguments []string) error {
	var cmd *exec.Cmd
	err := atomicfile.WhileInUseOrDenied(ctx, program, func() (err error) {
		cmd, err = startProcess(folder, mark, program, arguments, windows.CREATE_BREAKAWAY_FROM_JOB)
		if errors.Is(err, windows.ERROR_ACCESS_DENIED) { // the job may not be left: the process finds out whether that matters
			cmd, err = startProcess(folder, mark, program, arguments, 0)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", program, err)
	}
	return waitUntilUp(ctx, folder, cmd)
}

// startProcess starts a process without a console, and with no file of this process open but the
// mark: Tentacle waits until the output of its script is closed. It does not run in the script's
// folder, which could not be removed as long as it runs.
func startProcess(folder string, mark *os.File, program string, arguments []string, flags uint32) (*exec.Cmd, error) {
	cmd := exec.Command(program, arguments...)
	cmd.Env = append(withoutSecrets(os.Environ()), detachedVariable+"="+folder) // it may wait for a day
	cmd.Stdout, cmd.Stderr = mark, mark
	cmd.Dir = folder
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP | flags}
	return cmd, cmd.Start()
}

// waitUntilUp waits until a process says that it runs. One that a scanner or a policy ends never
// does.
func waitUntilUp(ctx context.Context, folder string, cmd *exec.Cmd) error {
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	over := time.NewTimer(startWait)
	defer over.Stop()
	for {
		var failed error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ended:
			failed = fmt.Errorf("%s ended as soon as it was started (%s)", cmd.Path, cmd.ProcessState)
		case <-over.C:
			_ = cmd.Process.Kill()
			failed = fmt.Errorf("%s was started, but did nothing for %v", cmd.Path, startWait)
		case <-time.After(startPoll):
		}
		if n, ok := readNumber(folder); ok && n.pid == cmd.Process.Pid {
			if !n.takes {
				return errEndsWithJob
			}
			return nil
		}
		if failed != nil {
			return failed
		}
	}
}

// jobEndsItsProcesses says whether this process is in a job that ends its processes when it ends.
// Windows tells it of the innermost job only.
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

// Detached is this process where StartDetached has started it, in the place of others that want the
// same. None of them is to wait for one that has nothing left to do: at its end, it leaves its work
// to others, looks whether somebody relied on it until then, and if so, takes it up again.
type Detached struct {
	folder string
	log    *timedLog
	mark   io.Closer
}

// TakeUpDetached takes up what StartDetached has started this process for; nil for a process that
// was started otherwise.
func TakeUpDetached() (*Detached, error) {
	folder := os.Getenv(detachedVariable)
	if !filepath.IsAbs(folder) {
		return nil, nil
	}
	ends, err := jobEndsItsProcesses()
	if err != nil {
		return nil, err
	}
	d := &Detached{folder: folder, log: newTimedLog(filepath.Join(folder, detachedLog)), mark: inherited{}}
	if err := thisProcess(!ends).write(folder); err != nil {
		return nil, err
	}
	if ends {
		return nil, errEndsWithJob
	}
	return d, nil
}

func thisProcess(takes bool) processNumber {
	pid := os.Getpid()
	return processNumber{pid, startOf(uint32(pid)).UnixNano(), takes}
}

// Output is where the process writes to: its log.
func (d *Detached) Output() (out, err io.Writer) { return d.log, d.log }

// Note writes a line about the process itself to its log.
func (d *Detached) Note(format string, a ...any) { fmt.Fprintf(d.log, format+"\n", a...) }

// Leave leaves the work to others: the next StartDetached starts another process.
func (d *Detached) Leave() {
	_ = atomicfile.Remove(filepath.Join(d.folder, detachedNumber))
	_ = d.mark.Close()
}

// TakeUpAgain takes up the work that was left, unless another process has.
func (d *Detached) TakeUpAgain() bool {
	mark, err := openMark(d.folder)
	if err != nil {
		return false
	}
	d.mark = mark
	return thisProcess(true).write(d.folder) == nil
}

// Close writes what is left to log.
func (d *Detached) Close() { d.log.Close() }

// inherited is the mark that this process was started with: its standard output and error.
type inherited struct{}

func (inherited) Close() error {
	for _, std := range []uint32{windows.STD_OUTPUT_HANDLE, windows.STD_ERROR_HANDLE} {
		_ = windows.SetStdHandle(std, 0) // nothing is to be printed to what has the handle's number next
	}
	return errors.Join(os.Stdout.Close(), os.Stderr.Close())
}

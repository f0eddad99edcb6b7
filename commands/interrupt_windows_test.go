package commands_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"
)

// needInterrupts skips on Wine, whose GenerateConsoleCtrlEvent knows no process
// that was started without a terminal. The console is made for a test that has none.
func needInterrupts(t *testing.T) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("on Wine: there is no console to press Ctrl-C at")
	}
	windows.NewLazySystemDLL("kernel32.dll").NewProc("AllocConsole").Call()
}

// interruptible gives a process a group of its own, so that it alone is
// interrupted and not the test as well.
func interruptible(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// interrupt is Ctrl-Break, which takes the way of Ctrl-C and can be sent to one group.
func interrupt(p *os.Process) error {
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(p.Pid))
}

package commands_test

import (
	"os/exec"
	"syscall"
)

// windowsShell is cmd with a command line, which it reads by rules of its own.
func windowsShell(line string) *exec.Cmd {
	cmd := exec.Command("cmd")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd /d /s /c "` + line + `"`}
	return cmd
}

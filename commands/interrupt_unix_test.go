//go:build !windows

package commands_test

import (
	"os"
	"os/exec"
	"testing"
)

func asService() {}

func needInterrupts(*testing.T) {}

func interruptible(*exec.Cmd) {}

// interrupt is Ctrl-C.
func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }

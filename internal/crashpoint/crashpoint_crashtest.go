//go:build crashtest

// Package crashpoint lets the crash tests end a process between any two steps of a save.
package crashpoint

import (
	"fmt"
	"os"
)

// Environment variables of a process under test.
const (
	CrashVariable = "OCTO_TENTACLE_TEST_CRASH" // the step to end at; "-" for none
	StepsVariable = "OCTO_TENTACLE_TEST_STEPS" // a file to which the steps are appended
)

// Reach lists the step, and ends the process there as a kill does: nothing of it runs any more.
func Reach(step string) {
	if file := os.Getenv(StepsVariable); file != "" {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			fmt.Fprintln(f, step)
			f.Close()
		}
	}
	if os.Getenv(CrashVariable) == step {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			_ = self.Kill()
		}
		select {}
	}
}

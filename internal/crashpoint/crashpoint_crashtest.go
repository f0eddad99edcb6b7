//go:build crashtest

// Package crashpoint lets the crash tests end a process between any two steps of a save.
package crashpoint

import (
	"fmt"
	"os"
	"sync"
)

// Environment variables of a process under test.
const (
	CrashVariable = "OCTO_TENTACLE_TEST_CRASH" // the step to end at; "-" for none
	StepsVariable = "OCTO_TENTACLE_TEST_STEPS" // a file to which the steps are appended
)

var (
	mu      sync.Mutex
	reached = map[string]int{} // how often
)

// Reach lists the step, and ends the process there as a kill does: nothing of it runs any more.
// What a save does twice, such as writing a file, is two steps: written and written-2.
func Reach(step string) {
	mu.Lock()
	defer mu.Unlock()
	if reached[step]++; reached[step] > 1 {
		step = fmt.Sprintf("%s-%d", step, reached[step])
	}
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

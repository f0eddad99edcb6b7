//go:build crashtest

package tentacleconfig

import (
	"fmt"
	"os"
)

const (
	crashVariable = "OCTO_TENTACLE_TEST_CRASH" // the step to end at; "-" for none
	stepsVariable = "OCTO_TENTACLE_TEST_STEPS" // a file that lists the steps
)

// step lists the step, and ends the process there as a kill does: nothing of it
// runs any more.
func step(name string) {
	if file := os.Getenv(stepsVariable); file != "" {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			fmt.Fprintln(f, name)
			f.Close()
		}
	}
	if os.Getenv(crashVariable) == name {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			_ = self.Kill()
		}
		select {}
	}
}

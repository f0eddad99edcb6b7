package commands_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/machinefiles"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// standInVariable makes this test binary a stand-in for the Tentacle, in the
// folder it names.
const standInVariable = "OCTO_TENTACLE_TEST_STANDIN"

// standIn is a Tentacle as a service manager sees it: one process, which leaves a line in "marks"
// at each start, ends soon when there is a file "broken", ends after three seconds when the file
// that is named in the first line of "short-lived" has the text of the second, and otherwise polls
// as the configuration says that is named in "polls", and runs the script "job", when there is one,
// as a deployment: with the variables a Tentacle gives its scripts, the output in "job.out" and the
// exit code in "job.exit".
func standIn(folder string) int {
	in := func(name string) string { return filepath.Join(folder, name) }
	marks, err := os.OpenFile(in("marks"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return 9
	}
	fmt.Fprintln(marks, "started")
	marks.Close()
	if _, err := os.Stat(in("broken")); err == nil {
		fmt.Println("the stand-in is broken")
		time.Sleep(200 * time.Millisecond)
		return 7
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	var end <-chan time.Time
	if shortLived, err := os.ReadFile(in("short-lived")); err == nil {
		config, text, _ := strings.Cut(string(shortLived), "\n")
		if content, err := os.ReadFile(config); err == nil && strings.Contains(string(content), text) {
			end = time.After(3 * time.Second)
		}
	}
	if config, err := os.ReadFile(in("polls")); err == nil {
		if err := poll(string(config)); err != nil {
			fmt.Println(err)
			return 10
		}
	}
	for {
		select {
		case <-stop:
			return 0
		case <-end:
			return 8
		case <-time.After(20 * time.Millisecond):
		}
		if os.Rename(in("job"), in("job.running")) == nil {
			runJob(in)
		}
	}
}

// poll polls as a configuration says, and as the environment does, until this process ends.
func poll(config string) error {
	machinefiles.Use(filepath.Join(filepath.Dir(config), "machine-id"), "")
	document, err := tentacleconfig.Read(config)
	if err != nil {
		return err
	}
	certificate, err := document.OwnCertificate()
	if err != nil {
		return err
	}
	a := &agent{Tentacle: octotest.Tentacle{Certificate: certificate.TLS()}, config: config, list: os.Getenv(check.TrustedServersVariable)}
	return a.start()
}

func runJob(in func(string) string) {
	job := exec.Command("sh", in("job.running"))
	job.Dir = in(".")
	os.Unsetenv(standInVariable) // the script's octo-tentacle may be this binary, too
	job.Env = append(os.Environ(), "TentacleInstanceName=Octo Tentacle Test", "TentacleHome="+in("."))
	output, _ := job.CombinedOutput()
	os.WriteFile(in("job.out"), output, 0o644)
	os.WriteFile(in("job.exit"), fmt.Append(nil, job.ProcessState.ExitCode()), 0o644)
}

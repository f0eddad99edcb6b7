//go:build !windows

package commands_test

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func asService() {}

// needInterrupts lets the programs that are started hear the signals, even where
// the tests run in the background or under nohup.
func needInterrupts(*testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s) // what is caught is not ignored in children
		}
	}
}

func interruptible(*exec.Cmd) {}

// interrupt is Ctrl-C.
func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }

// TestAHangUpIsCtrlCAndNohupOverridesIt ends the terminal, as a lost connection
// does, while a registration is under way at the server.
func TestAHangUpIsCtrlCAndNohupOverridesIt(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	for _, nohup := range []bool{false, true} {
		s := newScene(t, "Tentacle", octotest.Options{})
		if err := makeTentacle(s.home, "Tentacle", s.config, nil); err != nil {
			t.Fatal(err)
		}
		fault := octotest.APIFault{Write: true, Hang: true}
		if nohup {
			fault = octotest.APIFault{Write: true, Slow: time.Second}
		}
		s.cluster.SetAPIFault(fault)
		cmd := s.command("register-with", "--comms-style=TentacleActive", "--name=web01", "--environment=Development", "--role=web",
			"--server-comms-address="+strings.Join(s.cluster.Addresses(), ","))
		if nohup {
			under := exec.Command("sh", append([]string{"-c", `trap "" HUP INT; exec "$@"`, "sh"}, cmd.Args...)...)
			under.Env = cmd.Env
			cmd = under
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s.waitForRequest(t, !nohup)
		for _, signal := range []os.Signal{syscall.SIGHUP, syscall.SIGHUP} { // of the shell, and of the terminal
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
		if nohup {
			if err := interrupt(cmd.Process); err != nil { // of the script that it was put in the background by
				t.Fatal(err)
			}
		}
		err := cmd.Wait()
		if nohup {
			if err != nil || len(s.addresses(t)) != 3 {
				t.Errorf("under nohup: %v, polled: %v\n%s", err, s.addresses(t), stderr.String())
			}
			continue
		}
		if cmd.ProcessState.ExitCode() != 3 || !strings.Contains(stderr.String(), "it is not known whether web01 was registered") {
			t.Errorf("hung up: %v, said %q", err, stderr.String())
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(s.config), ".*.tmp")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

//go:build !windows

package commands_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestCtrlCEndsTheWaitForInput interrupts commands that would change something, while they wait for
// a pipe or for standard input.
func TestCtrlCEndsTheWaitForInput(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	s := newScene(t, "Tentacle", octotest.Options{})
	if err := makeTentacle(s.home, "Tentacle", s.config, nil); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, arguments := range map[string][]string{
		"a key":            {"register-with", "--apikey-file=" + pipe, "--name=a", "--environment=e", "--role=r"},
		"authorities":      {"poll-server", "--ca-file=" + pipe, "--server-comms-address=https://a:1"},
		"a list":           {"sync-servers", "--file=" + pipe},
		"a certificate":    {"import-certificate", "--from-file=" + pipe},
		"a kubeconfig":     {"restart-service", "--namespace=n", "--kubeconfig=" + pipe},
		"standard input":   {"sync-servers", "--file=-"},
		"its path on Unix": {"sync-servers", "--file=/dev/stdin"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := s.command(arguments...)
			cmd.Env = append(cmd.Env, "OCTOPUS_API_KEY=API-KEY")
			if name == "a key" {
				cmd.Env = append(cmd.Env, "OCTOPUS_API_KEY=")
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			input, err := cmd.StdinPipe() // which stays open
			if err != nil {
				t.Fatal(err)
			}
			defer input.Close()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(arguments[1], "--file=") && !strings.HasSuffix(arguments[1], pipe) {
				// More than fits between the two: once it is written, it is read.
				if _, err := input.Write(bytes.Repeat([]byte("#"), 200<<10)); err != nil {
					t.Fatal(err)
				}
			} else {
				defer waitForReader(t, pipe)()
			}
			if err := interrupt(cmd.Process); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.String(), "interrupted; nothing was changed") {
				t.Errorf("exit code %d, said %q", code, stderr.String())
			}
		})
	}
	if now, err := os.ReadFile(s.config); err != nil || !bytes.Equal(now, before) {
		t.Errorf("the configuration was changed: %v", err)
	}
}

// waitForReader waits until the pipe is read from; closed, it would end.
func waitForReader(t *testing.T, pipe string) (close func() error) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if w, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			return w.Close
		}
	}
	t.Fatal("nobody reads from the pipe")
	return nil
}

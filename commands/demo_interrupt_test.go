package commands_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestADemoThatIsInterruptedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	temporary := t.TempDir()
	cmd := exec.Command("octo-tentacle", "demo")
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary, "TMP="+temporary)
	interruptible(cmd)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	shown := bufio.NewScanner(stdout)
	for shown.Scan() && !strings.HasPrefix(shown.Text(), "$ octo-tentacle register-with ") {
	}
	if err := interrupt(cmd.Process); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(stdout)
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 1 || strings.Count(stderr.String(), "octo-tentacle: interrupted") != 1 {
		t.Errorf("%v, showed %q, said %q", err, rest, stderr.String())
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

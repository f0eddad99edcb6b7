//go:build unix

package commands_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestEveryCommandWorksInAMinimalEnvironment: as cron, a container's
// entry point or an installer may run it, without HOME, PATH, TERM and standard
// input, with a strict umask, in a folder that is gone.
func TestEveryCommandWorksInAMinimalEnvironment(t *testing.T) {
	t.Parallel()
	commands.TriesEverything(t)
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	s := newScene(t, "Tentacle", octotest.Options{})
	registered(false)(t, s)
	registered(true)(t, s)
	s.run(t, 0, "configure", "--port=10935") // for restore-backup
	run := func(line []string, environment []string, script string) outcome {
		gone := filepath.Join(t.TempDir(), "gone")
		if err := os.Mkdir(gone, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/bin/sh", append([]string{"-c", script, "sh", program}, line...)...)
		cmd.Dir = gone
		cmd.Env = append(environment, "GOCOVERDIR="+os.Getenv("GOCOVERDIR"), "TentacleMachineConfigurationHomeDirectory="+s.home, scriptMachine+"="+filepath.Dir(s.config),
			"OCTOPUS_URL="+s.cluster.URL(), "OCTOPUS_API_KEY="+octotest.APIKey)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}.steady()
	}
	lines := commandLines(t, s)
	lines["demo"] = []string{"demo", "--help"} // its ports would differ
	for _, line := range lines {
		usual := run(line, os.Environ(), `exec "$@"`)
		bare := run(line, []string{"LANG=C"}, `umask 077; rmdir "$PWD"; unset PWD PATH; exec "$@" <&-`)
		if bare != usual {
			t.Errorf("%s: %+v\nwith the usual environment %+v", strings.Join(line, " "), bare, usual)
		}
	}
}

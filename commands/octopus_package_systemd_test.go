//go:build linux

package commands_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSystemdThePackageLeavesTheRestartToAProcessOutside: the step ends well, and then the Tentacle
// that ran it restarts, once for two runs, although the package's folder is gone by then.
func TestSystemdThePackageLeavesTheRestartToAProcessOutside(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	c := extracted(t, s.scene, "bash")
	c.extract(t)
	line := c.prepare(t, map[string]string{"Mode": "sync", "Nodes": s.nodes(), "RestartSplay": "1s"})
	s.runJob(t, fmt.Sprintf(`
export TentacleMachineConfigurationHomeDirectory=%[1]s
cd '%[2]s' || exit 3
extract() { mkdir -p linux-x64 linux-arm64 && cat '%[3]s' | tee linux-x64/octo-tentacle >linux-arm64/octo-tentacle; }
extract && %[4]s || exit 5
echo again
extract && %[4]s || exit 6
rm -r '%[2]s'
sleep 2
echo the end
`, s.home, c.folder, program, strings.Join(line, " ")))
	s.eventually(t, "the script ends", func() bool {
		_, err := os.Stat(filepath.Join(s.folder, "job.exit"))
		return err == nil
	})
	output := s.read(t, "job.out")
	if s.starts(t) != 1 || s.read(t, "job.exit") != "0" || !strings.HasSuffix(output, "the end\n") {
		t.Errorf("%d starts, exit %s:\n%s", s.starts(t), s.read(t, "job.exit"), output)
	}
	first, second, _ := strings.Cut(output, "again\n")
	r := readStep(t, first, 0)
	r.expect(t, 0, "True", s.cluster.Addresses())
	if !slices.Equal(r.highlight, []string{"web 01: 2 added, 0 removed; the restart is scheduled"}) {
		t.Errorf("%s", first)
	}
	r = readStep(t, second, 0)
	r.expect(t, 0, "False", s.cluster.Addresses())
	s.eventually(t, "the service restarts", func() bool { return s.starts(t) == 2 })
}

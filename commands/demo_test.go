package commands

import (
	"bytes"
	"errors"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// newTestDemonstration is one in this process, so its tests do not run beside others.
func newTestDemonstration(t *testing.T, c *console) *demonstration {
	t.Helper()
	d, end, err := newDemonstration(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestTheDemoIsAsRecorded compares the whole story with testdata/golden/demo.txt, and docs/demo.svg
// with what it makes of it. What differs from run to run is replaced.
func TestTheDemoIsAsRecorded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the addresses are others on macOS, and the command lines on Windows")
	}
	for name, value := range map[string]string{"NO_COLOR": "", "TERM": "xterm", "LC_ALL": "C.UTF-8"} {
		t.Setenv(name, value)
	}
	var output bytes.Buffer
	c := newConsole(strings.NewReader(""), &output, &output)
	c.colour(true, true)
	d := newTestDemonstration(t, c)
	if err := d.show(); err != nil {
		t.Fatalf("%v, after:\n%s", err, output.String())
	}
	if err := c.out.flush(); err != nil {
		t.Fatal(err)
	}
	recorded := withoutWhatDiffers(output.String())
	golden(t, "demo.txt", colours.ReplaceAllString(recorded, ""))

	step := regexp.MustCompile(`^(?:\x1b\[\d+m)?\d+\. `)
	var ends []int // of the introduction and of each step
	lines := strings.Split(recorded, "\n")
	for i, line := range lines {
		if step.MatchString(line) {
			ends = append(ends, i)
		}
	}
	ends = append(ends, len(lines)-1)
	if len(ends) != 11 {
		t.Fatalf("there are %d steps, not 10", len(ends)-1)
	}
	picture, err := terminalPicture(recorded, "octo-tentacle demo",
		"A recording of a terminal: octo-tentacle demo starts a cluster of three nodes inside the program. A Tentacle that polls one node gets no work from "+
			"the others, until poll-server adds them. Then a node is added to the cluster: check names it, sync-servers adds it. Finally the cluster's "+
			"certificate is renewed, while work that is queued on every node is done.",
		[]int{ends[2], ends[3], ends[5], ends[7], ends[8], ends[9], ends[10]}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(picture) > 60<<10 {
		t.Errorf("the picture has %d bytes", len(picture))
	}
	compareWithFile(t, "../docs/demo.svg", picture)
}

func TestADemoWhoseOutputCannotBeWrittenSaysSoOnce(t *testing.T) {
	var problems bytes.Buffer
	code := run(t.Context(), newConsole(strings.NewReader(""), brokenOutput{}, &problems), []string{"demo"})
	if said := problems.String(); code != exitFailed || strings.Count(said, "could not be written") != 1 || !strings.Contains(said, "the demo stopped") {
		t.Errorf("exit code %d, said %s", code, said)
	}
}

type brokenOutput struct{}

func (brokenOutput) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// withoutWhatDiffers replaces what differs from run to run by values of the same length.
func withoutWhatDiffers(output string) string {
	for pattern, value := range map[string]string{
		`127\.\d{3}\.\d{3}\.`:             "127.100.100.",
		`[^\s(]*octo-tentacle-demo-\d+`:   "/tmp/octo-tentacle-demo-1234567890",
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`: "2026-12-01T10:00:00Z",
		`\.bak-\d{8}T\d{6}Z(-\d+)?`:       ".bak-20261201T100000Z",
	} {
		output = regexp.MustCompile(pattern).ReplaceAllString(output, value)
	}
	given := []string{"0123456789ABCDEF0123456789ABCDEF01234567", "89ABCDEF0123456789ABCDEF0123456789ABCDEF"}
	known := map[string]string{}
	return regexp.MustCompile(`\b[0-9A-F]{40}\b`).ReplaceAllStringFunc(output, func(thumbprint string) string {
		if known[thumbprint] == "" && len(known) < len(given) {
			known[thumbprint] = given[len(known)]
		}
		return known[thumbprint]
	})
}

// TestTheDemoStopsWhereTheStoryIsNotTrue leaves out that the Tentacle trusts the new certificate,
// which then stops the work at the first node that presents it. Before that, it expects work to
// wait where the Tentacle does it.
func TestTheDemoStopsWhereTheStoryIsNotTrue(t *testing.T) {
	var output bytes.Buffer
	d := newTestDemonstration(t, newConsole(strings.NewReader(""), &output, &output))
	for _, chapter := range []func() error{d.pollOneNode, d.pollEveryNode, d.addNode, d.restartNodes, d.cluster.Renew} {
		if err := chapter(); err != nil {
			t.Fatal(err)
		}
	}
	d.queue(2)
	<-d.queued[2]
	if err := d.showWork(); err == nil || err.Error() != "the demo stopped: the work at node2 is done, which is not polled" {
		t.Errorf("it ended with %v", err)
	}
	done := d.done
	d.limit = 300 * time.Millisecond
	err := d.restartNodes()
	if err == nil || err.Error() != "the demo stopped: work waits at node1, which is polled" {
		t.Errorf("it ended with %v", err)
	}
	if d.done != done {
		t.Errorf("%d pieces of work were counted as done", d.done-done)
	}
}

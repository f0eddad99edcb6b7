package commands_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
)

// TestTheManualIsRight by mandoc, which knows roff, and is as wide as a terminal.
func TestTheManualIsRight(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("mandoc"); err != nil {
		skipUnlessRequired(t, "mandoc", "there is no mandoc here")
	}
	escapes := regexp.MustCompile(".\b")
	for _, page := range commands.Manual("1.2.3", time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)) {
		run := func(arguments ...string) string {
			t.Helper()
			command := exec.Command("mandoc", arguments...)
			command.Stdin = bytes.NewReader(page.Text)
			out, err := command.CombinedOutput()
			if err != nil {
				t.Errorf("%s: mandoc %s: %v\n%s", page.Name, arguments, err, out)
			}
			return string(out)
		}
		if said := run("-T", "lint", "-W", "warning"); said != "" {
			t.Errorf("%s: %s", page.Name, said)
		}
		shown := escapes.ReplaceAllString(run("-T", "ascii", "-O", "width=78"), "")
		for line := range strings.Lines(shown) {
			if width := len(strings.TrimSpace(line)) + len(line) - len(strings.TrimLeft(line, " ")); width > 78 {
				t.Errorf("%s: %d columns: %s", page.Name, width, line)
			}
		}
	}
}

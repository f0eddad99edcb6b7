package commands_test

import (
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestAFileHasTheNamesOfTheServerInAFormThatIsReadAgain: quoted where YAML needs it, and with what
// steers a terminal written out. What a file cannot have is refused before anything is printed.
func TestAFileHasTheNamesOfTheServerInAFormThatIsReadAgain(t *testing.T) {
	for name, want := range map[string]string{
		"no":           `name: "no"`,
		"a: b #c":      `name: 'a: b #c'`,
		"web\u202e01":  `name: "web\u202e01"`,
		"web\x1b[2J01": "",
		"web\n01":      "",
	} {
		s := newScene(t, "Tentacle", octotest.Options{})
		s.trusts(t, s.entry(0))
		machine := octotest.Machine{Name: name, Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription}
		if err := s.cluster.AddMachine(machine); err != nil {
			t.Fatal(err)
		}
		code := 0
		if want == "" {
			code = 1
		}
		stdout, stderr := s.run(t, code, "show-configuration", "--format=yaml", "--server="+s.cluster.URL())
		switch {
		case code == 0 && !strings.Contains(stdout, "    "+want+"\n"):
			t.Errorf("%q: the file lacks %s:\n%s", name, want, stdout)
		case code == 1 && (stdout != "" || !strings.Contains(stderr, "what this Tentacle is cannot be written as a file: the file, line ") ||
			!strings.Contains(stderr, ": registrations[0].name: it has a line break or another control character")):
			t.Errorf("%q: %s%s", name, stdout, stderr)
		}
	}
}

//go:build linux

package commands_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemdServiceTwiceIsDoneOnce: what a dry run says is what is done, and
// what is done already is not done again.
func TestSystemdServiceTwiceIsDoneOnce(t *testing.T) {
	m := newServiceMachine(t, "Tentacle")
	other := filepath.Join(filepath.Dir(m.program), "other")
	if err := os.Link(m.program, other); err != nil {
		t.Fatal(err)
	}
	unit := func() os.FileInfo {
		info, err := os.Stat(unitFile("Tentacle"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return info
	}
	withoutState := func(text string) string {
		before, _, _ := strings.Cut(withoutUnknown(t, text, nil), `"service"`)
		return before
	}
	for _, arguments := range [][]string{
		{"service", "--install", "--tentacle=" + m.program},
		{"checkservices", "--instances=*"},
		{"service", "--reconfigure", "--tentacle=" + other},
		{"service", "--reconfigure", "--no-restart", "--tentacle=" + m.program},
		{"service", "--stop"},
		{"service", "--uninstall"},
	} {
		json := append(arguments, "--format=json")
		before, starts := unit(), len(m.runs(t))
		dry := m.text(t, append(json, "--dry-run")...)
		if after := unit(); len(m.runs(t)) != starts || (before == nil) != (after == nil) || before != nil && !sameFile(before, after) {
			t.Errorf("%q: the dry run did something", arguments)
		}
		first := m.text(t, json...)
		if withoutState(dry) != withoutState(first) || !strings.Contains(first, `"changed": true`) {
			t.Errorf("%q: the dry run said\n%s\nand the first run\n%s", arguments, dry, first)
		}
		before, starts = unit(), len(m.runs(t))
		again, text := m.text(t, json...), m.text(t, arguments...)
		for _, want := range []string{`"changed": false`, `"actions": []`, `"difference": ""`} {
			if !strings.Contains(again, want) {
				t.Errorf("%q: the second run does not say %s:\n%s", arguments, want, again)
			}
		}
		if !strings.Contains(text, "Nothing to change") {
			t.Errorf("%q: the second run says\n%s", arguments, text)
		}
		if after := unit(); len(m.runs(t)) != starts || before != nil && !sameFile(before, after) {
			t.Errorf("%q: the second run did something", arguments)
		}
	}
}

// text is what a command that has to succeed prints. (It may warn.)
func (m *serviceMachine) text(t *testing.T, arguments ...string) string {
	t.Helper()
	stdout, stderr, code := m.run(arguments...)
	if code != 0 {
		t.Fatalf("%q: exit code %d\n%s%s", arguments, code, stdout, stderr)
	}
	return stdout
}

func sameFile(a, b os.FileInfo) bool { return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) }

func TestSystemdDryRunOfARestartOnlyReports(t *testing.T) {
	s := newSystemdScene(t)
	dry := func(arguments ...string) string {
		output, err := s.command(append([]string{"restart-service", "--dry-run"}, arguments...)...).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, output)
		}
		return string(output)
	}
	if text := dry(); !strings.Contains(text, "is stopped and would be left alone.\nDry run: nothing would change.\n") {
		t.Errorf("of a service that does not run: %s", text)
	}
	s.start(t)
	if text := dry(); !strings.Contains(text, "would be restarted.\nDry run: nothing was changed.\n") {
		t.Errorf("of a service that runs: %s", text)
	}
	if text := dry("--format=json"); !strings.Contains(text, `"dryRun": true`) || !strings.Contains(text, `"changed": true`) || !strings.Contains(text, `"restarted": false`) {
		t.Errorf("as JSON: %s", text)
	}
	if s.starts(t) != 1 {
		t.Errorf("%d starts", s.starts(t))
	}
}

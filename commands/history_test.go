package commands_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/urfave/cli/v2"
)

func TestEveryCommandThatChangesSomethingTakesAReasonOfOneLine(t *testing.T) {
	s := inProcess(t)
	lines := commandLines(t, s)
	before := s.snapshot(t)
	for _, command := range commands.Commands() {
		has := func(option string) bool {
			return slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == option })
		}
		if has("reason") != has("dry-run") {
			t.Errorf("%s: --reason: %v, --dry-run: %v", command.Name, has("reason"), has("dry-run"))
		}
		if !has("reason") {
			continue
		}
		for _, reason := range []string{"two\nlines", "\x1b[2J", strings.Repeat("long ", 101)} {
			got := s.try(t, append(slices.Clone(lines[command.Name]), "--reason="+reason)...)
			if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, "octo-tentacle: --reason ") || strings.Contains(got.stderr, reason) {
				t.Errorf("%s --reason=%q: %+v", command.Name, reason, got)
			}
		}
	}
	before.same(t, "with a reason that is none", s.snapshot(t))
}

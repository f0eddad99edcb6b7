package commands

import (
	"cmp"
	"errors"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// serviceHints says what to type to fix an error of package service.
func serviceHints(err error) []string {
	var hints []string
	add := func(lines ...string) { hints = append(hints, lines...) }

	if errors.Is(err, service.ErrUnmanaged) {
		add("have the container or supervisor start the Tentacle: Tentacle run --instance=NAME")
	}
	if errors.Is(err, service.ErrTentacleNotFound) {
		add("or say where it is with --tentacle FILE")
	}
	if errors.As(err, new(*service.ProgramError)) {
		add("give the Tentacle program itself with --tentacle FILE, not its folder or another program")
	}
	if errors.As(err, new(*service.NameError)) {
		add("give the service another name with --service NAME")
	}
	if errors.As(err, new(*service.PasswordRequiredError)) {
		add("give it with --password-file FILE (- for standard input), or in the environment variable OCTOPUS_SERVICE_PASSWORD")
	}
	if errors.As(err, new(*service.DependencyError)) {
		add("--dependOn takes the name of a service, as Get-Service lists it, not its display name")
	}
	if errors.As(err, new(*service.NoServiceError)) {
		add("add --install to install it")
	}
	if errors.As(err, new(*service.ForeignUnitError)) {
		add("leave that unit alone, and give the Tentacle's service another name with --service NAME")
	}
	if errors.As(err, new(*service.ForeignServiceError)) {
		add("leave that service alone, and give the Tentacle's service another name with --service NAME")
	}
	if masked, is := errors.AsType[*service.MaskedError](err); is {
		add("to allow it to run: " + shellCommand("systemctl", "unmask", masked.Service))
	}
	if customized, is := errors.AsType[*service.CustomizedError](err); is {
		add(hint.Lines(append([]string{"the difference from what would be installed:"}, splitLines(customized.Difference)...)...),
			"to replace it, use --reconfigure instead of --install; add --dry-run to see the effect first")
	}
	if left, is := errors.AsType[*service.DependentsError](err); is {
		for _, dependent := range left.Dependents {
			add("when it can start again: " + shellCommand("sc.exe", "start", dependent))
		}
	}
	if refused, is := errors.AsType[*service.RightsError](err); is {
		add(rightsHints(refused)...)
	}
	for failed, is := errors.AsType[*service.ManagerError](err); is; failed, is = errors.AsType[*service.ManagerError](failed.Err) {
		add(failed.Purpose + ": " + shellCommand(failed.Command...))
	}
	return hints
}

// rightsHints says how to come to the rights on a service of Windows that are missing.
func rightsHints(e *service.RightsError) []string {
	administrator := `run this as Administrator, in a console that was started with "Run as administrator"`
	if e.Filtered {
		return []string{cmp.Or(e.Account, "this account") + ` is an Administrator, but this console was not started with "Run as administrator"`}
	}
	if len(e.Missing) == 0 {
		return []string{administrator}
	}
	return []string{administrator,
		"or have an Administrator give the account these rights on the service: by Group Policy (System Services), or with sc.exe sdset"}
}

// shellCommand is a command line for a shell of this machine.
func shellCommand(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = suggest.Quote(runtime.GOOS, word)
	}
	return strings.Join(quoted, " ")
}

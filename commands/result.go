package commands

import (
	"cmp"
	"errors"
	"strings"
)

// Exit codes, on which scripts rely. The first three are those of the Tentacle CLI, which has
// several codes for a failure.
const (
	exitDone          = 0
	exitFailed        = 1 // nothing was changed; of check and fleet: there is a problem
	exitNoSuchCommand = 2
	exitUnfinished    = 3 // something was changed, but not everything, or it is not in effect
	exitNotChecked    = 4 // of check and fleet: it could not look
)

// exitCodes are what the exit codes say, for help, the manual and docs/scripting.md.
var exitCodes = []exitCodeMeaning{
	{exitDone, "done, or nothing to do", ""},
	{exitFailed, "failed, and nothing was changed (at most, the answer could not be written)", "there is a problem"},
	{exitNoSuchCommand, "no such command", ""},
	{exitUnfinished, "something was changed, but not everything, or the change is not in effect: the restart of the service failed or is still to be done, or a registration is not finished", ""},
	{exitNotChecked, "", "could not look, for example because an option is wrong; or something that is required was not looked at"},
}

type exitCodeMeaning struct {
	code    int
	usual   string // "" if only check and fleet have it
	verdict string // of check and fleet, if it is another
}

// String is what an exit code says of all commands.
func (m exitCodeMeaning) String() string {
	if m.verdict == "" {
		return m.usual
	}
	return strings.TrimPrefix(m.usual+"; of check and fleet: "+m.verdict, "; ")
}

// givesVerdict says whether a command's exit code tells what it found.
func givesVerdict(command string) bool { return command == "check" || command == "fleet" }

// exitCode is the exit code of a command that ended with an error.
func exitCode(command string, err error) int {
	verdict, isVerdict := errors.AsType[verdictError](err)
	switch {
	case errors.As(err, new(noSuchCommandError)):
		return exitNoSuchCommand
	case isVerdict:
		return cmp.Or(verdict.code, exitFailed)
	case givesVerdict(command):
		return exitNotChecked
	case errors.As(err, new(unfinishedError)):
		return exitUnfinished
	}
	return exitFailed
}

// result is how a command that changes something ended: the field outcome in its JSON.
type result string

const (
	resultUnchanged      result = "unchanged"
	resultChanged        result = "changed"
	resultWouldChange    result = "would-change"    // in a dry run
	resultRestartPending result = "restart-pending" // saved, but the service does not run with it yet
	resultUndone         result = "undone"          // the former configuration was put back: see --confirm
	resultFailed         result = "failed"          // a part was done; the error says which
)

// allResults are the results that a command can have, in the order above.
func allResults() []string {
	var all []string
	for _, r := range []result{resultUnchanged, resultChanged, resultWouldChange, resultRestartPending, resultUndone, resultFailed} {
		all = append(all, string(r))
	}
	return all
}

// resultOf is the result of a command that printed what it changed.
func resultOf(dryRun, changed bool, err error) result {
	switch {
	case errors.As(err, new(undoneError)):
		return resultUndone
	case err != nil:
		return resultFailed
	case !changed:
		return resultUnchanged
	case dryRun:
		return resultWouldChange
	}
	return resultChanged
}

// printsDespite says whether a command that failed prints its JSON all the same: if something was
// changed before it failed, the JSON says what.
func (o *outcomeOptions) printsDespite(err error) bool {
	return o.json() && (errors.As(err, new(unfinishedError)) || errors.As(err, new(undoneError)))
}

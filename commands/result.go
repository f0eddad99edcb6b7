package commands

import (
	"cmp"
	"errors"
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

// exitCode is the exit code of a command that ended with an error.
func exitCode(command string, err error) int {
	verdict, isVerdict := errors.AsType[verdictError](err)
	switch {
	case errors.As(err, new(noSuchCommandError)):
		return exitNoSuchCommand
	case isVerdict:
		return cmp.Or(verdict.code, exitFailed)
	case command == "check", command == "fleet":
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

package commands

import (
	"context"
	"errors"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// verdictError sets the exit code of a command that succeeded but whose answer on standard output
// is bad news. It is not printed.
type verdictError struct{ code int } // 0 stands for that of a failure

func (verdictError) Error() string { return "there are problems" }

// again is how to finish what the same command can finish.
const again = "run the same command again"

// unfinishedError is a failure after something has already been changed.
type unfinishedError struct {
	done   string // what has been done
	cause  error
	finish string // how to finish; "" where the cause says it
}

func (e unfinishedError) Error() string { return e.done + "\n" + e.cause.Error() }
func (e unfinishedError) Unwrap() error { return e.cause }

// MessageLines implements the lines of a message, as messageLines reads them.
func (e unfinishedError) MessageLines() []string {
	return append([]string{e.done}, messageLines(e.cause)...)
}

// Hints say how to finish.
func (e unfinishedError) Hints() []string {
	if e.finish == "" {
		return nil
	}
	return []string{"to finish: " + e.finish}
}

// interruptedError says that the user interrupted the command (Ctrl-C). The cause says what had
// been done by then.
type interruptedError struct{ cause error }

func (e interruptedError) Error() string {
	unfinished, is := errors.AsType[unfinishedError](e.cause)
	switch {
	case is && unfinished.cause == context.Canceled:
		return "interrupted: " + unfinished.done
	case is:
		return "interrupted: " + unfinished.Error()
	case errors.Is(e.cause, octoapi.ErrOutcomeUnknown):
		return e.cause.Error()
	}
	return "interrupted; nothing was changed"
}

func (e interruptedError) Unwrap() error { return e.cause }

// MessageLines is as for unfinishedError.
func (e interruptedError) MessageLines() []string {
	unfinished, is := errors.AsType[unfinishedError](e.cause)
	if !is || unfinished.cause == context.Canceled {
		return []string{e.Error()}
	}
	lines := unfinished.MessageLines()
	lines[0] = "interrupted: " + lines[0]
	return lines
}

// joined are the errors of errors.Join.
func joined(err error) []error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		return several.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// hintsFor lists what to do about an error: its own hints, then the commands and options to use.
func hintsFor(err error) []string {
	hints := hint.Of(err)
	for _, more := range [][]string{configurationHints(err), serverHints(err), serviceHints(err), kubernetesHints(err)} {
		for _, h := range more {
			if h != "" && !slices.Contains(hints, h) {
				hints = append(hints, h)
			}
		}
	}
	return hints
}

// withHints attaches all hints to an error, for a package that cannot call hintsFor.
func withHints(err error) error {
	if err == nil {
		return nil
	}
	return hint.With(err, hintsFor(err)...)
}

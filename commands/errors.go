package commands

import (
	"context"
	"errors"
	"slices"
	"strings"

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

// errorText formats an error for printing: its message and, indented below it, its hints. Each of
// several joined errors has its own.
func errorText(err error) string {
	if joined, is := err.(interface{ Unwrap() []error }); is && err.Error() == joinedMessage(joined.Unwrap()) {
		texts := make([]string, len(joined.Unwrap()))
		for i, one := range joined.Unwrap() {
			texts[i] = errorText(one)
		}
		return strings.Join(texts, "\n")
	}
	text := err.Error()
	for _, h := range hintsFor(err) {
		text += "\n  " + strings.ReplaceAll(h, "\n", "\n  ")
	}
	return strings.ReplaceAll(text, "\n  ---\n", "\n---\n") // what separates documents of YAML is not indented
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

// joinedMessage is the message of errors.Join.
func joinedMessage(errs []error) string {
	messages := make([]string, len(errs))
	for i, err := range errs {
		messages[i] = err.Error()
	}
	return strings.Join(messages, "\n")
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

// Package hint gives errors hints: lines that say what to do about an error, kept beside the
// message that says what went wrong. So a message can be quoted inside another one, and hints are
// printed in one way.
//
// A hint given here is about the world (permissions, networks, files). Only package commands knows
// what a user can type; it adds its own hints to the errors of the other packages.
package hint

import (
	"errors"
	"fmt"
	"slices"
)

// hinted is an error with its hints.
type hinted struct {
	cause error
	hints []string
}

func (e *hinted) Error() string { return e.cause.Error() }
func (e *hinted) Unwrap() error { return e.cause }

// Hints are those given to this error, not those of its cause.
func (e *hinted) Hints() []string { return e.hints }

// New is an error with this message and hints.
func New(message string, hints ...string) error {
	return With(errors.New(message), hints...)
}

// With is err with hints, each a line or more of its own. The message stays what it is. Empty
// hints do not count, and nil stays nil.
func With(err error, hints ...string) error {
	hints = slices.DeleteFunc(slices.Clone(hints), func(h string) bool { return h == "" })
	if err == nil || len(hints) == 0 {
		return err
	}
	return &hinted{err, hints}
}

// Errorf is fmt.Errorf for a message that is followed by one hint.
func Errorf(hint, format string, a ...any) error {
	return With(fmt.Errorf(format, a...), hint)
}

// Of lists the hints of err and of all that it wraps, the outermost first, each once. Any error
// type can have hints, by a method Hints() []string.
func Of(err error) []string {
	var list []string
	add := func(hints []string) {
		for _, h := range hints {
			if !slices.Contains(list, h) {
				list = append(list, h)
			}
		}
	}
	if own, has := err.(interface{ Hints() []string }); has {
		add(own.Hints())
	}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		add(Of(err.Unwrap()))
	case interface{ Unwrap() []error }:
		for _, cause := range err.Unwrap() {
			add(Of(cause))
		}
	}
	return list
}

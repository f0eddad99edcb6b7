//go:build linux || windows

package service

import (
	"errors"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// textOf is all that an error says: its message, its hints and its command.
func textOf(err error) string {
	lines := append([]string{err.Error()}, hint.Of(err)...)
	if e, is := errors.AsType[*ManagerError](err); is {
		lines = append(lines, e.Purpose+": "+strings.Join(e.Command, " "))
	}
	return strings.Join(lines, "\n")
}

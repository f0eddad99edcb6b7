package octoapi

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
)

// UnreadError says where registrations could not be looked for, while others were read.
type UnreadError struct{ Unread []Unread }

// Unread is a list that could not be read: the deployment targets or the workers of a space.
type Unread struct {
	Space Named
	Kind  Kind
	Err   error
}

// Forbidden says that nothing but a permission is missing.
func (e *UnreadError) Forbidden() bool { return errors.Is(e.first(), ErrForbidden) }

// first is the error to tell of: one that is not about a permission, if there is one.
func (e *UnreadError) first() error {
	for _, one := range e.Unread {
		if !errors.Is(one.Err, ErrForbidden) {
			return one.Err
		}
	}
	return e.Unread[0].Err
}

func (e *UnreadError) Error() string { return fmt.Sprintf("cannot read %s: %v", e.Where(), e.first()) }

// Unwrap is all that went wrong.
func (e *UnreadError) Unwrap() []error {
	all := make([]error, len(e.Unread))
	for i, one := range e.Unread {
		all[i] = one.Err
	}
	return all
}

const mostUnread = 4 // that are named

// Where names the lists: "the deployment targets and workers of space A, the workers of space B".
func (e *UnreadError) Where() string {
	var spaces []Named
	kinds := map[Named][]string{}
	for _, one := range e.Unread {
		if kinds[one.Space] == nil {
			spaces = append(spaces, one.Space)
		}
		kinds[one.Space] = append(kinds[one.Space], one.Kind.String()+"s")
	}
	var parts []string
	for _, space := range spaces[:min(len(spaces), mostUnread)] {
		part := "the " + strings.Join(kinds[space], " and ")
		if space.Name != "" {
			part += " of space " + space.Name
		}
		parts = append(parts, part)
	}
	if more := len(spaces) - len(parts); more > 0 {
		parts = append(parts, "those of "+plural.Of(more, "more space", "more spaces"))
	}
	return strings.Join(parts, ", ")
}

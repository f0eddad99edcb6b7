package commands

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// registrationAction is what happens to a registration on the server.
type registrationAction string

const (
	actionCreated   registrationAction = "created"
	actionUpdated   registrationAction = "updated"
	actionRenamed   registrationAction = "renamed" // and perhaps updated
	actionUnchanged registrationAction = "unchanged"
	actionDeleted   registrationAction = "deleted"
	actionUnknown   registrationAction = "unknown"  // it was sent, and no answer came
	actionNotDone   registrationAction = "not-done" // it, or one before it, failed
)

// changes says whether something is known to have happened to the registration.
func (a registrationAction) changes() bool {
	return a != actionUnchanged && a != actionUnknown && a != actionNotDone
}

// registrationChange is what a command does to a registration, as printed; in a dry run, what it
// would do.
type registrationChange struct {
	ID      string             `json:"id"` // "" in a dry run of a new one
	Name    string             `json:"name"`
	Kind    string             `json:"kind"` // deployment target or worker
	Space   string             `json:"space"`
	Action  registrationAction `json:"action"`
	Changes []fieldChange      `json:"changes"` // of one that was updated or renamed
}

// fieldChange is one field of a registration, before and after.
type fieldChange struct {
	Field  string   `json:"field"` // environments, roles, tenants, subscription…
	Before []string `json:"before"`
	After  []string `json:"after"`
}

func newRegistrationChange(action registrationAction, kind octoapi.Kind, m octoapi.Machine, space string) registrationChange {
	return registrationChange{ID: m.ID, Name: m.Name, Kind: kind.String(), Space: space, Action: action, Changes: []fieldChange{}}
}

func (f fieldChange) line() string {
	list := func(values []string) string {
		if len(values) == 0 {
			return "none"
		}
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s: %s → %s", inWords(f.Field), list(f.Before), list(f.After))
}

// inWords is a camelCase name as a person writes it.
func inWords(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// sameValues compares two lists as Octopus does: ignoring order and case.
func sameValues(a, b []string) bool {
	within := func(list, all []string) bool {
		return !slices.ContainsFunc(list, func(v string) bool {
			return !slices.ContainsFunc(all, func(w string) bool { return strings.EqualFold(v, w) })
		})
	}
	return within(a, b) && within(b, a)
}

func printRegistrationChange(c *console, r registrationChange, dryRun bool) {
	c.printf("  %s\n", r.line(dryRun))
	for _, change := range r.Changes {
		c.printf("    %s\n", c.yellow("~ "+change.line()))
	}
}

func (r registrationChange) line(dryRun bool) string {
	was := "was"
	if dryRun {
		was = "would be"
	}
	switch {
	case r.Action == actionUnchanged: // scripts take "already exists" for no change, here as in errors
		return fmt.Sprintf("%s already exists in space %s as %s: this Tentacle is registered already", r.Name, r.Space, r.ID)
	case r.Action == actionCreated && dryRun:
		return fmt.Sprintf("%s would be registered in space %s", r.Name, r.Space)
	case r.Action == actionCreated:
		return fmt.Sprintf("%s is registered in space %s as %s", r.Name, r.Space, r.ID)
	}
	return fmt.Sprintf("%s (%s) in space %s %s %s", r.Name, r.ID, r.Space, was, r.Action)
}

package check

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// nextLine begins another line in the reason of a finding, until the finding is added.
const nextLine = hint.Break

// asLines makes lines of a reason. Names in it come from servers and files: no line feed in one
// begins a line.
func asLines(why string) string {
	return strings.ReplaceAll(strings.ReplaceAll(why, "\n", `\n`), nextLine, "\n")
}

// lines are texts as the reason of a finding has them.
func lines(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), nextLine)
}

// hints are those of an error, a line each.
func hints(err error) string { return strings.Join(hint.Of(err), nextLine) }

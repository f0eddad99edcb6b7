package commands

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/visible"
)

// A completion is what may stand at the cursor.
type completion struct {
	what   completed
	prefix string      // what of the word stands before the name of a file
	words  []candidate // instead of files
	open   bool        // each word needs something behind it
}

// completed is the first word of the answer.
type completed string

const (
	completedWords   completed = ":words"
	completedFiles   completed = ":files"
	completedFolders completed = ":folders"
)

// A candidate is a word that may stand at the cursor.
type candidate struct {
	value       string
	description string // one line; "" for none
}

// String is the completion as the scripts read it.
func (c completion) String() string {
	if c.what == completedFiles || c.what == completedFolders {
		if visible.Is(c.prefix) {
			return string(c.what) + " " + c.prefix + "\n"
		}
		return string(completedWords) + "\n"
	}
	var lines strings.Builder
	for _, word := range c.words {
		// A name with a line break would be two candidates, and an escape sequence would reach the
		// terminal: such a one has to be typed.
		if visible.Is(word.value) {
			lines.WriteString(word.value + "\t" + visible.Line(word.description) + "\n")
		}
	}
	first := string(completedWords)
	if c.open && lines.Len() > 0 {
		first += " nospace"
	}
	return first + "\n" + lines.String()
}

// matching are the candidates that begin with what was typed, each spelled as it was typed so far.
// Where case does not matter, one that gets another spelling is left out if that may mean another
// one, too.
func matching(typed string, all []candidate, ignoreCase bool) (found []candidate) {
	exact, folded := map[string]bool{}, map[string]int{}
	for _, one := range all {
		if strings.HasPrefix(one.value, typed) {
			exact[one.value] = true
		} else if respelled, is := respelled(one.value, typed); is {
			folded[respelled]++
		}
	}
	for _, one := range all {
		if strings.HasPrefix(one.value, typed) {
			found = append(found, one)
		} else if respelled, is := respelled(one.value, typed); is && ignoreCase && !exact[respelled] && folded[respelled] == 1 {
			found = append(found, candidate{respelled, one.description})
		}
	}
	return found
}

// respelled is a value with its beginning as typed, if they differ in case alone.
func respelled(value, typed string) (string, bool) {
	size := len(typed)
	if size > len(value) || !strings.EqualFold(value[:size], typed) {
		return "", false
	}
	return typed + value[size:], true
}

// eachOnce leaves out the values that stand before.
func eachOnce(words []candidate) []candidate {
	known := map[string]bool{}
	return slices.DeleteFunc(words, func(w candidate) bool {
		isKnown := known[w.value]
		known[w.value] = true
		return isKnown
	})
}

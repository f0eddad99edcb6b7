package commands

import (
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completing is the hidden command that the scripts of completion run:
//
//	octo-tentacle __complete WORD…
//
// The words are those behind the program's name, without the shell's quotes, up to the cursor: the
// last one is the one to complete, and may be empty. The first line of the answer is
//
//	:words           candidates follow, a line each: VALUE, a tab, a description
//	:words nospace   the same, and more has to follow whichever is chosen: the value of an option
//	:files PREFIX    names of files, each behind the prefix
//	:folders PREFIX  names of folders
//
// A VALUE replaces the whole word, and begins with what was typed, byte for byte. The command reads
// this machine and nothing else: it changes nothing, asks nobody, waits for little, and does not
// fail.
const completing = "__complete"

// complete prints what may stand at the cursor. Its exit code says nothing.
func (c *console) complete(words []string) int {
	c.showsProgress = false // where a file is waited for
	_, _ = io.WriteString(c.out, completionOf(words).String())
	_ = c.out.flush() // who does not read it wants nothing else either
	return exitDone
}

// completionOf is what may stand in the place of the last word.
func completionOf(words []string) completion {
	if len(words) == 0 {
		words = []string{""}
	}
	before, word := words[:len(words)-1], words[len(words)-1]
	global, arguments := leadingGlobal(before)
	if len(arguments) == 0 {
		return readTyped(&cli.Command{Flags: globalFlags()}, global).firstWord(word)
	}
	command, err := findCommand(builtCommands(canonicalCommand(arguments[0])), arguments[0])
	if err != nil {
		return completion{what: completedWords}
	}
	return readTyped(command, slices.Concat(global, arguments[1:])).complete(word)
}

// firstWord completes the name of a command, or an option that stands before it.
func (l typedLine) firstWord(word string) completion {
	if l.awaits != nil || strings.HasPrefix(word, "-") || strings.HasPrefix(word, "/") {
		return l.complete(word)
	}
	return completion{what: completedWords, words: matching(word, commandWords(), true)}
}

// complete completes a word behind the command.
func (l typedLine) complete(word string) completion {
	if l.awaits != nil {
		return l.value(*l.awaits, "", word)
	}
	if l.ended {
		return l.positionalWord(word)
	}
	name, value, hasValue, isOption := splitOption(word)
	option, known := l.options[strings.ToLower(name)]
	switch {
	case isOption && hasValue && known:
		return l.value(option, strings.TrimSuffix(word, value), value)
	case strings.HasPrefix(word, "-"):
		return l.optionNames(word)
	case strings.HasPrefix(word, "/"):
		if found := l.optionNames(word); len(found.words) > 0 && !l.takesFiles() {
			return found
		}
		return l.positionalWord(word)
	}
	found := l.positionalWord(word)
	if word == "" && found.what == completedWords && len(found.words) == 0 {
		return l.optionNames(word)
	}
	return found
}

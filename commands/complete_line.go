package commands

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// How the words before the cursor are read: as rewriteArguments reads them.

// typedLine is the part of a command line before the cursor.
type typedLine struct {
	command    *cli.Command // without a name: the program itself
	options    map[string]option
	given      []givenOption
	positional []string
	awaits     *option // the last word is this option, and the next its value
	ended      bool    // by --: no option follows
}

// builtCommands is the command of that name, or all if there is none; nothing runs them.
func builtCommands(name string) []*cli.Command {
	return newApp(newConsole(nil, io.Discard, io.Discard), name).Commands
}

// readTyped skips what rewriteArguments will refuse.
func readTyped(command *cli.Command, arguments []string) (line typedLine) {
	line = typedLine{command: command, options: optionsOf(command)}
	for rest := arguments; len(rest) > 0; {
		var read argument
		read, rest = readArgument(line.options, rest)
		switch {
		case read.kind == endOfOptions:
			line.ended = true
			line.positional = append(line.positional, rest...)
			return line
		case read.kind == positionalArgument, read.kind == unknownArgument && read.isPath():
			line.positional = append(line.positional, read.text)
		case read.kind != optionArgument:
		case !read.needsValue():
			value := read.value
			if !read.option.takesValue {
				value, _ = switchValue(read.option.name, read.value, read.hasValue)
			}
			line.given = append(line.given, givenOption{read.option, value})
		case len(rest) == 0:
			line.awaits = &read.option
		case !isOptionOf(line.options, rest[0]):
			line.given = append(line.given, givenOption{read.option, rest[0]})
			rest = rest[1:]
		}
	}
	return line
}

// has says whether an option is given.
func (l typedLine) has(name string) bool {
	return slices.ContainsFunc(l.given, func(g givenOption) bool { return g.name == name && g.value != "false" })
}

// values are those of an option, in the order in which they are given.
func (l typedLine) values(name string) (values []string) {
	for _, g := range l.given {
		if g.name == name {
			values = append(values, g.value)
		}
	}
	return values
}

// last is the value of an option that counts; "" if it is not given.
func (l typedLine) last(name string) string {
	values := l.values(name)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// file is the last value of an option that names a file. The shell has not replaced a tilde yet.
func (l typedLine) file(name string) string {
	path := l.last(name)
	if below, isTilde := strings.CutPrefix(path, "~/"); isTilde {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, below)
		}
	}
	return path
}

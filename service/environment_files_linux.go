package service

import (
	"os"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
)

// settersOf finds the files that set each variable, in the order in which systemd reads them: the
// unit files (the unit's own, then its drop-ins), and the files of EnvironmentFile=. A file that
// cannot be read sets none.
func settersOf(unitFiles, environmentFiles []string) map[string][]string {
	setters := map[string][]string{}
	add := func(name, file string) {
		if !slices.Contains(setters[name], file) {
			setters[name] = append(setters[name], file)
		}
	}
	for _, file := range unitFiles {
		content, err := readUnit(file)
		if err != nil {
			continue
		}
		for _, list := range environmentLines(string(content)) {
			if len(list) == 0 {
				clear(setters) // an empty assignment takes back those before it: systemd.exec(5)
			}
			for _, assignment := range list {
				name, _, _ := strings.Cut(assignment, "=")
				add(name, file)
			}
		}
	}
	for _, file := range environmentFiles {
		list, _ := readEnvironmentFile(file)
		for _, assignment := range list {
			name, _, _ := strings.Cut(assignment, "=")
			add(name, file)
		}
	}
	return setters
}

// readUnit reads a unit file, or a file of EnvironmentFile=, which may be anything.
func readUnit(path string) ([]byte, error) { return boundedread.File(path, maxUnit, os.Open) }

// maxUnit is far above any unit, in bytes.
const maxUnit = 4 << 20

// environmentLines are the lists of assignments of each Environment= in a unit file
// (systemd.syntax(7)).
func environmentLines(content string) (lists [][]string) {
	section, joined := "", ""
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		if line == "" && joined == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue // also amid a line that goes on
		}
		start, goesOn := strings.CutSuffix(line, `\`)
		joined += start
		if goesOn {
			joined += " "
			continue
		}
		key, value, _ := strings.Cut(joined, "=")
		switch {
		case strings.HasPrefix(joined, "["):
			section = joined
		case section == "[Service]" && strings.TrimSpace(key) == "Environment":
			lists = append(lists, unquotedWords(value))
		}
		joined = ""
	}
	return lists
}

// unquotedWords splits at blanks that are not quoted, and takes off quotes. What a backslash is for
// within a value does not matter here, except that a quote after it is none.
func unquotedWords(text string) (words []string) {
	var word strings.Builder
	inWord, quote := false, rune(0)
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

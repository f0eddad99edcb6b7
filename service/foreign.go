package service

import (
	"path"
	"slices"
	"strings"
)

// A ForeignServiceError is a request to replace or remove a service that runs no Tentacle.
type ForeignServiceError struct {
	Service string
	Runs    string // its command line; secrets are hidden
}

func (e *ForeignServiceError) Error() string {
	return "service " + e.Service + " is not a Tentacle's: it runs " + e.Runs
}

// foreignUnit is what the unit with that text runs, if nothing in it is about a Tentacle: not its
// description, nor its command. It is "" for a unit without a command.
func foreignUnit(text string) string {
	command := ""
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); {
		case key == "Description" && strings.Contains(strings.ToLower(value), "tentacle"):
			return ""
		case key == "ExecStart" && value != "":
			if isAboutTentacle(commandWords(value)) {
				return ""
			}
			command = value
		}
	}
	return command
}

// foreignCommand is foreignUnit for what systemd says of a unit: its commands, each with its
// program first.
func foreignCommand(description string, commands [][]string) string {
	isAbout := func(command []string) bool { return isAboutTentacle(commandWords(strings.Join(command, " "))) }
	if strings.Contains(strings.ToLower(description), "tentacle") || slices.ContainsFunc(commands, isAbout) || len(commands) == 0 {
		return ""
	}
	return strings.Join(commands[len(commands)-1], " ")
}

// commandWords are the words of a command, also of one in quotes: `sh -c "nice …/Tentacle agent"`.
func commandWords(command string) []string {
	return strings.Fields(strings.NewReplacer(`"`, " ", `'`, " ", ";", " ", "&", " ", "$(", " ").Replace(command))
}

// foreignService is what a service of Windows runs, if neither that nor its name is of a Tentacle.
func foreignService(name, commandLine string) string {
	if strings.HasPrefix(strings.ToLower(name), strings.ToLower(NameFor("", "windows"))) || isAboutTentacle(splitCommandLine(commandLine)) {
		return ""
	}
	return commandLine
}

// isAboutTentacle says whether a command may run a Tentacle, if only through another program or by
// a script: "nice …/Tentacle agent", "dotnet Tentacle.dll", "start-tentacle.sh",
// "/opt/tentacle/up".
func isAboutTentacle(words []string) bool {
	if len(words) == 0 {
		return false
	}
	if strings.Contains(strings.ToLower(words[0]), "tentacle") || slices.ContainsFunc(words, isTentacleFile) {
		return true
	}
	run := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, "run") })
	return run > 0 && slices.ContainsFunc(words[run:], func(w string) bool {
		option, _, _ := splitOption(w)
		return option == "instance" || strings.Contains(strings.ToLower(w), "tentacle")
	})
}

// isTentacleFile says whether a word names Tentacle's program, or a file in a folder of Tentacle's.
func isTentacleFile(word string) bool {
	word = strings.ReplaceAll(strings.ToLower(word), `\`, "/")
	file := path.Base(word)
	return strings.TrimSuffix(strings.TrimSuffix(file, ".exe"), ".dll") == "tentacle" ||
		!strings.HasPrefix(word, "-") && strings.Contains(path.Dir(word), "tentacle")
}

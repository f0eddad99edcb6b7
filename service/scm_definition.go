package service

import (
	"cmp"
	"slices"
	"strings"
)

// What a Definition is on Windows. Nothing here needs Windows, so that it is tested everywhere.

// scmService is a service as the service control manager has it, as far as a Definition is about
// it. Everything else that a service has (recovery actions, load-order group, environment, access
// list, …) is somebody else's.
type scmService struct {
	displayName, description, commandLine string
	dependsOn                             []string
	start                                 string // automatic, delayedStart or manual
	account                               string
}

const (
	automatic    = "automatic"
	delayedStart = "automatic, delayed"
	manual       = "manual"
)

// usualDependencies are the services that have to run before a Tentacle
// (Startup/WindowsServiceConfigurator.cs).
var usualDependencies = []string{"LanmanWorkstation", "TCPIP"}

// scm is the service of a definition: the one that Tentacle makes, or what Over has made of it.
func (d Definition) scm() scmService {
	if d.over != nil {
		return *d.over
	}
	return scmService{
		displayName: d.Name,
		description: description,
		commandLine: d.commandLine(),
		dependsOn:   slices.Concat(usualDependencies, d.DependsOn),
		start:       automatic,
		account:     cmp.Or(fullAccount(d.Account), localSystem),
	}
}

// text writes the parts in lines, so that what is installed can be compared with a Definition.
func (s scmService) text() string {
	return "Display name: " + s.displayName + "\n" +
		"Description: " + s.description + "\n" +
		"Command line: " + s.commandLine + "\n" +
		"Depends on: " + strings.Join(s.dependsOn, "/") + "\n" +
		"Start: " + s.start + "\n" +
		"Account: " + s.account + "\n"
}

// Over is d as it is to be installed over what is found. What means the same stays as it is written
// there: nothing changes because somebody wrote an account with other capitals. On Windows, where
// the parts of a service can be told apart, what a person changed stays, too, unless replace is
// set; Kept lists it.
func (d Definition) Over(found Installation, replace bool) Definition {
	if found.scm == nil { // there is none, or it is a unit of systemd
		return d
	}
	d.over, d.Account = nil, canonicalAccount(d.Account, sidOf)
	over, kept := d.scm().mergedInto(*found.scm, replace, func(a, b string) bool { return sameAccount(a, b, sidOf) })
	d.over, d.kept = &over, kept
	return d
}

// Kept lists, for people, what Over has left as a person wants it: "start type manual".
func (d Definition) Kept() []string { return d.kept }

// mergedInto is s as it is to be installed over found: see Over.
func (s scmService) mergedInto(found scmService, replace bool, sameAccount func(a, b string) bool) (merged scmService, kept []string) {
	merged = s
	if sameAccount(s.account, found.account) {
		merged.account = found.account
	}
	if sameNames(s.dependsOn, found.dependsOn) {
		merged.dependsOn = found.dependsOn
	}
	wanted, known := readCommand(found.commandLine)
	if own, is := readCommand(s.commandLine); is && known {
		switch {
		case own.same(wanted) && (len(wanted.more) == 0 || !replace):
			merged.commandLine = found.commandLine
		case !replace:
			merged.commandLine = strings.Join(append([]string{s.commandLine}, wanted.more...), " ")
		}
	}
	if replace {
		return merged, nil
	}
	keep := func(what string) { kept = append(kept, what) }
	for _, option := range wanted.more {
		keep("option " + option)
	}
	if found.displayName != s.displayName {
		merged.displayName = found.displayName
		keep(`display name "` + found.displayName + `"`)
	}
	if found.description != s.description {
		merged.description = found.description
		keep(`description "` + found.description + `"`)
	}
	if found.start != s.start {
		merged.start = found.start
		keep("start type " + found.start)
	}
	merged.dependsOn = slices.Clone(found.dependsOn)
	for _, name := range s.dependsOn {
		switch {
		case containsName(found.dependsOn, name):
		case containsName(usualDependencies, name):
			keep("no dependency on " + name)
		default:
			merged.dependsOn = append(merged.dependsOn, name)
		}
	}
	for _, name := range found.dependsOn {
		if !containsName(s.dependsOn, name) {
			keep("dependency on " + name)
		}
	}
	return merged, kept
}

// containsName looks for the name of a service, which Windows compares without case.
func containsName(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// sameNames compares lists of services, whose order does not matter.
func sameNames(a, b []string) bool {
	within := func(all, some []string) bool {
		return !slices.ContainsFunc(some, func(n string) bool { return !containsName(all, n) })
	}
	return within(a, b) && within(b, a)
}

// A tentacleCommand is a command line that runs a Tentacle:
// `"…\Tentacle.exe" run --instance="web"`.
type tentacleCommand struct {
	program string
	option  string // instance or config
	value   string
	more    []string // what else is there, as words for a command line
}

// same says whether two run the same Tentacle, whatever else is in their command lines.
func (c tentacleCommand) same(other tentacleCommand) bool {
	path := strings.NewReplacer("/", `\`)
	return strings.EqualFold(path.Replace(c.program), path.Replace(other.program)) && c.option == other.option && strings.EqualFold(c.value, other.value)
}

// readCommand reads the command line of a service; false where it is not one of a Tentacle. The
// options are as Tentacle takes them: with any case, two dashes, one or a slash, and the value in
// the same word or the next (Octopus.Shared, AbstractStandardCommand.cs and NDesk.Options).
func readCommand(commandLine string) (tentacleCommand, bool) {
	words := splitCommandLine(commandLine)
	if len(words) < 3 || !strings.EqualFold(words[1], "run") {
		return tentacleCommand{}, false
	}
	c := tentacleCommand{program: words[0]}
	for rest := words[2:]; len(rest) > 0; rest = rest[1:] {
		name, value, complete := splitOption(rest[0])
		if name != "instance" && name != "config" || c.option != "" {
			c.more = append(c.more, commandWord(rest[0]))
			continue
		}
		if !complete && len(rest) > 1 {
			rest = rest[1:]
			value = rest[0]
		}
		c.option, c.value = name, value
	}
	return c, c.option != ""
}

// splitOption splits --NAME=VALUE and the like; the name is in lower case, and "" for what is no
// option.
func splitOption(word string) (name, value string, complete bool) {
	bare := strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-")
	if bare == word {
		if bare = strings.TrimPrefix(word, "/"); bare == word {
			return "", "", false
		}
	}
	if i := strings.IndexAny(bare, "=:"); i >= 0 {
		return strings.ToLower(bare[:i]), bare[i+1:], true
	}
	return strings.ToLower(bare), "", false
}

// commandLine is that of the Windows service, with the quotes where Tentacle has them.
func (d Definition) commandLine() string {
	run := "--config=" + windowsQuoted(d.Config)
	if d.Instance != "" {
		run = "--instance=" + windowsQuoted(d.Instance)
	}
	return windowsQuoted(d.Program) + " run " + run
}

// commandWord is a word of a command line, with quotes if it needs them.
func commandWord(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\"") {
		return word
	}
	return windowsQuoted(word)
}

// windowsQuoted puts quotes around a text for CommandLineToArgvW, to which backslashes are
// special only before a quote.
func windowsQuoted(text string) string {
	var b strings.Builder
	backslashes := 0
	for _, r := range text + `"` {
		switch r {
		case '\\':
			backslashes++
			continue
		case '"':
			backslashes *= 2
		}
		b.WriteString(strings.Repeat(`\`, backslashes))
		backslashes = 0
		if r == '"' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	// The last quote is the closing one, not the text's.
	quoted := b.String()
	return `"` + quoted[:len(quoted)-2] + `"`
}

// splitCommandLine splits a command line as CommandLineToArgvW does, but reads a quote in the name
// of the program, which cannot have one, like any other.
func splitCommandLine(line string) (words []string) {
	for line = strings.TrimLeft(line, " \t"); line != ""; line = strings.TrimLeft(line, " \t") {
		var word string
		word, line = firstWord(line)
		words = append(words, word)
	}
	return words
}

func firstWord(line string) (word, rest string) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			n := len(line[i:]) - len(strings.TrimLeft(line[i:], `\`))
			i += n - 1
			if i+1 >= len(line) || line[i+1] != '"' {
				b.WriteString(strings.Repeat(`\`, n))
				continue
			}
			b.WriteString(strings.Repeat(`\`, n/2))
			if n%2 == 1 { // the quote is one of the text
				b.WriteByte('"')
				i++
			}
		case c == '"':
			quoted = !quoted
		case (c == ' ' || c == '\t') && !quoted:
			return b.String(), line[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

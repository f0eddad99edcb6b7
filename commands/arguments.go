package commands

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/internal/similar"
	"github.com/urfave/cli/v2"
)

// noSuchCommandError is a command line that names no command, or one that does not exist: exit
// code 2.
type noSuchCommandError string

func (e noSuchCommandError) Error() string { return string(e) }

// Hints name the help.
func (noSuchCommandError) Hints() []string {
	return []string{"run octo-tentacle help for a list of commands"}
}

// ignoredSwitches are accepted everywhere, as by the Tentacle CLI, and have no effect here.
var ignoredSwitches = []string{"console", "noconsolelogging", "nologo", "noninteractive"}

// The options of every command that show what it does: the requests, the ports that were tried, the
// files that were read and written, what was waited for, and how long all that took. They change
// nothing else.
const (
	verboseOption = "verbose"  // on standard error
	logFileOption = "log-file" // in a file
)

// rewriteArguments turns a command line in any of the Tentacle CLI's spellings (options in any
// case, `-name`, `--name`, `/name`, values after `=`, `:` or as the next argument) into the one
// spelling urfave/cli reads:
//
//	COMMAND --name=value … -- ARGUMENT …
//
// It refuses invalid arguments without ever repeating a value, which may be a key. Empty values are
// refused or left out: see empty_values.go.
func rewriteArguments(commands []*cli.Command, arguments []string) ([]string, error) {
	global, arguments := leadingGlobal(arguments)
	if len(arguments) == 0 {
		return nil, noSuchCommandError("no command given")
	}
	command, err := findCommand(commands, arguments[0])
	if err != nil {
		if topic, asked := helpBefore(commands, arguments); asked {
			return topic, nil
		}
		return nil, err
	}
	if command.Name == "help" {
		if topic, asked := helpBefore(commands, arguments); asked && topic[0] != "help" {
			return topic, nil
		}
	}
	options := optionsOf(command)
	if command.Name != "help" && asksForHelp(options, arguments[1:]) {
		return []string{command.Name, "--help=true"}, nil
	}

	var line []givenOption
	var positional []string
	var before, read argument
	for rest := slices.Concat(global, arguments[1:]); len(rest) > 0; {
		before = read
		read, rest = readArgument(options, rest)
		switch {
		case read.kind == endOfOptions:
			positional, rest = append(positional, rest...), nil
			continue
		case read.kind == positionalArgument:
			positional = append(positional, read.text)
			continue
		case read.kind == ignoredSwitch:
			continue
		case read.kind == optionArgument:
		case strings.HasSuffix(before.text, "=") && !strings.HasPrefix(read.text, "--"):
			return nil, leftOver(command, options, nil) // `--password= -secret`
		case read.isPath():
			positional = append(positional, read.text)
			continue
		default:
			return nil, unknownOption(command, options, read.name)
		}
		if read.needsValue() {
			if len(rest) == 0 || isOptionOf(options, rest[0]) {
				return nil, fmt.Errorf("option --%s needs a value, like --%s=…", read.option.name, read.option.name)
			}
			read.value, read.hasValue, rest = rest[0], true, rest[1:]
		}
		value, err := read.option.checked(read.value, read.hasValue)
		if err != nil {
			return nil, err
		}
		line = append(line, givenOption{read.option, value})
	}

	if len(positional) > 0 && command.ArgsUsage == "" {
		return nil, leftOver(command, options, positional)
	}
	if line, err = withoutEmpty(command, line); err != nil {
		return nil, err
	}
	rewritten := []string{command.Name}
	for _, given := range line {
		rewritten = append(rewritten, "--"+given.name+"="+given.value)
	}
	if len(positional) > 0 {
		rewritten = append(append(rewritten, "--"), positional...)
	}
	return rewritten, nil
}

// leftOver does not repeat superfluous arguments, unless they are the name of a file for --file:
// `--apikey= API-…` leaves a key.
func leftOver(command *cli.Command, options map[string]option, arguments []string) error {
	what := "write values as --option=value, with quotes around spaces and no space after the ="
	if _, has := options["file"]; has && len(arguments) == 1 && fileForOption().MatchString(arguments[0]) {
		what = "the file is an option: " + suggest.Quote(runtime.GOOS, "--file="+arguments[0])
	}
	return hint.Errorf(what, "%s takes no positional arguments, but got %d", command.Name, max(1, len(arguments)))
}

// fileForOption matches the names of files that commands read as --file.
var fileForOption = lazyregexp.New(`(?i)^[^=]*\.(ya?ml|json)$`)

// leadingGlobal are the options of every command that stand before the command.
func leadingGlobal(arguments []string) (global, rest []string) {
	for rest = arguments; len(rest) > 0; {
		name, _, hasValue, isOption := splitOption(rest[0])
		size := 1
		switch name = strings.ToLower(name); {
		case !isOption:
			return global, rest
		case slices.Contains(ignoredSwitches, name), name == verboseOption:
		case name == logFileOption && hasValue:
		case name == logFileOption:
			size = min(2, len(rest))
		default:
			return global, rest
		}
		global, rest = append(global, rest[:size]...), rest[size:]
	}
	return global, rest
}

// asksForHelp says whether --help stands anywhere among the arguments of a command, whatever else
// is wrong there. Behind an option that takes a value, /? may be a path.
func asksForHelp(options map[string]option, arguments []string) bool {
	isValue := false
	for _, argument := range arguments {
		if argument == "--" {
			return false
		}
		name, value, hasValue, isOption := splitOption(argument)
		known := options[strings.ToLower(name)]
		if isOption && known.name == "help" && (!isValue || argument[0] == '-') {
			if on, err := switchValue("help", value, hasValue); err == nil && on == "true" {
				return true
			}
		}
		isValue = isOption && known.takesValue && !hasValue
	}
	return false
}

// helpBefore reads a command line that begins with an option and has --help: help about the first
// word that is a command.
func helpBefore(commands []*cli.Command, arguments []string) (topic []string, asked bool) {
	if _, _, _, isOption := splitOption(arguments[0]); !isOption || !asksForHelp(map[string]option{"help": {name: "help"}}, arguments) {
		return nil, false
	}
	for _, argument := range arguments {
		if i := slices.IndexFunc(commands, func(c *cli.Command) bool { return strings.EqualFold(c.Name, argument) }); i >= 0 {
			return []string{commands[i].Name, "--help=true"}, true
		}
	}
	return []string{"help"}, true
}

// commandNamed is the name of the command in a command line, as findCommand reads it; "" where
// there is none, and for help, which explains the others.
func commandNamed(arguments []string) string {
	_, arguments = leadingGlobal(arguments)
	if len(arguments) == 0 {
		return ""
	}
	if name := canonicalCommand(arguments[0]); name != "help" {
		return name
	}
	return ""
}

// canonicalCommand ignores case and leading dashes and slashes.
func canonicalCommand(typed string) string {
	name := strings.ToLower(strings.TrimLeft(typed, "-/"))
	if name == "h" || name == "?" {
		return "help"
	}
	return name
}

// findCommand ignores case. As for the Tentacle CLI, `--help` and `/version` name commands too. The
// topics are what else may have been meant.
func findCommand(commands []*cli.Command, typed string, topics ...string) (*cli.Command, error) {
	name := canonicalCommand(typed)
	names := make([]string, 0, len(commands)+len(topics))
	for _, command := range commands {
		if command.Name == name || slices.Contains(command.Aliases, name) {
			return command, nil
		}
		names = append(names, command.Name)
	}
	if program, ok := onlyTentacle[name]; ok {
		return nil, noSuchCommandError(fmt.Sprintf("%s is not part of octo-tentacle: %s", name, program))
	}
	if strings.ContainsAny(typed, "=:") || typed == "" || strings.HasPrefix(name, "api-") { // that is a key
		return nil, noSuchCommandError("the first argument must be a command")
	}
	switch {
	case len(topics) > 0:
		return nil, noSuchCommandError(fmt.Sprintf("there is no command or topic %q%s", typed, didYouMean(name, append(names, topics...), "")))
	case isTopic(name):
		return nil, noSuchCommandError(fmt.Sprintf("there is no command %q; did you mean octo-tentacle help %s?", typed, name))
	}
	return nil, noSuchCommandError(fmt.Sprintf("there is no command %q%s", typed, didYouMean(name, names, "")))
}

// onlyTentacle are the commands of Tentacle that run the agent itself.
var onlyTentacle = map[string]string{
	"agent":    "only Tentacle itself runs the agent; start its service, or run Tentacle agent",
	"run":      "only Tentacle itself runs the agent; start its service, or run Tentacle run",
	"watchdog": "use Tentacle watchdog",
	"extract":  "use Tentacle extract",
	"livez":    "use Tentacle livez",
}

// option is what the rewriting needs to know about a flag.
type option struct {
	name       string
	takesValue bool
	isTime     bool // a Go duration
	isList     bool // repeated options accumulate

	placeholder string // the word in capitals that help shows for the value; "" for none
}

func optionsOf(command *cli.Command) map[string]option {
	options := map[string]option{}
	for _, flag := range command.Flags {
		_, isSwitch := flag.(*cli.BoolFlag)
		_, isTime := flag.(*cli.DurationFlag)
		_, isList := flag.(*cli.StringSliceFlag)
		for _, name := range flag.Names() {
			options[strings.ToLower(name)] = option{name: flag.Names()[0], takesValue: !isSwitch, isTime: isTime, isList: isList, placeholder: placeholderOf(flag)}
		}
	}
	// register-with has an -h of its own (publicHostName).
	for _, help := range []string{"help", "h", "?"} {
		if _, taken := options[help]; !taken {
			options[help] = option{name: "help"}
		}
	}
	return options
}

// placeholderOf is the word that stands for a flag's value in help and in suggested commands. A
// password may be that word.
func placeholderOf(flag cli.Flag) string {
	_, usage, _ := strings.Cut(flag.(cli.DocGenerationFlag).GetUsage(), "`")
	word, _, _ := strings.Cut(usage, "`")
	if word != strings.ToUpper(word) || word == "PASSWORD" {
		return ""
	}
	return word
}

// refusePlaceholder refuses a suggested command that was pasted as it is.
func (o option) refusePlaceholder(value string) error {
	for item := range strings.SplitSeq(value, ",") {
		if item != "" && (item == o.placeholder || item == suggest.Unquotable) {
			return hint.Errorf("replace it with the real value", "--%s: %s is a placeholder", o.name, item)
		}
	}
	return nil
}

// argument is what one argument of a command says.
type argument struct {
	text string // as typed
	kind argumentKind

	// Of an option:
	name     string // as typed
	value    string
	hasValue bool // in the same argument
	option   option
}

type argumentKind int

const (
	positionalArgument argumentKind = iota
	optionArgument
	ignoredSwitch
	unknownArgument // it looks like an option; it may be a path
	endOfOptions    // what follows is positional
)

// readArgument reads the first of the arguments. The value of an option that needs one may be the
// next.
func readArgument(options map[string]option, arguments []string) (read argument, rest []string) {
	read, rest = argument{text: arguments[0]}, arguments[1:]
	if read.text == "--" {
		read.kind = endOfOptions
		return read, rest
	}
	var isOption, known bool
	if read.name, read.value, read.hasValue, isOption = splitOption(read.text); !isOption {
		return read, rest
	}
	read.option, known = options[strings.ToLower(read.name)]
	switch {
	case known:
		read.kind = optionArgument
	case slices.Contains(ignoredSwitches, strings.ToLower(read.name)):
		read.kind = ignoredSwitch
	default:
		read.kind = unknownArgument
	}
	return read, rest
}

// needsValue says whether the value of an option is the next argument.
func (a argument) needsValue() bool {
	return a.kind == optionArgument && a.option.takesValue && !a.hasValue
}

// isPath says whether an unknown option is rather a path from the root.
func (a argument) isPath() bool { return a.text[0] == '/' && strings.Contains(a.text[1:], "/") }

// splitOption splits `--name=value`, `-name:value`, `/name`. Only the first separator counts, so
// values may contain both.
func splitOption(argument string) (name, value string, hasValue, isOption bool) {
	body, dashes := strings.CutPrefix(argument, "--")
	if !dashes {
		if argument == "" || argument[0] != '-' && argument[0] != '/' {
			return "", "", false, false
		}
		body = argument[1:]
	}
	end := strings.IndexAny(body, "=:")
	if end < 0 {
		return body, "", false, body != ""
	}
	return body[:end], body[end+1:], true, end > 0
}

// isOptionOf says whether an argument names an option of the command, so that a missing value is
// noticed. A path that starts with a slash is a value.
func isOptionOf(options map[string]option, argument string) bool {
	name, _, _, isOption := splitOption(argument)
	_, known := options[strings.ToLower(name)]
	return isOption && known && argument[0] == '-'
}

// checked is a value in the form that the library reads. The library's own errors spell the option
// in another way and repeat the value.
func (o option) checked(value string, hasValue bool) (string, error) {
	switch {
	case !o.takesValue:
		return switchValue(o.name, value, hasValue)
	case o.refusePlaceholder(value) != nil:
		return "", o.refusePlaceholder(value)
	case o.isTime:
		value = strings.TrimSpace(value)
		if _, err := time.ParseDuration(value); err != nil && value != "" {
			return "", fmt.Errorf("option --%s takes a duration with a unit, like 90s or 5m", o.name)
		}
	}
	return value, nil
}

func switchValue(name, value string, hasValue bool) (string, error) {
	switch strings.ToLower(value) {
	case "":
		if !hasValue {
			return "true", nil
		}
	case "true", "+", "yes", "1":
		return "true", nil
	case "false", "-", "no", "0":
		return "false", nil
	}
	return "", fmt.Errorf("option --%s takes no value other than true or false", name)
}

func unknownOption(command *cli.Command, options map[string]option, name string) error {
	var names []string
	for _, o := range options {
		if !slices.Contains(names, o.name) {
			names = append(names, o.name)
		}
	}
	slices.Sort(names)
	if command.Name == "help" {
		return hint.Errorf("run octo-tentacle help for a list of commands, and octo-tentacle help COMMAND for the options of one", "help has no option --%s", name)
	}
	return hint.With(fmt.Errorf("%s has no option --%s%s", command.Name, name, didYouMean(strings.ToLower(name), names, "--")),
		fmt.Sprintf("run octo-tentacle %s --help for a list of options", command.Name))
}

// didYouMean names the nearest candidates, if any are near.
func didYouMean(typed string, candidates []string, prefix string) string {
	names := similar.To(typed, candidates)
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + prefix + strings.Join(names, " or "+prefix) + "?"
}

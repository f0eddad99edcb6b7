package commands

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/urfave/cli/v2"
)

// TestAPlaceholderIsNoValue: a suggested command that is pasted as it is does nothing.
func TestAPlaceholderIsNoValue(t *testing.T) {
	t.Parallel()
	refused := 0
	for _, command := range testCommands() {
		for _, flag := range command.Flags {
			word := placeholderOf(flag)
			_, isTime := flag.(*cli.DurationFlag)
			if word == "" || isTime {
				continue
			}
			option := "--" + flag.Names()[0] + "="
			for _, value := range []string{word, "a," + word, suggest.Unquotable} {
				_, err := rewriteArguments(testCommands(), []string{command.Name, option + value})
				if err == nil || !strings.Contains(err.Error(), "is a placeholder") {
					t.Errorf("%s %s%s: %v", command.Name, option, value, err)
				}
			}
			for _, value := range []string{strings.ToLower(word), "my " + word, word + "1"} {
				if _, err := rewriteArguments(testCommands(), []string{command.Name, option + value}); err != nil {
					t.Errorf("%s %s%s: %v", command.Name, option, value, err)
				}
			}
			refused++
		}
	}
	if refused < 100 {
		t.Errorf("only %d options have a placeholder", refused)
	}
}

// optionWithPlaceholder is how the source writes an option whose value is not known.
var optionWithPlaceholder = regexp.MustCompile(`(--([A-Za-z-]+)=([A-Z]{3,}))(?:[^A-Za-z0-9-]|$)`)

// TestWhatIsSuggestedForAnUnknownValueIsThePlaceholderOfItsOption: any other word would be taken
// for a value.
func TestWhatIsSuggestedForAnUnknownValueIsThePlaceholderOfItsOption(t *testing.T) {
	t.Parallel()
	words := map[string][]string{} // by option
	for _, command := range testCommands() {
		for name, option := range optionsOf(command) {
			words[name] = append(words[name], option.placeholder)
		}
	}
	seen := 0
	for _, source := range goFiles(t) {
		if strings.HasSuffix(source, "_test.go") || !strings.HasPrefix(source, "commands/") {
			continue
		}
		content, err := os.ReadFile("../" + source)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range optionWithPlaceholder.FindAllStringSubmatch(string(content), -1) {
			seen++
			option, word := strings.ToLower(match[2]), match[3]
			if len(words[option]) == 0 || slices.ContainsFunc(words[option], func(known string) bool { return known != word }) {
				t.Errorf("%s: %s: help has %q", source, match[1], words[option])
			}
			if !slices.Contains(suggest.Placeholders("octo-tentacle x "+match[1]), word) {
				t.Errorf("%s: %s is taken for a complete command", source, match[1])
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d were found", seen)
	}
}

// commandInText is an octo-tentacle command in a text for people, other than an example of help,
// which stands in a line of its own.
var commandInText = regexp.MustCompile(`(?m)(?:^|[^ \n] )octo-tentacle ([a-z0-9-]+)`)

// notSuggested are the commands that a text may name without naming a Tentacle.
var notSuggested = map[string]string{
	"help":            "it concerns none",
	"fleet":           "it concerns many; it describes its task so",
	"list-servers":    "help names it with --all-instances",
	"create-instance": "hints_configuration.go has a pattern for an instance of which nothing is known",
}

// TestNoTextNamesACommandWithoutItsTentacle: the commands that a person is to run come from
// suggest.Tentacle, which names the Tentacle and quotes what is in them.
func TestNoTextNamesACommandWithoutItsTentacle(t *testing.T) {
	t.Parallel()
	var names []string
	for _, command := range testCommands() {
		names = append(names, command.Name)
	}
	seen := map[string]bool{}
	for _, s := range sourceTexts(t) {
		for _, match := range commandInText.FindAllStringSubmatch(s.text, -1) {
			name := match[1]
			if seen[name] = true; slices.Contains(names, name) && notSuggested[name] == "" {
				t.Errorf("%s:%d names %s without its Tentacle: %q", s.file, s.line, name, s.text)
			}
		}
	}
	for name := range notSuggested {
		if !seen[name] {
			t.Errorf("no text names %s any more", name)
		}
	}
}

// TestTheCommandsThatCheckNamesAreUnderstood reads those of its golden file as the program would.
func TestTheCommandsThatCheckNamesAreUnderstood(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("../testdata/golden/check.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(golden)) {
		_, line, _ = strings.Cut(line, ": octo-tentacle ")
		for command := range strings.SplitSeq(strings.TrimSpace(line), " && octo-tentacle ") {
			if command == "" {
				continue
			}
			seen++
			arguments := words(strings.ReplaceAll(command, "'", `"`))
			if open := suggest.Placeholders("octo-tentacle " + command); len(open) > 0 {
				if _, err := rewriteArguments(testCommands(), arguments); err == nil {
					t.Errorf("%q is accepted with %q", command, open)
				}
			} else if _, err := rewriteArguments(testCommands(), arguments); err != nil {
				t.Errorf("%s: %v", command, err)
			}
			if !strings.Contains(command, "--instance=") && !strings.Contains(command, "--config=") {
				t.Errorf("%s names no Tentacle", command)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d commands were found", seen)
	}
}

// TestOnlyCreateInstanceHasNoService: suggest.Tentacle leaves the service out for that command
// alone.
func TestOnlyCreateInstanceHasNoService(t *testing.T) {
	t.Parallel()
	web := suggest.Tentacle{Service: "other"}
	web.Instance.Name = "web"
	for _, command := range testCommands() {
		options := optionsOf(command)
		_, hasInstance := options["instance"]
		_, hasService := options["service"]
		if suggested := strings.Contains(web.Command(command.Name), "--service="); hasInstance && suggested != hasService {
			t.Errorf("%s: suggested %t, but the option exists: %t", command.Name, suggested, hasService)
		}
	}
}

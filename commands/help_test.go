package commands

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fatih/color"
)

// longestLine is the width of a text in columns.
func longestLine(text string) (longest int, line string) {
	for one := range strings.Lines(text) {
		if width := utf8.RuneCountInString(strings.TrimSuffix(one, "\n")); width > longest {
			longest, line = width, one
		}
	}
	return longest, line
}

func TestEveryHelpScreenFitsOnATerminalOfEightyColumns(t *testing.T) {
	t.Parallel()
	screens := helpScreens(t)
	for name, text := range screens {
		if width, line := longestLine(text); width > 80 {
			t.Errorf("%s: %d columns: %s", name, width, line)
		}
		if strings.Contains(text, " \n") || strings.Contains(text, "\n\n\n") || !strings.HasSuffix(text, "\n") {
			t.Errorf("%s has blanks at the end of a line, two empty lines in a row, or no end", name)
		}
	}
	if len(screens) < 45 {
		t.Errorf("only %d screens", len(screens))
	}
}

// TestExamplesInHelpFitIntoTheManual, which indents them more.
func TestExamplesInHelpFitIntoTheManual(t *testing.T) {
	t.Parallel()
	var pages []helpPage
	for _, command := range testCommands() {
		pages = append(pages, commandPage(command))
	}
	for _, name := range topicNames() {
		pages = append(pages, topicPage(name, testCommands()))
	}
	for _, page := range pages {
		for _, block := range page.description {
			if width, line := longestLine(strings.Join(block.lines, "\n")); width > 73 {
				t.Errorf("%s: %d columns: %s", page.name, width, line)
			}
		}
	}
}

func TestInHelpEachCommandTakesOneLineOrHasItsNameAbove(t *testing.T) {
	t.Parallel()
	text := helpScreens(t)["octo-tentacle"]
	for _, command := range testCommands() {
		beside := fmt.Sprintf("\n  %-*s%s\n", commandColumn-2, command.Name, command.Usage)
		below := fmt.Sprintf("\n  %s\n%*s%s\n", command.Name, commandColumn, "", command.Usage)
		if !strings.Contains(text, beside) && !strings.Contains(text, below) {
			t.Errorf("%s: %q is not on one line", command.Name, command.Usage)
		}
	}
}

func TestHelpIsAtMostAsWideAsTheTerminal(t *testing.T) {
	t.Parallel()
	app := newApp(newConsole(nil, nil, nil), "")
	check, err := findCommand(app.Commands, "check")
	if err != nil {
		t.Fatal(err)
	}
	options := commandPage(check)
	options.description = nil // examples are pasted, so they are not wrapped
	for _, width := range []int{45, 60, 79, 100} {
		for what, show := range map[string]func(*screen){"in general": func(s *screen) { s.app(app) }, "of check": func(s *screen) { s.page(options) }} {
			var out bytes.Buffer
			s := &screen{c: newConsole(nil, &out, nil), width: width}
			show(s)
			_ = s.c.out.flush()
			text := strings.Replace(out.String(), startWith, "", 1)
			if got, line := longestLine(text); got > width || got < width-12 {
				t.Errorf("at %d columns, help %s has %d: %s", width, what, got, line)
			}
		}
	}
}

func TestHelpIsBoldOnATerminalOnly(t *testing.T) {
	t.Parallel()
	plain := helpScreens(t)["check"]
	if strings.Contains(plain, "\x1b") {
		t.Error("help in a pipe is bold")
	}
	var out bytes.Buffer
	c := newConsole(nil, &out, nil)
	bold := color.New(color.Bold)
	bold.EnableColor()
	c.bold = c.painted(bold)
	s := newScreen(c)
	command, err := findCommand(testCommands(), "check")
	if err != nil {
		t.Fatal(err)
	}
	s.page(commandPage(command))
	_ = c.out.flush()
	for _, want := range []string{"\x1b[1mocto-tentacle check\x1b[", "\n\x1b[1mTentacle\x1b[", "  \x1b[1m--server\x1b["} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("on a terminal, %q is missing", want)
		}
	}
	if stripped := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(out.String(), ""); stripped != plain {
		t.Errorf("without the escapes it differs:\n%s", stripped)
	}
}

func TestInAConsoleOfWindowsEachExampleIsOneLine(t *testing.T) {
	t.Parallel()
	command, err := findCommand(testCommands(), "poll-server")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s := &screen{c: newConsole(nil, &out, nil), width: 80, whole: true}
	s.page(commandPage(command))
	_ = s.c.out.flush()
	const example = "\n  octo-tentacle poll-server --server=https://octopus.example.com --apikey-file=key.txt --server-comms-address=https://octo1:10943,https://octo2:10943\n"
	if text := out.String(); !strings.Contains(text, example) || strings.Contains(text, "\\\n") || !strings.Contains(text, "\n  octo-tentacle poll-server --server-comms-address=https://octo2:10943\n") {
		t.Errorf("%q is missing, or there is a \\ at the end of a line:\n%s", example, text)
	}
}

func TestATopicIsFoundInAnyCaseAndSuggested(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		arguments string
		code      int
		says      string
	}{
		{"help exit-codes", 0, "exit-codes: what the exit code says"},
		{"help CREDENTIALS", 0, "credentials: how to give"},
		{"HELP --json", 1, "help has no option --json"},
		{"help topics", 0, "permissions"},
		{"help credential", 2, `there is no command or topic "credential"; did you mean credentials?`},
		{"help chek", 2, `there is no command or topic "chek"; did you mean check?`},
		{"help check json", 1, "one command or topic at a time"},
		{"credentials", 2, `there is no command "credentials"; did you mean octo-tentacle help credentials?`},
	} {
		var out, err bytes.Buffer
		code := run(t.Context(), newConsole(strings.NewReader(""), &out, &err), strings.Fields(c.arguments))
		if said := out.String() + err.String(); code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("%s: %d, %s", c.arguments, code, said)
		}
	}
}

func TestATopicHasNotTheNameOfACommand(t *testing.T) {
	t.Parallel()
	for _, command := range testCommands() {
		if isTopic(command.Name) || command.Name == "topics" {
			t.Errorf("%s is both", command.Name)
		}
	}
}

func TestThePageAboutInstancesHasTheOrderOfHelp(t *testing.T) {
	t.Parallel()
	page := strings.ReplaceAll(documents(t)["docs/instances.md"], "`", "")
	var list strings.Builder
	for i, way := range whichInstance {
		fmt.Fprintf(&list, "\n%d. %s", i+1, way)
	}
	if !strings.Contains(page, list.String()+"\n") {
		t.Errorf("docs/instances.md does not have this list:%s", list.String())
	}
}

func TestThePageAboutScriptsHasTheExitCodesOfHelp(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- Generated from commands/result.go: go test ./commands -run ThePageAboutScripts -update -->\n", "<!-- End of what is generated. -->\n"
	table := "\n| | |\n|---|---|\n"
	for _, code := range exitCodes {
		table += fmt.Sprintf("| %d | %s |\n", code.code, code)
	}
	comparePart(t, "../docs/scripting.md", begin, end, table+"\n")
}

// TestTheTopicAboutJSONNamesFieldsThatThereAre, and every outcome.
func TestTheTopicAboutJSONNamesFieldsThatThereAre(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for field := range reflect.TypeFor[outcome]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		there[name] = true
	}
	named := 0
	for _, block := range aboutJSON() {
		for _, item := range block.items {
			if named++; !there[item.name] {
				t.Errorf("commands that change something print no %s", item.name)
			}
		}
	}
	if named < 5 {
		t.Errorf("only %d fields are named", named)
	}
	source, err := os.ReadFile("result.go")
	if err != nil {
		t.Fatal(err)
	}
	if declared := regexp.MustCompile(`(?m)^\tresult\w+ +result = `).FindAll(source, -1); len(declared) != len(allResults()) {
		t.Errorf("%d outcomes are declared, %d are listed", len(declared), len(allResults()))
	}
}

// TestEveryEnvironmentVariableOfAnOptionIsExplained in the manual.
func TestEveryEnvironmentVariableOfAnOptionIsExplained(t *testing.T) {
	t.Parallel()
	explained := map[string]bool{}
	for _, variable := range environmentVariables {
		explained[variable.name] = true
	}
	found := 0
	for name, text := range helpScreens(t) {
		for _, match := range regexp.MustCompile(`\$([A-Z][A-Z_]+)`).FindAllStringSubmatch(text, -1) {
			if found++; !explained[match[1]] && match[1] != "KEY" && match[1] != "PROFILE" { // of the examples' shells
				t.Errorf("%s: %s", name, match[0])
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d were found", found)
	}
}

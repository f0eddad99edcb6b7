package commands

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTheReadmeNamesEveryCommand(t *testing.T) {
	readme := documents(t)["README.md"]
	for _, command := range testCommands() {
		if !strings.Contains(readme, "`"+command.Name+"`") {
			t.Errorf("the README does not name %s", command.Name)
		}
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	for _, command := range testCommands() {
		if !strings.Contains(command.Description, "octo-tentacle "+command.Name) {
			t.Errorf("%s: no example", command.Name)
		}
		if command.Usage == "" || command.Category == "" {
			t.Errorf("%s: no usage or category", command.Name)
		}
	}
}

func TestHelpIsAtMostAHundredColumnsWide(t *testing.T) {
	var help bytes.Buffer
	for _, command := range testCommands() {
		printCommandHelp(&help, command)
	}
	printAppHelp(&help, newApp(newConsole(nil, nil, nil), ""))
	for line := range strings.Lines(help.String()) {
		if width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 100 {
			t.Errorf("%d columns: %s", width, line)
		}
	}
	if help.Len() < 50_000 {
		t.Errorf("only %d bytes of help", help.Len())
	}
}

func TestEveryCommandIsFoundUnderTheNameItIsBuiltBy(t *testing.T) {
	for _, builder := range commandBuilders() {
		if command := builder.build(nil); command.Name != builder.name || len(command.Aliases) > 0 {
			t.Errorf("%s builds %s %v", builder.name, command.Name, command.Aliases)
		}
	}
}

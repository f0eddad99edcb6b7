package commands

import (
	"strings"
	"testing"
)

func TestTheReadmeNamesEveryCommand(t *testing.T) {
	readme := documents(t)["README.md"]
	for _, command := range testCommands() {
		if !strings.Contains(readme, "`"+command.Name+"`") {
			t.Errorf("the README does not name %s", command.Name)
		}
	}
}

func TestTheReadmeTakesFiveMinutes(t *testing.T) {
	if lines := strings.Count(documents(t)["README.md"], "\n"); lines > 150 {
		t.Errorf("it has %d lines; what few readers need belongs to a page in docs", lines)
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

func TestEveryCommandIsFoundUnderTheNameItIsBuiltBy(t *testing.T) {
	for _, builder := range commandBuilders() {
		if command := builder.build(nil); command.Name != builder.name || len(command.Aliases) > 0 {
			t.Errorf("%s builds %s %v", builder.name, command.Name, command.Aliases)
		}
	}
}

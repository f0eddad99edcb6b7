package commands

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTheReadmeNamesEveryCommand(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range testCommands() {
		if !strings.Contains(string(readme), "`"+command.Name+"`") {
			t.Errorf("the README does not name %s", command.Name)
		}
	}
}

func TestTheReadmeQuotesTheLoadBalancerThatIsTested(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("../testdata/haproxy/nat.cfg")
	if err != nil {
		t.Fatal(err)
	}
	_, quoted, _ := strings.Cut(string(config), "global\n")
	if !strings.Contains(string(readme), quoted) {
		t.Error("the configuration in the README is not that of testdata/haproxy/nat.cfg")
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

func TestHelpFitsIntoAHundredColumns(t *testing.T) {
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

// TestEveryExampleInHelpAndReadmeIsUnderstood reads the command lines there as
// the program would.
func TestEveryExampleInHelpAndReadmeIsUnderstood(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{string(readme)}
	for _, command := range testCommands() {
		texts = append(texts, command.Description)
	}
	examples := 0
	for _, text := range texts {
		for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
			line, isExample := strings.CutPrefix(strings.TrimSpace(line), "octo-tentacle ")
			if !isExample {
				continue
			}
			examples++
			if _, err := rewriteArguments(testCommands(), strings.Fields(strings.NewReplacer(`"Default Worker Pool"`, "Pool", `"`, "", " …", "").Replace(line))); err != nil {
				t.Errorf("octo-tentacle %s\n%v", line, err)
			}
		}
	}
	if examples < 30 {
		t.Errorf("only %d examples were found", examples)
	}
}

func TestEveryCommandIsFoundUnderTheNameItIsBuiltBy(t *testing.T) {
	for _, builder := range commandBuilders() {
		if command := builder.build(nil); command.Name != builder.name || len(command.Aliases) > 0 {
			t.Errorf("%s builds %s %v", builder.name, command.Name, command.Aliases)
		}
	}
}

// TestTheReadmeNamesEveryFieldOfTheJSON: a script can rely on nothing else. The
// commands that print what the real Tentacle prints are not looked at.
func TestTheReadmeNamesEveryFieldOfTheJSON(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "### In scripts")
	section, _, _ = strings.Cut(section, "\n## ")
	seen := map[reflect.Type]bool{}
	var look func(reflect.Type)
	look = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || seen[of] {
			return
		}
		seen[of] = true
		for field := range of.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" {
				continue
			}
			if !strings.Contains(section, "`"+name+"`") {
				t.Errorf("%s: the README does not name %s", of.Name(), name)
			}
			look(field.Type)
		}
	}
	for _, printed := range []any{report{}, serverList{}, checkResult{}, serviceReport{}, instanceReport{}, backupEntry{}, exported{}} {
		look(reflect.TypeOf(printed))
	}
	if len(seen) < 14 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

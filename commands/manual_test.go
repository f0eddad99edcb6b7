package commands

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

var manualDay = time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)

func TestEveryCommandHasAManualPageWithItsOptionsAndExamples(t *testing.T) {
	t.Parallel()
	pages := map[string]string{}
	for _, page := range Manual("1.2.3", manualDay) {
		pages[page.Name] = string(page.Text)
		if !strings.HasPrefix(string(page.Text), `.TH "OCTO\-TENTACLE`) || !strings.Contains(string(page.Text), `"2026-08-01" "octo\-tentacle 1.2.3"`) {
			t.Errorf("%s begins with %.100s", page.Name, page.Text)
		}
		if i := bytes.IndexFunc(page.Text, func(r rune) bool { return r > 126 }); i >= 0 {
			t.Errorf("%s is not ASCII: %.20q", page.Name, page.Text[i:])
		}
	}
	program := pages["octo-tentacle.8"]
	for _, command := range testCommands() {
		page := pages["octo-tentacle-"+command.Name+".8"]
		if !strings.Contains(program, manualReference(command.Name, 8)) {
			t.Errorf("octo-tentacle.8 does not name %s", command.Name)
		}
		for _, group := range flagGroups(command.Flags) {
			for _, item := range group.items {
				if !strings.Contains(page, "\n\\fB"+roff(item.name)+`\fR`) {
					t.Errorf("%s: %s is missing", command.Name, item.name)
				}
			}
		}
		_, examples, _ := strings.Cut(page, ".SH EXAMPLES\n")
		for _, line := range strings.Split(command.Description, "\n") {
			if strings.HasPrefix(line, " ") && !strings.Contains(examples, "\n"+roff(strings.TrimPrefix(line, "  "))+"\n") {
				t.Errorf("%s: the example %q is missing", command.Name, line)
			}
		}
	}
	for _, name := range topicNames() {
		if !strings.Contains(pages["octo-tentacle-"+name+".7"], ".SH DESCRIPTION\n") || !strings.Contains(program, manualReference(name, 7)) {
			t.Errorf("the topic %s has no page, or octo-tentacle.8 does not name it", name)
		}
	}
	if want := 1 + len(testCommands()) + len(topicNames()); len(pages) != want {
		t.Errorf("%d pages, want %d", len(pages), want)
	}
}

func TestAManualPageNamesTheExitCodesThatItsCommandCanHave(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{"poll-server": "0 1 3", "list-servers": "0 1", "check": "0 1 4", "fleet": "0 1 4"} {
		found, err := findCommand(testCommands(), command)
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, item := range exitCodesOf(found) {
			codes = append(codes, item.name)
		}
		if got := strings.Join(codes, " "); got != want {
			t.Errorf("%s: %s, want %s", command, got, want)
		}
		isVerdict := strings.HasSuffix(want, "4")
		if text := fmt.Sprint(exitCodesOf(found)); strings.Contains(text, "there is a problem") != isVerdict || strings.Contains(text, "check and fleet") {
			t.Errorf("%s: %s", command, text)
		}
	}
}

func TestTextInTheManualIsWhatItIsInHelp(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"keep --all-agents, too":      `keep \fB\-\-all\-agents\fR, too`,
		`(--style="a b")`:             `(\fB\-\-style\fR=\(dqa b\(dq)`,
		`DOMAIN\user isn't ~/x…`:      `DOMAIN\euser isn\(aqt \(ti/x...`,
		".\\Tentacle.config is read":  `\&.\eTentacle.config is read`,
		"'quoted' 25 µs":              `\(aqquoted\(aq 25 \[u00B5]s`,
		"One sentence. And a second.": "One sentence.\nAnd a second.",
	} {
		r := &roffPage{}
		r.paragraph(text)
		if got := strings.TrimSuffix(r.text.String(), "\n"); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

package commands_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
)

// The part of docs/compatibility.md that is made from the recordings.
const (
	compatibilityPage  = "../docs/compatibility.md"
	compatibilityBegin = "<!-- Generated from testdata/recordings: go test ./commands -run CompatibilityPage -update -->\n"
	compatibilityEnd   = "<!-- End of what is generated. -->\n"
)

// TestTheCompatibilityPageIsMadeFromTheRecordings: that the recordings agree, but
// for the differences listed, is shown by their replay.
func TestTheCompatibilityPageIsMadeFromTheRecordings(t *testing.T) {
	t.Parallel()
	commands.ComparePart(t, compatibilityPage, compatibilityBegin, compatibilityEnd, compatibilityText(t))
}

// recorded is a recording as the page shows it.
type recorded struct {
	name    string
	command string // the command that it is about: the last one
	line    string // with its arguments
	failed  bool
}

func compatibilityText(t *testing.T) string {
	t.Helper()
	all := readRecorded(t)
	var text strings.Builder
	fmt.Fprintf(&text, "\n%d recordings are compared: **%d agree, %d differ on purpose.**\n", len(all), len(all)-len(deliberate), len(deliberate))

	text.WriteString("\n## What differs, and why\n\n")
	writeReasons(&text, deliberate, "../testdata/differences")

	text.WriteString("\n## What was compared\n\nThe last command of each recording, and how Tentacle ended.\n\n")
	text.WriteString("| command line | Tentacle | octo-tentacle | recording |\n|---|---|---|---|\n")
	for _, r := range all {
		ended, agrees := "succeeds", "agrees"
		if r.failed {
			ended = "fails"
		}
		if _, differs := deliberate[r.name]; differs {
			agrees = "**differs**"
		}
		fmt.Fprintf(&text, "| %s | %s | %s | [%s](../testdata/recordings/%[4]s.json) |\n", r.line, ended, agrees, r.name)
	}
	writeAgents(t, &text)
	text.WriteString("\n")
	return text.String()
}

// writeAgents writes what Tentacle did in the containers of agents.
func writeAgents(t *testing.T, text *strings.Builder) {
	t.Helper()
	files := agentRecordings(t)
	text.WriteString("\n## Kubernetes agents\n\n" +
		"What Tentacle did with the settings of an agent in a ConfigMap, and what the scripts of the agent's image ran, unmodified. Compared are the\n" +
		"ConfigMap, with its secrets decrypted, the keys of the Secret, and what the Octopus Server was sent. octo-tentacle changes the ConfigMap once\n" +
		"for each command at most, and in nothing but the settings that change. Each run of a script is repeated at once, and changes nothing then.\n")
	fmt.Fprintf(text, "\n%d recordings are compared: **%d agree, %d differ on purpose.**\n\n", len(files), len(files)-len(deliberateInAgents), len(deliberateInAgents))
	writeReasons(text, deliberateInAgents, kubernetesDiffers)
	text.WriteString("\n| what was recorded | octo-tentacle | recording |\n|---|---|---|\n")
	for _, file := range files {
		name, agrees := strings.TrimSuffix(filepath.Base(file), ".json"), "agrees"
		if _, differs := deliberateInAgents[name]; differs {
			agrees = "**differs**"
		}
		fmt.Fprintf(text, "| %s | %s | [%s](%s) |\n", readAgentRecording(t, file).Note, agrees, name, filepath.ToSlash(file))
	}
}

// writeReasons writes why recordings differ, those that several share first.
func writeReasons(text *strings.Builder, differing map[string]string, folder string) {
	byReason := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(differing)) {
		byReason[differing[name]] = append(byReason[differing[name]], differenceLink(folder, name))
	}
	reasons := slices.SortedFunc(maps.Keys(byReason), func(a, b string) int {
		return cmp.Or(len(byReason[b])-len(byReason[a]), strings.Compare(a, b))
	})
	for _, reason := range reasons {
		fmt.Fprintf(text, "- %s\n  (%s)\n", reason, strings.Join(byReason[reason], ", "))
	}
}

// differenceLink leads to what exactly differs, where that is kept.
func differenceLink(folder, name string) string {
	file := filepath.Join(folder, name+".txt")
	if _, err := os.Stat(file); err != nil {
		return name
	}
	return fmt.Sprintf("[%s](%s)", name, filepath.ToSlash(file))
}

// readRecorded reads all recordings, sorted by command and name.
func readRecorded(t *testing.T) []recorded {
	t.Helper()
	files, err := filepath.Glob("../testdata/recordings/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	var all []recorded
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(content, &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		last := r.Steps[len(r.Steps)-1]
		entry := recorded{name: strings.TrimSuffix(filepath.Base(file), ".json"), line: recordedLine(last.Args), failed: last.Exit != 0}
		if len(last.Args) > 0 {
			entry.command = last.Args[0]
		}
		all = append(all, entry)
	}
	slices.SortFunc(all, func(a, b recorded) int {
		return cmp.Or(strings.Compare(a.command, b.command), strings.Compare(a.name, b.name))
	})
	return all
}

// recordedLine is a command line as a person types it, without what is the same
// in all recordings.
func recordedLine(arguments []string) string {
	short := strings.NewReplacer("http://127.0.0.1:8065", "URL", "API-0123456789ABCDEFGHIJKLMNOPQ", "KEY", "{D}/", "", "{THUMB}", "THUMBPRINT", "|", `\|`)
	line := make([]string, 0, len(arguments))
	for _, argument := range arguments {
		argument = short.Replace(argument)
		if name, value, isPair := strings.Cut(argument, "="); strings.Contains(value, " ") {
			argument = name + `="` + value + `"`
		} else if !isPair && strings.Contains(argument, " ") {
			argument = `"` + argument + `"`
		}
		line = append(line, argument)
	}
	if len(line) == 0 {
		return "(no arguments)"
	}
	return "`" + strings.Join(line, " ") + "`"
}

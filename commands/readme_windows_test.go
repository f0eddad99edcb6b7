package commands_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestTheReadmesWindowsSectionWorks types what the section says, word by word
// but for the names of the server and its nodes, on a machine without a
// Tentacle.
func TestTheReadmesWindowsSectionWorks(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "\n## Windows\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("the README has no section Windows")
	}
	s := newScene(t, "Tentacle", octotest.Options{})
	folder := t.TempDir()
	if err := os.RemoveAll(s.home); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "key.txt"), []byte(octotest.APIKey+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nodes := s.cluster.Addresses()
	names := strings.NewReplacer("https://octopus.example.com", s.cluster.URL(), "https://octo1:10943", nodes[0],
		"https://octo2:10943", nodes[1], "https://octo3:10943", nodes[2], `C:\Octopus`, filepath.Join(folder, "Octopus"))

	typed := 0
	for line := range strings.Lines(section) {
		arguments, isCommand := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "    octo-tentacle ")
		if !isCommand {
			continue
		}
		typed++
		cmd := s.command(strings.Fields(names.Replace(arguments))...)
		cmd.Env = append(cmd.Env, "OCTOPUS_URL=", "OCTOPUS_API_KEY=")
		cmd.Dir = folder
		output, err := cmd.CombinedOutput()
		t.Logf("octo-tentacle %s\n%s", arguments, output)
		if err != nil {
			t.Errorf("octo-tentacle %s: %v", arguments, err)
		}
	}
	if typed < 6 {
		t.Errorf("only %d commands were found in the section", typed)
	}
}

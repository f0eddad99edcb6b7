package commands_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestTheWindowsPageWorks types what docs/windows.md says, word by word but for
// the names of the server and its nodes, on a host without a Tentacle.
func TestTheWindowsPageWorks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/windows.md")
	if err != nil {
		t.Fatal(err)
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
	// The service needs a Tentacle, and an account that is not here.
	block := yamlBlock.FindStringSubmatch(strings.ReplaceAll(string(page), "\r\n", "\n"))
	file, service, _ := strings.Cut(names.Replace(block[1]), "service:")
	if _, err := tentaclefile.Read("", []byte("service:"+service)); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "tentacle.yaml"), []byte(strings.ReplaceAll(file, "\n", "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}

	typed := 0
	for line := range strings.Lines(string(page)) {
		arguments, isCommand := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "    octo-tentacle ")
		if !isCommand {
			continue
		}
		typed++
		if strings.HasPrefix(arguments, "service ") { // which needs a Tentacle, too
			continue
		}
		cmd := s.command(strings.Fields(names.Replace(arguments))...)
		cmd.Env = append(cmd.Env, "OCTOPUS_URL=", "OCTOPUS_API_KEY=")
		cmd.Dir = folder
		output, err := cmd.CombinedOutput()
		t.Logf("octo-tentacle %s\n%s", arguments, output)
		if err != nil {
			t.Errorf("octo-tentacle %s: %v", arguments, err)
		}
	}
	if typed < 8 {
		t.Errorf("only %d commands were found", typed)
	}
}

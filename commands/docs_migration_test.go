package commands_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// argument is one of a command line in a shell or cmd; a part of it may be quoted.
var argument = regexp.MustCompile(`(?:[^\s"]|"[^"]*")+`)

// TestTheScriptsForTentacleRunAsTheyAre runs the scripts of docs/migration.md, those for Tentacle
// with this program in its place, twice each: all of them end with the same Tentacle.
func TestTheScriptsForTentacleRunAsTheyAre(t *testing.T) {
	t.Parallel()
	scripts := append(examplesOf(t, "migration.md", "sh"), examplesOf(t, "migration.md", "bat")...)
	if len(scripts) != 4 {
		t.Fatalf("docs/migration.md has %d scripts", len(scripts))
	}
	for i, script := range scripts {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			t.Parallel()
			s := newFreshScene(t, octotest.Options{})
			for range 2 {
				s.runScript(t, script)
				registered := s.cluster.Registrations()
				if polled := addressesIn(t, s.config); len(polled) != 3 || len(registered) != 1 || registered[0].Name != "web01" {
					t.Errorf("it polls %v, and is registered as %v", polled, registered)
				}
			}
		})
	}
}

// runScript runs the lines of a script that call Tentacle or this program, but for those about the
// service: there may be no service manager here.
func (s *scene) runScript(t *testing.T, script string) {
	t.Helper()
	folder, nodes := filepath.Dir(s.config), s.cluster.Addresses()
	here := strings.NewReplacer("\\\n", " ", "$OCTOPUS_URL", s.cluster.URL(), "%OCTOPUS_URL%", s.cluster.URL(),
		"$OCTOPUS_API_KEY", octotest.APIKey, "%OCTOPUS_API_KEY%", octotest.APIKey,
		"https://octo1:10943", nodes[0], "https://octo2:10943", nodes[1], "https://octo3:10943", nodes[2],
		`C:\Octopus\web\Tentacle.config`, s.config, "/etc/octopus/web/Tentacle.config", s.config,
		`C:\Octopus\web`, folder, `C:\Octopus\Applications`, filepath.Join(folder, "Applications"), "/home/Octopus", folder)
	ran := 0
	for line := range strings.Lines(here.Replace(script)) {
		words := argument.FindAllString(line, -1)
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], `"`, "")
		}
		switch {
		case len(words) < 2 || words[0] == "cd":
			continue
		case words[0] != "$tentacle" && words[0] != "Tentacle.exe" && words[0] != "octo-tentacle":
			t.Errorf("this is no command of Tentacle: %s", line)
		}
		ran++
		switch words[1] {
		case "service":
		case "check":
			if output, _ := s.command(words[1:]...).CombinedOutput(); !strings.Contains(string(output), "3 of 3 polling ports accept this Tentacle") {
				t.Errorf("%s\n%s", line, output)
			}
		default:
			s.run(t, 0, words[1:]...)
		}
	}
	if _, err := os.Stat(s.config); err != nil || ran < 6 {
		t.Errorf("%d commands were run; %v", ran, err)
	}
}

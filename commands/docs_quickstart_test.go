package commands_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What the README shows for values that differ from run to run.
const (
	shownURL        = "https://octopus.example.com"
	shownConfig     = "/etc/octopus/default/tentacle-default.config"
	shownThumbprint = "372A34C3A56D6D38CE36CC956A8D3E042C22AF80"
)

// TestTheReadmesQuickStartShowsWhatOneSees types the commands in the README's
// blocks "console", in their order, on a host whose Tentacle polls one node, and
// compares the output. A line "…" stands for any lines.
func TestTheReadmesQuickStartShowsWhatOneSees(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 2 {
		t.Fatalf("only %d blocks were found", len(blocks))
	}
	s := quickStartScene(t)
	nodes := s.cluster.Addresses()
	typed := strings.NewReplacer(shownURL, s.cluster.URL(), "https://octo1:10943", nodes[0], "https://octo2:10943", nodes[1], "https://octo3:10943", nodes[2])
	shown := strings.NewReplacer(s.cluster.URL(), shownURL, nodes[0], "https://octo1:10943", nodes[1], "https://octo2:10943", nodes[2], "https://octo3:10943",
		s.config, shownConfig, s.cluster.Thumbprint(), shownThumbprint, "node1", "octo1", "node2", "octo2", "node3", "octo3")
	for _, block := range blocks {
		command, want, _ := strings.Cut(strings.ReplaceAll(block[1], "\\\n", " "), "\n")
		arguments := strings.Fields(typed.Replace(strings.TrimPrefix(command, "$ octo-tentacle ")))
		cmd := s.command(arguments...)
		cmd.Env = append(cmd.Env, "OCTOPUS_URL=", "OCTOPUS_API_KEY=")
		cmd.Dir = filepath.Dir(s.config)
		output, _ := cmd.CombinedOutput() // check finds a problem: its exit code is 1
		got := shown.Replace(strings.ReplaceAll(string(output), "\r\n", "\n"))
		if !shows(want).MatchString(sameEverywhere(got)) {
			t.Errorf("%s\nprints\n%s\nbut the README shows\n%s", command, got, want)
		}
	}
	if got := s.addresses(t); len(got) != len(nodes) {
		t.Errorf("in the end it polls %v", got)
	}
}

// quickStartScene is a host with a registered Tentacle that polls one of three
// nodes, and with key.txt beside its configuration.
func quickStartScene(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, "Tentacle", octotest.Options{})
	if output, err := s.command("new-certificate", "--no-backup").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	document, err := tentacleconfig.Read(s.config)
	if err != nil {
		t.Fatal(err)
	}
	thumbprint, err := document.Thumbprint()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cluster.AddMachine(octotest.Machine{Name: "web01", Thumbprint: thumbprint, Subscription: sceneSubscription}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.config), "key.txt"), []byte(octotest.APIKey), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	backupTime = regexp.MustCompile(`bak-\d{8}T\d{6}Z`)
	anyTime    = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	spaces     = regexp.MustCompile(`(\S) {2,}`)     // a table is as wide as its addresses
	restarted  = regexp.MustCompile(`(?m)^Saved.*$`) // depends on whether a service runs here
)

func sameEverywhere(output string) string {
	output = anyTime.ReplaceAllString(backupTime.ReplaceAllString(output, "bak-TIME"), "TIME")
	return restarted.ReplaceAllString(spaces.ReplaceAllString(output, "$1  "), "Saved")
}

// shows matches the output that the README shows.
func shows(text string) *regexp.Regexp {
	pattern := regexp.QuoteMeta(sameEverywhere(text))
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(pattern, "…\n", "(?:.*\n)?") + "$")
}

package commands_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// What holds for every option of every command.

// commandLines are one that works for each command, the first of repetitions
// where there is one; those that change something have --dry-run.
func commandLines(t *testing.T, s *scene) map[string][]string {
	t.Helper()
	lines := map[string][]string{}
	for _, r := range repetitions {
		if line := r.arguments(s); lines[line[0]] == nil {
			lines[line[0]] = append(line, "--dry-run")
		}
	}
	for _, name := range onlyShow {
		if name != "demo" { // has no options
			lines[name] = []string{name}
		}
	}
	lines["completion"] = []string{"completion", "bash"}
	lines["service"] = []string{"service", "--stop", "--dry-run"}
	lines["checkservices"] = []string{"checkservices", "--instances=*", "--dry-run"}
	lines["restart-service"] = []string{"restart-service", "--dry-run"}
	return lines
}

// emptied are the options whose empty value means something of its own.
var emptied = map[string]string{
	"proxyUsername": "clears it, as Tentacle does",
	"proxyPassword": "clears it, as Tentacle does",
	"proxyPort":     "is 80, as in Tentacle",
	"trust":         "is warned of",
}

// TestAnEmptyValueIsNoneOrIsRefused: scripts pass the variables that are not set.
func TestAnEmptyValueIsNoneOrIsRefused(t *testing.T) {
	commands.TriesEverything(t)
	s := inProcess(t)
	before := s.snapshot(t)
	for name, line := range commandLines(t, s) {
		references := map[string]outcome{}
		for _, flag := range flagsOf(t, name) {
			option := flag.Names()[0]
			without := slices.DeleteFunc(slices.Clone(line), func(a string) bool { return strings.HasPrefix(a, "--"+option+"=") || a == "--"+option })
			got := s.try(t, append(slices.Clone(without), "--"+option+"=")...).steady()
			if got.code == commands.FailureCode(name) && got.stdout == "" && strings.Contains(got.stderr, "--"+option) {
				continue // refused
			}
			key := strings.Join(without, " ")
			if _, known := references[key]; !known {
				references[key] = s.try(t, without...).steady()
			}
			if got == references[key] {
				continue
			}
			if _, known := emptied[option]; !known {
				t.Errorf("%s --%s= is\n%+v\nand without it it is\n%+v", key, option, got, references[key])
			}
		}
	}
	before.same(t, "empty values", s.snapshot(t))
	if sent := s.written(); len(sent) > 0 {
		t.Errorf("sent: %q", sent)
	}
}

func flagsOf(t *testing.T, name string) []cli.Flag {
	t.Helper()
	for _, command := range commands.Commands() {
		if command.Name == name {
			return command.Flags
		}
	}
	t.Fatalf("there is no command %s", name)
	return nil
}

// TestAnEmptyVariableNeverDoesMoreThanWasMeant: these would remove or replace
// what nobody named, if the empty value were taken for none.
func TestAnEmptyVariableNeverDoesMoreThanWasMeant(t *testing.T) {
	s := inProcess(t)
	s.trusts(t, s.entry(0), s.entry(1), tentacleconfig.TrustedServer{
		Thumbprint: tentacleThumbprint(), Style: tentacleconfig.StylePolling, Address: "https://other:10943", SubscriptionID: sceneSubscription})
	thumbprint, node, port := s.cluster.Thumbprint(), s.cluster.Addresses()[0], "--server-comms-port=10943"
	nodes := filepath.Join(t.TempDir(), "nodes.yaml")
	if err := os.WriteFile(nodes, []byte("["+node+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := s.snapshot(t)
	for _, c := range []struct {
		option    string
		arguments []string
	}{
		{"--export-file", []string{"new-certificate", "--export-file="}},
		{"--export-pfx", []string{"new-certificate", "--export-pfx", "", "--pfx-password=Password02!"}},
		{"--trust", []string{"configure", "--reset-trust", "--trust="}},
		{"address", []string{"remove-server", "--server-comms-address=", "--thumbprint=" + thumbprint}},
		{"address", []string{"remove-server", "--thumbprint=" + thumbprint, ""}},
		{"--thumbprint", []string{"remove-server", "--thumbprint=", node}},
		{"--server-comms-address", []string{"sync-servers", "--server-comms-address=" + node, "--server-comms-address="}},
		{"--server-comms-address", []string{"sync-servers", "--server-comms-address=" + node + ","}},
		{"--server-comms-address", []string{"sync-servers", "--server-comms-address=", port}},
		{"--server-comms-address", []string{"poll-server", "--replace", "--server-comms-address=" + node + ",,"}},
		{"--server-comms-address", []string{"poll-server", "--replace", "--server-comms-address=", port}},
		{"--server-comms-port", []string{"poll-server", "--replace", "--server-comms-address=" + node, "--server-comms-port="}},
		{"--server-comms-port", []string{"sync-servers", "--server-comms-address=" + node, port + ",,"}},
		{"--server-comms-port", []string{"sync-servers", "--server-comms-address=" + node, "--server-comms-port="}},
		{"--server-comms-port", []string{"sync-servers", "--file=" + nodes, "--server-comms-port="}},
		{"--file", []string{"sync-servers", "--file=", port}},
		{"--keep", []string{"clear-trusted-servers", "--keep=" + node, "--keep="}},
		{"--keep", []string{"clear-trusted-servers", "--keep=" + node + ","}},
		{"--instance", []string{"delete-instance", "--instance="}},
		{"--config", []string{"delete-instance", "--config", ""}},
		{"--instance", []string{"deregister-from", "--instance="}},
		{"--instance", []string{"deregister-worker", "--instance="}},
		{"--name", []string{"deregister-from", "--name="}},
		{"--instance", []string{"service", "--stop", "--uninstall", "--instance="}},
		{"--service", []string{"service", "--uninstall", "--service="}},
		{"--instance", []string{"create-instance", "--instance=", "--config=" + filepath.Join(s.home, "other.config")}},
		{"--instances", []string{"checkservices", "--instances="}},
		{"TIME", []string{"restore-backup", ""}},
	} {
		got := s.try(t, c.arguments...)
		if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, c.option) {
			t.Errorf("%q: %+v", c.arguments, got)
		}
	}
	before.same(t, "empty values", s.snapshot(t))
	if sent := s.written(); len(sent) > 0 {
		t.Errorf("sent: %q", sent)
	}
}

// TestOfAnOptionGivenTwiceTheLastCounts, as in Tentacle.
func TestOfAnOptionGivenTwiceTheLastCounts(t *testing.T) {
	s := inProcess(t)
	compared := 0
	for name, line := range commandLines(t, s) {
		want := s.try(t, line...).steady()
		for _, flag := range flagsOf(t, name) {
			option := "--" + flag.Names()[0]
			at := slices.IndexFunc(line, func(a string) bool { return strings.HasPrefix(a, option+"=") || a == option })
			_, isList := flag.(*cli.StringSliceFlag)
			if at < 0 || isList {
				continue
			}
			first := option + "=other"
			if _, isSwitch := flag.(*cli.BoolFlag); isSwitch {
				first = option + "=false"
			}
			compared++
			if got := s.try(t, slices.Insert(slices.Clone(line), at, first)...).steady(); got != want {
				t.Errorf("%s after %s: %+v, not %+v", line[at], first, got, want)
			}
		}
	}
	if compared < 40 {
		t.Errorf("compared only %d", compared)
	}
}

// TestEveryCommandTellsScriptsHowItEnded: by its exit code, and with nothing on
// standard output where it failed.
func TestEveryCommandTellsScriptsHowItEnded(t *testing.T) {
	s := inProcess(t)
	before := s.snapshot(t)
	for _, command := range commands.Commands() {
		name := command.Name
		for _, c := range []struct {
			code      int
			says      string
			arguments []string
		}{
			{0, "octo-tentacle " + name, []string{name, "--help"}},
			{0, "octo-tentacle " + name, []string{"help", name}},
			{0, "octo-tentacle " + name, []string{strings.ToUpper(name), "/?"}},
			{commands.FailureCode(name), "no option --no-such-option", []string{name, "--no-such-option=API-SECRET"}},
			{commands.FailureCode(name), "no option --no-such-option", []string{name, "/no-such-option:API-SECRET"}},
			{2, "there is no command", []string{name + "x"}},
		} {
			got := s.try(t, c.arguments...)
			if said := got.stdout + got.stderr; got.code != c.code || !strings.Contains(said, c.says) || strings.Contains(said, "SECRET") {
				t.Errorf("%q: %+v", c.arguments, got)
			}
			if (got.stdout == "") != (c.code != 0) || (got.stderr == "") != (c.code == 0) {
				t.Errorf("%q: standard output and error: %+v", c.arguments, got)
			}
		}
		if command.ArgsUsage == "" {
			if got := s.try(t, name, "API-SECRET"); got.code != commands.FailureCode(name) || got.stdout != "" || strings.Contains(got.stderr, "SECRET") {
				t.Errorf("%s with an argument left over: %+v", name, got)
			}
		}
		for _, flag := range command.Flags {
			option := flag.Names()[0]
			switch flag.(type) {
			case *cli.BoolFlag:
				if got := s.try(t, name, "--"+option+"=perhaps"); got.code != commands.FailureCode(name) || got.stdout != "" || !strings.Contains(got.stderr, "--"+option) {
					t.Errorf("%s --%s=perhaps: %+v", name, option, got)
				}
			default:
				if got := s.try(t, name, "--"+option); got.code != commands.FailureCode(name) || got.stdout != "" || !strings.Contains(got.stderr, "--"+option+" needs a value") {
					t.Errorf("%s --%s without its value: %+v", name, option, got)
				}
			}
			if option == "format" {
				if got := s.try(t, name, "--format=xml"); got.code != commands.FailureCode(name) || got.stdout != "" || !strings.Contains(got.stderr, "--format") {
					t.Errorf("%s --format=xml: %+v", name, got)
				}
			}
			if option == "instance" && name != "create-instance" {
				if got := s.try(t, append(slices.Clone(commandLines(t, s)[name]), "--instance=no such", "--format=json")...); got.code != commands.FailureCode(name) || got.stdout != "" || got.stderr == "" {
					t.Errorf("%s --instance=no such: %+v", name, got)
				}
			}
		}
	}
	before.same(t, "what is no good", s.snapshot(t))
	if sent := s.written(); len(sent) > 0 {
		t.Errorf("sent: %q", sent)
	}
}

// writes counts how often something is written.
type writes struct {
	bytes.Buffer
	count int
}

func (w *writes) Write(p []byte) (int, error) {
	w.count++
	return w.Buffer.Write(p)
}

// TestTheAnswerIsWrittenAsAWhole: of `octo-tentacle … | grep -q …` in a script
// with pipefail, grep ends at the first match, and another write would fail.
func TestTheAnswerIsWrittenAsAWhole(t *testing.T) {
	s := inProcess(t)
	answered := 0
	for _, line := range commandLines(t, s) {
		var stdout writes
		var stderr bytes.Buffer
		code := commands.Run(t.Context(), strings.NewReader(""), &stdout, &stderr, line)
		if stdout.count > 1 || code == 0 && stdout.count == 0 {
			t.Errorf("%q: %d writes for\n%s%s", line, stdout.count, &stdout, &stderr)
		}
		answered += stdout.count
	}
	if answered < 24 {
		t.Errorf("only %d answers", answered)
	}
}

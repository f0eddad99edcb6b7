package commands

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestAnEmptyValueIsRefusedOrNotGiven: each option of each command, alone and beside all switches,
// in each spelling of an empty value. What is left out of the rewritten line is not given, whatever
// the command does with it.
func TestAnEmptyValueIsRefusedOrNotGiven(t *testing.T) {
	TriesEverything(t)
	refused := map[string]int{}
	tried := 0
	for _, command := range testCommands() {
		var switches []string
		for _, flag := range command.Flags {
			if _, isSwitch := flag.(*cli.BoolFlag); isSwitch && flag.Names()[0] != "help" {
				switches = append(switches, "--"+flag.Names()[0])
			}
		}
		for _, flag := range command.Flags {
			if _, isSwitch := flag.(*cli.BoolFlag); isSwitch {
				continue
			}
			name := flag.Names()[0]
			for _, empty := range [][]string{{"--" + name + "="}, {"--" + name, ""}, {"/" + name + ": "}} {
				for _, others := range [][]string{nil, switches} {
					tried++
					line := slices.Concat([]string{command.Name}, empty, others)
					rewritten, err := rewriteArguments(testCommands(), line)
					given := slices.ContainsFunc(rewritten, func(argument string) bool { return strings.HasPrefix(argument, "--"+name+"=") })
					clears := slices.Contains(proxyCommands, command.Name) && slices.Contains(clearing, name)
					switch {
					case err != nil && strings.HasPrefix(err.Error(), "--"+name+" is empty (") && (changesSomething(command) || name == "require"):
						refused[name]++
					case err != nil:
						t.Errorf("%q: %v", line, err)
					case given != clears:
						t.Errorf("%q became %q", line, rewritten)
					}
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d empty values were tried", tried)
	}
	for _, c := range choices {
		for _, name := range c.options {
			if refused[name] == 0 {
				t.Errorf("an empty --%s is never refused", name)
			}
		}
	}
}

func TestWhatAnEmptyValueChoosesDependsOnTheCommandLine(t *testing.T) {
	const (
		empty = "is empty (is a script variable unset?)"
		among = "has an empty value (is a script variable unset?), and what it does not name would be removed"
	)
	for _, test := range []struct {
		line string // separated by |
		want string // the beginning of the error; "" for none
	}{
		{"list-servers|--instance=", ""},
		{"check|--config=|--service=", ""},
		{"check|--require=,|--require=", "--require " + empty},
		{"check|--require=|--require=ports", ""},
		{"show-configuration|--space=|--file=", ""},
		{"configure|--instance=", "--instance " + empty},
		{"configure|--config=", "--config " + empty},
		{"configure|--instance=|--config=a.config", ""},
		{"configure|--instance=web|--config=", ""},
		{"configure|--instance=web|--instance=", "--instance " + empty},
		{"configure|--instance=|--instance=web", ""},
		{"create-instance|--instance=|--config=a.config", "--instance " + empty},
		{"configure|--service=|--instance=web", "--service " + empty},
		{"configure|--trust=", ""},
		{"configure|--trust=|--reset-trust", "--trust " + empty},
		{"configure|--trust=|--reset-trust=false", ""},
		{"configure|--trust=A|--trust=|--reset-trust", "--trust " + among},
		{"configure|--trust=A,|--reset-trust", "--trust " + among},
		{"configure|--trust=A|--trust=", ""},
		{"new-certificate|--export-file=|--export-pfx=a.pfx", ""},
		{"sync-servers|--file=|--server-comms-address=https://a:1", ""},
		{"sync-servers|--file=a.yaml|--server-comms-address=", ""},
		{"sync-servers|--file=|--server-comms-port=10943", "--file " + empty},
		{"sync-servers|--server-comms-address=,", "--server-comms-address " + empty},
		{"sync-servers|--server-comms-address=https://a:1,", "--server-comms-address " + among},
		{"sync-servers|--server-comms-address=https://a:1|--server-comms-address=", "--server-comms-address " + among},
		{"sync-servers|--file=a.yaml|--server-comms-port=10943,", "--server-comms-port " + among},
		{"poll-server|--server-comms-address=https://a:1,", ""},
		{"poll-server|--server-comms-address=", ""},
		{"poll-server|--replace|--server-comms-address=https://a:1,,https://b:1", "--server-comms-address " + among},
		{"remove-server|--server-comms-address=https://a:1,", ""},
		{"remove-server|--server-comms-address=|--thumbprint=A", "--server-comms-address " + empty},
		{"clear-trusted-servers|--keep=", "--keep " + empty},
		{"clear-trusted-servers|--keep=https://a:1, ", "--keep " + among},
		{"register-with|--role=web|--role=|--tenant=", ""},
		{"register-with|--update|--role=web|--tenant=", ""},
		{"register-with|--update|--role=web|--role=", "--role " + among},
		{"register-with|--force|--tenant=a|--tenant=", "--tenant " + among},
		{"register-with|--update|--environment=a,", ""}, // a name may have a comma
		{"register-worker|--name=", "--name " + empty},
		{"register-worker|--space=", ""}, // as the start script of Tentacle's own container
		{"deregister-worker|--space=", "--space " + empty},
		{"polling-proxy|--proxyEnable=", "--proxyEnable " + empty},
		{"proxy|--proxyPassword-file=", "--proxyPassword-file " + empty},
	} {
		_, err := rewriteArguments(testCommands(), strings.Split(test.line, "|"))
		if got := ""; err != nil || test.want != "" {
			if err != nil {
				got = err.Error()
			}
			if test.want == "" || !strings.HasPrefix(got, test.want) {
				t.Errorf("%s: %q, want %q", test.line, got, test.want)
			}
		}
	}
}

func TestTheRulesForEmptyValuesNameOptionsThatExist(t *testing.T) {
	has := func(command, name string) bool {
		return slices.ContainsFunc(testCommands(), func(c *cli.Command) bool {
			return (command == "" || c.Name == command) && slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return f.Names()[0] == name })
		})
	}
	for _, c := range choices {
		for _, name := range slices.Concat(c.options, c.with) {
			for _, command := range orAny(c.commands) {
				if !has(command, name) {
					t.Errorf("%s has no --%s", command, name)
				}
			}
		}
	}
	for _, r := range replacements {
		for _, name := range r.options {
			if !slices.ContainsFunc(r.commands, func(command string) bool { return has(command, name) }) {
				t.Errorf("none of %v has --%s", r.commands, name)
			}
		}
	}
}

func orAny(commands []string) []string {
	if len(commands) == 0 {
		return []string{""}
	}
	return commands
}

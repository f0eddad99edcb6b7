package suggest

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestASuggestedCommandCanBePastedIntoTheShellsOfItsSystem(t *testing.T) {
	for _, c := range []struct{ goos, word, want string }{
		{"linux", "web", "web"},
		{"linux", "My Box", "'My Box'"},
		{"linux", "$HOME's", `'$HOME'\''s'`},
		{"linux", `a\b`, `'a\b'`},
		{"linux", "", "''"},
		{"linux", "--role=two\nlines", "--role=VALUE"},
		{"linux", "--role=a\u200bb", "--role=VALUE"},
		{"linux", "web’s `x` “y”", "'web’s `x` “y”'"},
		{"linux", "--name=\ttab", "--name=VALUE"}, // a terminal would complete words at it
		{"linux", "--name=\x1b[31m", "--name=VALUE"},
		{"linux", "--name=a\xffb", "--name=VALUE"},
		{"linux", "\u202ename", "VALUE"},
		{"linux", "azAZ09", "azAZ09"},
		{"linux", "[web]", "'[web]'"},
		{"linux", "{web}", "'{web}'"},
		{"windows", `C:\Octopus\web\Tentacle.config`, `C:\Octopus\web\Tentacle.config`},
		{"windows", `C:\Program Files\web's\Tentacle.config`, `"C:\Program Files\web's\Tentacle.config"`},
		{"windows", "OctopusDeploy Tentacle: web", `"OctopusDeploy Tentacle: web"`},
		{"windows", "--keep=https://a:1,https://b:2", "--keep=https://a:1,https://b:2"},
		{"windows", "a&b|c<d>e^f", `"a&b|c<d>e^f"`},
		{"windows", "web’s", `"web’s"`},
		{"windows", "100%", `"100%"`},
		{"windows", "$env’s", "'$env’’s'"},
		{"windows", "a “b”", "'a “b”'"},
		{"windows", "a`b", "'a`b'"},
		{"windows", "", `""`},
		{"windows", "--role=%PATH%", "--role=VALUE"},
		{"windows", "--role=two\nlines", "--role=VALUE"},
		{"windows", `--role=a "b"`, "--role=VALUE"},
		{"windows", "--role=$a & del", "--role=VALUE"},
		{"windows", `--home=C:\My Box\`, "--home=VALUE"},
	} {
		if got := Quote(c.goos, c.word); got != c.want {
			t.Errorf("%q on %s is %s, not %s", c.word, c.goos, got, c.want)
		}
	}
}

// FuzzShReadsAQuotedWordAsItIs asks real ones.
func FuzzShReadsAQuotedWordAsItIs(f *testing.F) {
	if runtime.GOOS == "windows" {
		f.Skip("needs sh")
	}
	shells := []string{"sh"}
	for _, more := range []string{"bash", "dash", "zsh"} {
		if _, err := exec.LookPath(more); err == nil {
			shells = append(shells, more)
		}
	}
	for _, word := range []string{"", "a b", "--role=$(id)`id`'\"\\", "-n", "~", "*", "a\nb\n", "!x", "web’s “x”", "#a", "a=b;c|d&e", "==", "=ls", "{a,b}", "\x00", "\xff"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		quoted, ok := quoteForSh(word)
		if !ok {
			return
		}
		for _, shell := range shells {
			got, err := exec.Command(shell, "-c", "printf '%s.' "+quoted).Output()
			if want := word + "."; err != nil || string(got) != want {
				t.Errorf("%s reads %q as %s as %q, %v", shell, word, quoted, got, err)
			}
		}
	})
}

// FuzzNoShellOfWindowsRunsAPartOfAQuotedWord reads the quotes by the rules of cmd and of
// PowerShell.
func FuzzNoShellOfWindowsRunsAPartOfAQuotedWord(f *testing.F) {
	for _, word := range []string{"", "a b", "a&b", "$a&b", "a\"b", "‘’‚‛", "“”„", "$a’b", "%A%", "a\\", "a \\", "`n", "\n", "’", "$’"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		quoted, ok := quoteForWindows(word)
		if !ok {
			return
		}
		if got, closed := readByPowerShell(quoted); got != word || !closed {
			t.Errorf("PowerShell reads %s as %q, not %q", quoted, got, word)
		}
		outside, inQuotes := "", false
		for _, r := range quoted {
			if r == '"' {
				inQuotes = !inQuotes
			} else if !inQuotes {
				outside += string(r)
			}
		}
		if inQuotes || strings.ContainsAny(outside, "&|<>^\n") || strings.Count(quoted, "%") > 1 {
			t.Errorf("cmd takes a part of %s for something else", quoted)
		}
	})
}

// readByPowerShell reads one word as PowerShell's tokenizer does (tokenizer.cs: ScanStringLiteral,
// ScanStringExpandable, ScanGenericToken), and says whether it ends where the text does.
func readByPowerShell(text string) (word string, whole bool) {
	runes := []rune(text)
	if len(runes) == 0 {
		return "", false
	}
	quotes := ""
	switch {
	case strings.ContainsRune(singleQuotes, runes[0]):
		quotes = singleQuotes
	case strings.ContainsRune(doubleQuotes, runes[0]):
		quotes = doubleQuotes
	default:
		return text, !strings.ContainsAny(text, " \t\r\n&(){};|$`#@'\"")
	}
	for i := 1; i < len(runes); i++ {
		switch r := runes[i]; {
		case strings.ContainsRune(quotes, r) && i+1 < len(runes) && strings.ContainsRune(quotes, runes[i+1]):
			i++
			word += string(runes[i])
		case strings.ContainsRune(quotes, r):
			return word, i == len(runes)-1
		case quotes == doubleQuotes && (r == '$' || r == '`'):
			return word, false
		default:
			word += string(r)
		}
	}
	return word, false
}

func TestTheChosenServiceIsRestarted(t *testing.T) {
	web := tentacleconfig.Instance{Name: "web"}
	for _, c := range []struct {
		instance      tentacleconfig.Instance
		service, goos string
		want          string
	}{
		{web, "web", "linux", `--instance=web`},
		{web, "", "linux", `--instance=web`},
		{web, "OctopusDeploy Tentacle: web", "windows", `--instance=web`},
		{web, "other", "linux", "--service=other"},
		{tentacleconfig.Instance{}, "a b", "linux", "--service='a b'"},
	} {
		if got := (Tentacle{Instance: c.instance, Service: c.service, GOOS: c.goos}).Restart(); got != "octo-tentacle restart-service "+c.want {
			t.Errorf("%s, not %s", got, c.want)
		}
	}
}

func TestAnAgentIsRestartedByItsNamespace(t *testing.T) {
	agent := Tentacle{Agent: Agent{Namespace: "octopus"}, Service: "octopus-agent-tentacle", GOOS: "linux"}
	if got, want := agent.Restart(), "octo-tentacle restart-service --namespace=octopus"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestACommandNamesTheTentacleItIsAbout(t *testing.T) {
	box := tentacleconfig.Instance{Name: "My Box", ConfigPath: "/b.config"}
	for _, c := range []struct {
		tentacle Tentacle
		command  string
		want     string
	}{
		{Tentacle{Instance: tentacleconfig.Instance{Name: "Tentacle"}, Service: "Tentacle", GOOS: "linux"}, "check", "check a --instance=Tentacle"},
		{Tentacle{Instance: box, Service: service.NameFor("My Box", "linux"), GOOS: "linux"}, "check", "check a '--instance=My Box'"},
		{Tentacle{Instance: box, Service: "", GOOS: "windows"}, "check", `check a "--instance=My Box"`},
		{Tentacle{Instance: tentacleconfig.Instance{ConfigPath: "/t.config"}, Service: "x", GOOS: "linux"}, "check", "check a --config=/t.config --service=x"},
		{Tentacle{Instance: tentacleconfig.Instance{Name: "web"}, Service: "x", GOOS: "linux"}, "check", "check a --instance=web --service=x"},
		{Tentacle{Instance: tentacleconfig.Instance{Name: "web"}, Service: "x", GOOS: "linux"}, "create-instance", "create-instance a --instance=web"},
		{Tentacle{Agent: Agent{Namespace: "octopus"}, Service: "octopus-agent-tentacle", GOOS: "linux"}, "check", "check a --namespace=octopus"},
		{Tentacle{Agent: Agent{Namespace: "octopus", Context: "two words", Kubeconfig: "/k"}, GOOS: "linux"}, "check", "check a --namespace=octopus '--context=two words' --kubeconfig=/k"},
	} {
		if got := c.tentacle.Command(c.command, "a"); got != "octo-tentacle "+c.want {
			t.Errorf("%s, not %s", got, c.want)
		}
	}
}

func TestTheArgumentsOfACommandStayTheirOwners(t *testing.T) {
	arguments := make([]string, 1, 10)
	arguments[0] = "a"
	web := Tentacle{Instance: tentacleconfig.Instance{Name: "web"}}
	web.Command("check", arguments...)
	if rest := arguments[:2][1]; rest != "" {
		t.Errorf("%q was written behind them", rest)
	}
}

func TestACommandWithPlaceholdersIsNotComplete(t *testing.T) {
	web := Tentacle{Instance: tentacleconfig.Instance{Name: "web"}, GOOS: "linux"}
	for _, c := range []struct {
		arguments []string
		want      []string
	}{
		{[]string{"--server=https://octopus", "--role=web", "--name=WEB1"}, nil},
		{[]string{"--server=URL", "--role=ROLE", "--role=ROLE"}, []string{"URL", "ROLE"}},
		{[]string{"--server-comms-address=https://a:1,ADDRESS"}, []string{"ADDRESS"}},
		{[]string{"--role=two\rlines"}, []string{"VALUE"}},
		{[]string{"--role=ROLES", "--name=my NAME"}, nil},
	} {
		if got := Placeholders(web.Command("register-with", c.arguments...)); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, not %q", c.arguments, got, c.want)
		}
	}
}

func TestAnotherProgramIsToldTheCluster(t *testing.T) {
	t.Parallel()
	agent := Tentacle{GOOS: "linux", Agent: Agent{Namespace: "a", Context: "my context", Kubeconfig: "/k"}}
	for got, want := range map[string]string{
		agent.Kubectl("get", "pods"):                                                              "kubectl get pods --namespace=a '--context=my context' --kubeconfig=/k",
		agent.Helm("other", []string{"history", "x;y"}, "--max=2"):                                "helm history 'x;y' --namespace=other '--kube-context=my context' --kubeconfig=/k --max=2",
		Tentacle{GOOS: "linux", Agent: Agent{Namespace: "a"}}.Helm("a", []string{"history", "x"}): "helm history x --namespace=a",
	} {
		if got != want {
			t.Errorf("%s\nnot\n%s", got, want)
		}
	}
}

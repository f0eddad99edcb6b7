package commands

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// completedAt is the answer to a command line, of which | is the cursor.
func completedAt(t *testing.T, line string) (first string, values []string) {
	t.Helper()
	typed, _, hasCursor := strings.Cut(line, "|")
	if !hasCursor {
		t.Fatalf("%q has no cursor", line)
	}
	return answerTo(t, strings.Split(typed, " "))
}

func answerTo(t *testing.T, words []string) (first string, values []string) {
	t.Helper()
	var out, err bytes.Buffer
	if code := newConsole(strings.NewReader(""), &out, &err).complete(words); code != 0 || err.Len() > 0 {
		t.Fatalf("%q: exit code %d, %s", words, code, &err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for _, line := range lines[1:] {
		value, _, hasTab := strings.Cut(line, "\t")
		if !hasTab {
			t.Errorf("%q: the line %q has no tab", words, line)
		}
		values = append(values, value)
	}
	return lines[0], values
}

// TestWhatStandsAtTheCursorIsReadAsTheCommandWillReadIt: | is the cursor.
func TestWhatStandsAtTheCursorIsReadAsTheCommandWillReadIt(t *testing.T) {
	for _, c := range []struct {
		line, first, values string
	}{
		// Commands
		{"poll|", ":words", "poll-server polling-proxy"},
		{"POLL-|", ":words", "POLL-server"},
		{"Sync-servers|", ":words", "Sync-servers"},
		{"__|", ":words", ""},
		{"no-such-command --|", ":words", ""},
		{"no-such-command |", ":words", ""},
		{"--ver|", ":words", "--verbose"},
		{"--verbose --log-file log.txt sync|", ":words", "sync-servers"},
		{"--nologo sync|", ":words", "sync-servers"},
		{"--log-file |", ":files ", ""},
		{"--log-file=lo|", ":files --log-file=", ""},
		{"--LOG-FILE:lo|", ":files --LOG-FILE:", ""},
		{"help restore|", ":words", "restore-backup"},
		{"--help restore|", ":words", "restore-backup"},
		{"help restore-backup re|", ":words", ""},
		{"help cre|", ":words", "create-instance credentials"},
		{"completion |", ":words", "bash zsh fish powershell"},
		{"completion bash z|", ":words", ""},

		// Options
		{"sync-servers --fo|", ":words", "--force --format="},
		{"sync-servers --FO|", ":words", "--FOrce --FOrmat="},
		{"SYNC-SERVERS -fo|", ":words", "-force -format="},
		{"sync-servers /FO|", ":words", "/FOrce /FOrmat:"},
		{"sync-servers -f|", ":words", "-file= -force -f -format="},
		{"sync-servers -F|", ":words", "-File= -Force -F -Format="},
		{"sync-servers --forma|", ":words nospace", "--format="},
		{"sync-servers --force --fo|", ":words nospace", "--format="},
		{"sync-servers -f --fo|", ":words nospace", "--format="},
		{"sync-servers /FORCE --fo|", ":words nospace", "--format="},
		{"sync-servers --format json --fo|", ":words", "--force"},
		{"sync-servers --server-comms-address https://a:1 --server-comms-a|", ":words nospace", "--server-comms-address="},
		{"sync-servers --force|", ":words", "--force"},
		{"sync-servers --apik|", ":words nospace", "--apikey= --apikey-file="},
		{"register-with --env|", ":words nospace", "--environment="},
		{"configure --homed|", ":words nospace", "--homedir="},
		{"configure --hom|", ":words nospace", "--home="},
		{"restart-service --after|", ":words", ""},
		{"check --nologo --ve|", ":words", "--verbose"},
		{"check --verbose --ve|", ":words", ""},
		{"--verbose check --ve|", ":words", ""},
		{"check --no-such|", ":words", ""},
		{"check -- --fo|", ":words", ""},
		{"version |", ":words", "--format= --help --verbose --log-file="},
		{"version /|", ":words", "/format: /help /verbose /log-file:"},
		{"version x|", ":words", ""},

		// Values
		{"check --format=|", ":words", "--format=text --format=json --format=nagios --format=prometheus"},
		{"check --format |", ":words", "text json nagios prometheus"},
		{"check -FORMAT:J|", ":words", "-FORMAT:Json"},
		{"check /format:n|", ":words", "/format:nagios"},
		{"check --format json --format |", ":words", "text json nagios prometheus"},
		{"show-configuration --format=|", ":words", "--format=json --format=yaml"},
		{"check --require=ser|", ":words", "--require=server --require=service"},
		{"check --require=Service,ser|", ":words", "--require=Service,server"},
		{"check --require server --require ser|", ":words", "service"},
		{"register-with --comms-style tentaclea|", ":words", "tentacleactive"},
		{"register-with --env Dev --tenanted-deployment-participation=T|", ":words", "--tenanted-deployment-participation=TenantedOrUntenanted --tenanted-deployment-participation=Tenanted"},
		{"configure --noListen=|", ":words", "--noListen=true --noListen=false"},
		{"check --prove=|", ":words", "--prove=true --prove=false"},
		{"check --apikey=|", ":words", ""},
		{"check --apiKey |", ":words", ""},
		{"check --password s|", ":words", ""},
		{"create-instance --instance |", ":words", ""},

		// Files
		{"check --apikey-file |", ":files ", ""},
		{"check --apikey-file /etc/|", ":files ", ""},
		{"check --CONFIG=a/b|", ":files --CONFIG=", ""},
		{"check -config:a/b|", ":files -config:", ""},
		{"check /config:C:\\|", ":files /config:", ""},
		{"configure --appdir=|", ":folders --appdir=", ""},
		{"create-instance --home |", ":folders ", ""},
		{"fleet --reports a.json |", ":files ", ""},
		{"fleet --reports a.json b.json /tmp|", ":files ", ""},
		{"fleet --reports a.json -- -|", ":files ", ""},
		{"fleet a|", ":words", ""},
	} {
		first, values := completedAt(t, c.line)
		if first != c.first || strings.Join(values, " ") != c.values {
			t.Errorf("%s: %s %q, not %s %s", c.line, first, values, c.first, c.values)
		}
	}
	if first, _ := answerTo(t, nil); first != ":words" {
		t.Errorf("without a word: %q", first)
	}
}

// freeText are the options whose values nobody but the user knows, or that this machine does not
// tell: names in Octopus, secrets, numbers, times.
var freeText = []string{
	"apiKey", "bearerToken", "confirm", "default-namespace", "dependOn", "environment", "from-base64",
	"host", "last", "name", "newThumbprint", "password", "pfx-password", "policy", "pollingConnectionCount", "port",
	"proxy", "proxyHost", "proxyPassword", "proxyPort", "proxyUsername", "publicHostName", "reason", "restart-splay",
	"restart-wait", "role", "rollout-timeout", "server", "server-comms-port", "server-subscription-id",
	"server-web-socket", "server-web-socket-thumbprint", "space", "tenant", "tenanttag", "tentacle-comms-port",
	"timeout", "trust", "username", "web-socket", "workerpool",
	"source-config-map-name", "source-secret-name", "destination-config-map-name", "destination-secret-name",
}

// newIn are options that have values elsewhere, but mean something new in these commands.
var newIn = map[string][]string{
	"instance":             {"create-instance"},
	"server-comms-address": {"apply", "poll-server", "register-with", "register-worker", "register-k8s-target", "register-k8s-cluster", "register-k8s-worker"},
}

func TestTheValuesOfEveryOptionAreCompletedOrAnyText(t *testing.T) {
	used := map[string]bool{}
	for _, command := range testCommands() {
		line := readTyped(command, nil)
		for _, flag := range command.Flags {
			option := line.options[strings.ToLower(flag.Names()[0])]
			if !option.takesValue || !isOffered(flag) {
				continue
			}
			isFree := slices.Contains(freeText, option.name) || slices.Contains(newIn[option.name], command.Name)
			used[option.name] = true
			if isCompleted := line.valuesOf(option).what != ""; isCompleted == isFree {
				t.Errorf("%s --%s: is completed: %t, is any text: %t", command.Name, option.name, isCompleted, isFree)
			}
		}
	}
	for _, name := range freeText {
		if !used[name] {
			t.Errorf("there is no option --%s", name)
		}
	}
}

// TestFormatsAreThoseThatACommandAccepts: it lists them where it refuses another one.
func TestFormatsAreThoseThatACommandAccepts(t *testing.T) {
	tried := 0
	for _, command := range testCommands() {
		if _, has := optionsOf(command)["format"]; !has {
			continue
		}
		_, values := answerTo(t, []string{command.Name, "--format", ""})
		var out, err bytes.Buffer
		run(t.Context(), newConsole(strings.NewReader(""), &out, &err), []string{command.Name, "--format=other"})
		if want := fmt.Sprintf(`--format "other" is not known: use %s`, oneOf(values)); !strings.Contains(err.String(), want) {
			t.Errorf("%s: %q, and completed are %q", command.Name, err.String(), values)
		}
		tried++
	}
	if tried < 30 {
		t.Errorf("only %d commands were tried", tried)
	}
}

// toComplete makes a machine with all that there is to complete, some of it made to break
// something, and goes into its folder.
func toComplete(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	t.Chdir(home)
	t.Setenv("TentacleMachineConfigurationHomeDirectory", home)
	t.Setenv("KUBECONFIG", filepath.Join(home, "kubeconfig"))
	config := filepath.Join(home, "Tentacle.config")
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{`web`, `Web`, `Web2`, `My Box`, `-force`, `--format=x`, `/help`, `NAME`, `Ärger`, `a,b`, `new\nline`, `tab\tbed`, `\u001b[31mred`} {
		write(filepath.Join(home, "Tentacle", "Instances", fmt.Sprintf("i%d.config", i)),
			fmt.Sprintf(`{"Name": "%s", "ConfigurationFilePath": %q}`, name, config))
	}
	servers := `[]`
	for _, address := range []string{"https://octo1:10943", "https://octo2:10943", "https://user:hidden@octo3:10943", "https://a,b:1"} {
		servers = strings.TrimSuffix(servers, "]") + fmt.Sprintf(`,{"Thumbprint": "0123456789ABCDEF0123456789ABCDEF01234567", "CommunicationStyle": 2, "Address": %q, "Squid": null, "SubscriptionId": "poll://a/"}]`, address)
	}
	content := `<?xml version="1.0" encoding="utf-8"?><octopus-settings><set key="Tentacle.Communication.TrustedOctopusServers">` + strings.Replace(servers, "[,", "[", 1) + `</set></octopus-settings>`
	write(config, content)
	write(config+".bak-20261123T041500Z", content)
	write(config+".bak-20261123T041500Z-2", content)
	var contexts strings.Builder
	for i, name := range []string{"prod", "Prod", "with,comma", " space", "x\\ty"} {
		fmt.Fprintf(&contexts, "- {name: %q, context: {cluster: c, namespace: ns%d}}\n", strings.ReplaceAll(name, `\t`, "\t"), i)
	}
	write(filepath.Join(home, "kubeconfig"), "apiVersion: v1\nkind: Config\ncurrent-context: prod\nclusters:\n- {name: c, cluster: {server: \"https://127.0.0.1:1\"}}\ncontexts:\n"+contexts.String())
}

// TestEveryCandidateIsUnderstoodOnItsLine: it is no unknown option, and lacks no value.
func TestEveryCandidateIsUnderstoodOnItsLine(t *testing.T) {
	toComplete(t)
	commands := testCommands()
	tried := 0
	for _, command := range commands {
		options := optionsOf(command)
		begun := []string{"", "-", "--", "/", "--S", "-f", "/F"}
		for _, flag := range command.Flags {
			name := flag.Names()[0]
			begun = append(begun, "--"+name, "-"+strings.ToUpper(name)+"=", "/"+name+":", "--"+name+"=w", "--"+name+"=h", "--"+name+"=file,")
		}
		for _, word := range begun {
			_, values := answerTo(t, []string{command.Name, word})
			for _, value := range values {
				tried++
				if !strings.HasPrefix(value, word) {
					t.Errorf("%s: %q does not begin with %q", command.Name, value, word)
				}
				understood(t, commands, options, []string{command.Name}, value)
			}
		}
		for _, flag := range command.Flags {
			option := options[strings.ToLower(flag.Names()[0])]
			if !option.takesValue {
				continue
			}
			before := []string{command.Name, "--" + option.name}
			_, values := answerTo(t, append(before, ""))
			for _, value := range values {
				tried++
				understood(t, commands, options, before, value)
			}
		}
	}
	if tried < 5000 {
		t.Errorf("only %d candidates were tried", tried)
	}
}

func understood(t *testing.T, commands []*cli.Command, options map[string]option, before []string, value string) {
	t.Helper()
	if strings.ContainsAny(value, "\n\t\x1b") || strings.Contains(value, "hidden") {
		t.Errorf("%q: the candidate %q", before, value)
	}
	line := append(slices.Clone(before), value)
	name, given, hasValue, isOption := splitOption(value)
	if option := options[strings.ToLower(name)]; isOption && hasValue && given == "" {
		switch line[len(line)-1] += "x"; {
		case option.isTime:
			line[len(line)-1] = value + "1m"
		case !option.takesValue:
			line[len(line)-1] = value + "true"
		}
	}
	if _, err := rewriteArguments(commands, line); err != nil {
		t.Errorf("%q: %v", line, err)
	}
}

// TestNamesThatDifferInCaseAreToldApart: what is offered is one of them for certain.
func TestNamesThatDifferInCaseAreToldApart(t *testing.T) {
	toComplete(t)
	for _, c := range []struct{ line, values string }{
		{"check --instance=we|", "--instance=web --instance=web2"},
		{"check --instance=We|", "--instance=Web --instance=Web2"},
		{"check --instance=WE|", "--instance=WEb2"},
		{"check --instance=är|", "--instance=ärger"},
		{"check --namespace=ns1 --context=Pr|", "--context=Prod"},
		{"check --namespace=ns1 --context=prod,P|", "--context=prod,Prod"},
		{"check --context=prod --namespace=|", "--namespace=ns0"},
		{"check --namespace=ns|", "--namespace=ns0 --namespace=ns1 --namespace=ns2 --namespace=ns3 --namespace=ns4"},
		{"remove-server |", "https://octo1:10943 https://octo2:10943"},
		{"remove-server HTTPS://|", "HTTPS://octo1:10943 HTTPS://octo2:10943"},
		{"remove-server octo|", "octo1:10943 octo2:10943"},
		{"remove-server octo1:10943,oc|", "octo1:10943,octo2:10943"},
		{"remove-server https://octo1:10943 ht|", "https://octo2:10943"},
		{"remove-server --instance no-such ht|", ""},
		{"remove-server --namespace=ns1 ht|", ""},
		{"restore-backup 2026|", "20261123T041500Z-2 20261123T041500Z"},
		{"restore-backup --latest |", "--force --instance= --config= --service= --no-backup --no-restart --restart-wait= --restart-now --restart-splay= --confirm= --dry-run --reason= --format= --help --verbose --log-file="},
		{"restart-service --confirm-backup=2|", "--confirm-backup=20261123T041500Z-2 --confirm-backup=20261123T041500Z"},
	} {
		if _, values := completedAt(t, c.line); strings.Join(values, " ") != c.values {
			t.Errorf("%s: %q, not %s", c.line, values, c.values)
		}
	}
}

// FuzzComplete: whatever was typed, there is one directive, and each candidate begins with it.
func FuzzComplete(f *testing.F) {
	for _, seed := range []string{
		"", "po", "sync-servers\x00--FO", "check\x00/format:J", "check\x00--require=a,\x00", "help\x00", "remove-server\x00--\x00h",
		"--log-file\x00", "check\x00--config=\n", "check\x00--instance=\xff", "check\x00--config\x00--\x00-", "\x00\x00/", "check\x00ſ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\x00")
		answer := completionOf(words).String()
		first, rest, _ := strings.Cut(answer, "\n")
		switch {
		case first == ":words", first == ":words nospace":
		case strings.HasPrefix(first, ":files "), strings.HasPrefix(first, ":folders "):
			if _, prefix, _ := strings.Cut(first, " "); rest != "" || !strings.HasPrefix(words[len(words)-1], prefix) {
				t.Errorf("%q: %q", words, answer)
			}
		default:
			t.Errorf("%q: %q", words, answer)
		}
		for candidate := range strings.Lines(rest) {
			value, _, hasTab := strings.Cut(candidate, "\t")
			if !hasTab || !strings.HasPrefix(value, words[len(words)-1]) || value == "" {
				t.Errorf("%q: %q", words, candidate)
			}
		}
	})
}

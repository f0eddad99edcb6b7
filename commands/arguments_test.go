package commands

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func testCommands() []*cli.Command {
	return newApp(newConsole(strings.NewReader(""), new(bytes.Buffer), new(bytes.Buffer)), "").Commands
}

func TestArgumentsInEverySpellingMeanTheSame(t *testing.T) {
	for _, c := range []struct {
		name string
		in   string
		want string
	}{
		{"equals sign", "poll-server --server=http://o", "poll-server --server=http://o"},
		{"next argument", "poll-server --server http://o", "poll-server --server=http://o"},
		{"slash and colon", "poll-server /server:http://o", "poll-server --server=http://o"},
		{"one dash, other case", "POLL-Server -SERVER=http://o", "poll-server --server=http://o"},
		{"dash as a value", "poll-server --apikey-file -", "poll-server --apikey-file=-"},
		{"empty value", "poll-server --server= --dry-run", "poll-server --dry-run=true"},
		{"switch with a value", "poll-server --DRY-RUN=False", "poll-server --dry-run=false"},
		{"switch that is on", "poll-server --dry-run=YES", "poll-server --dry-run=true"},
		{"alias", "register-with -r web --env=Dev", "register-with --role=web --environment=Dev"},
		{"h is publicHostName of register-with", "register-with -h web", "register-with --publicHostName=web"},
		{"h is help elsewhere", "poll-server -h", "poll-server --help=true"},
		{"ignored switches", "--console poll-server /NOLOGO --noninteractive", "poll-server"},
		{"a path is a value", "poll-server --config /etc/octopus/Tentacle.config", "poll-server --config=/etc/octopus/Tentacle.config"},
		{"a path like an option is a value", "poll-server --config /instance", "poll-server --config=/instance"},
		{"command as an option", "/help poll-server", "poll-server --help=true"},
		{"second separator belongs to the value", "poll-server -server:a=b:c", "poll-server --server=a=b:c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := rewriteArguments(testCommands(), strings.Fields(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", strings.Join(got, " "), c.want)
			}
		})
	}
}

// TestEveryOptionOfTentacleIsAccepted: as its help lists them, of the
// commands that register and poll, with the default that it names.
func TestEveryOptionOfTentacleIsAccepted(t *testing.T) {
	const (
		api        = "instance= config= server= apiKey= bearerToken= u=username username= user=username p=password password= ignoreSslErrors console nologo noninteractive noconsolelogging help"
		nodes      = " server-comms-address= server-comms-port= server-web-socket= server-web-socket-thumbprint= dangerously-skip-certificate-validation"
		registered = api + nodes + " name= policy= space= h=publicHostName publicHostName= f=force force comms-style= server-subscription-id= tentacle-comms-port= proxy="
		target     = registered + " env=environment environment= r=role role= tenant= tenanttag= tenanted-deployment-participation="
		worker     = registered + " workerpool="
	)
	for command, names := range map[string]string{
		"poll-server":          api + nodes + " reuse-server-thumbprint",
		"register-with":        target,
		"register-worker":      worker,
		"register-k8s-target":  target + " default-namespace=",
		"register-k8s-cluster": target + " default-namespace=",
		"register-k8s-worker":  worker,
	} {
		for _, option := range strings.Fields(names) {
			name, canonical, takesValue := strings.Cut(option, "=")
			isSwitch := !takesValue || canonical == "force"
			argument, want := "-"+name, command+" --"+cmp.Or(canonical, name)+"=true"
			switch {
			case !isSwitch:
				argument, want = "/"+strings.ToUpper(name)+":x", command+" --"+cmp.Or(canonical, name)+"=x"
			case slices.Contains(ignoredSwitches, name):
				want = command
			}
			got, err := rewriteArguments(testCommands(), []string{command, argument})
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s %s: got %q, %v; want %q", command, argument, got, err, want)
			}
		}
	}
	for _, command := range testCommands() {
		for _, flag := range command.Flags {
			if f, ok := flag.(*cli.StringFlag); ok && f.Name == "comms-style" && f.Value != "TentaclePassive" {
				t.Errorf("%s --comms-style is %q by default", command.Name, f.Value)
			}
		}
	}
}

// TestEveryOptionCanBeWrittenAsOnWindows: by each of its names, in any case.
func TestEveryOptionCanBeWrittenAsOnWindows(t *testing.T) {
	options, commands := 0, testCommands()
	for _, command := range commands {
		for _, flag := range command.Flags {
			_, isSwitch := flag.(*cli.BoolFlag)
			_, isTime := flag.(*cli.DurationFlag)
			value := `C:\Octopus Files\a=b/c:d`
			switch {
			case isSwitch:
				value = "true"
			case isTime:
				value = "90s"
			}
			for _, name := range flag.Names() {
				options++
				spellings := [][]string{
					{"/" + name + ":" + value}, {"/" + strings.ToUpper(name) + "=" + value}, {"-" + strings.ToLower(name) + ":" + value}, {"--" + name + ":" + value},
				}
				if isSwitch {
					spellings = append(spellings, []string{"/" + name}, []string{"-" + strings.ToUpper(name)})
				} else {
					spellings = append(spellings, []string{"/" + name, value}, []string{"-" + name, value})
				}
				want := []string{command.Name, "--" + flag.Names()[0] + "=" + value}
				for _, spelling := range spellings {
					got, err := rewriteArguments(commands, append([]string{"/" + strings.ToUpper(command.Name)}, spelling...))
					if err != nil || !slices.Equal(got, want) {
						t.Errorf("%s %q: %q, %v; want %q", command.Name, spelling, got, err, want)
					}
				}
			}
		}
	}
	if options < 400 {
		t.Errorf("only %d options were tried", options)
	}
}

// FuzzRewriteArguments: whatever is typed, the result is a command with
// options of its own, or an error; and a key is never in the error.
func FuzzRewriteArguments(f *testing.F) {
	for _, seed := range []string{
		"poll-server\x00--server=http://o\x00--apikey\x00SECRETKEY",
		"poll-server\x00/apikey:SECRETKEY\x00-f",
		"register-with\x00-h\x00web\x00SECRETKEY",
		"--console\x00list-servers\x00--\x00x",
		"\x00", "poll-server\x00--=\x00-\x00/", "SECRETKEY",
	} {
		f.Add(seed)
	}
	commands := testCommands()
	f.Fuzz(func(t *testing.T, line string) {
		arguments := strings.Split(line, "\x00")
		rewritten, err := rewriteArguments(commands, arguments)
		if err != nil {
			// The command's name and an option's name are repeated, values never are.
			for _, argument := range arguments[min(1, len(arguments)):] {
				_, value, hasValue, isOption := splitOption(argument)
				if isOption && hasValue && strings.Contains(value, "SECRETKEY") && strings.Contains(err.Error(), value) {
					t.Errorf("error shows a value: %v", err)
				}
			}
			return
		}
		command, err := findCommand(commands, rewritten[0])
		if err != nil {
			t.Fatalf("rewritten to no command: %q", rewritten)
		}
		options := optionsOf(command)
		for _, argument := range rewritten[1:] {
			if argument == "--" {
				break
			}
			name, _, hasValue, isOption := splitOption(argument)
			if _, known := options[strings.ToLower(name)]; !isOption || !hasValue || !known {
				t.Errorf("%q is no option with a value (from %q)", argument, arguments)
			}
		}
	})
}

func TestAMisspeltNameIsAnsweredWithTheNearest(t *testing.T) {
	for typed, want := range map[string]string{
		"pol-server":      "poll-server",
		"poll-servers":    "poll-server",
		"list":            "list-servers",
		"regsiter-with":   "register-with",
		"verison":         "version",
		"something-else!": "",
	} {
		_, err := findCommand(testCommands(), typed)
		var noSuchCommand noSuchCommandError
		if !errors.As(err, &noSuchCommand) {
			t.Fatalf("%s: %v", typed, err)
		}
		if offered := strings.Contains(err.Error(), "did you mean "+want); want != "" && !offered {
			t.Errorf("%s: %v does not offer %s", typed, err, want)
		}
		if want == "" && strings.Contains(err.Error(), "did you mean") {
			t.Errorf("%s: %v", typed, err)
		}
	}
}

func TestPortListsAndRangesAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string][]int{
		"10943":                    {10943},
		"10943-10945":              {10943, 10944, 10945},
		"10943-10945,10950":        {10943, 10944, 10945, 10950},
		" 10943 , 10944 , 10943 ,": {10943, 10944},
		"":                         nil,
	} {
		got, err := parsePorts(commaSeparated([]string{text}))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"0", "65536", "-1", "1-", "-", "10945-10943", "1-65535", "ten", "10943.5", "10943-10944-10945"} {
		if got, err := parsePorts(commaSeparated([]string{text})); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func TestEveryPortIsPolledAtEveryAddressOnce(t *testing.T) {
	for _, c := range []struct {
		addresses, ports string
		want             string
	}{
		{"", "", "https://octo.example.com:10943"},
		{"", "10943-10944", "https://octo.example.com:10943 https://octo.example.com:10944"},
		{"https://a:1,https://b", "", "https://a:1 https://b:443"},
		{"https://a:1,https://b", "10943,10944", "https://a:10943 https://a:10944 https://b:10943 https://b:10944"},
		{"https://a:10943/,https://A:10943", "", "https://a:10943"},
		{"http://a:10943", "", "https://a:10943"},
		{"https://[::1]:5", "10943", "https://[::1]:10943"},
	} {
		o := nodeOptions{address: *cli.NewStringSlice(c.addresses), port: *cli.NewStringSlice(c.ports)}
		got, err := o.addresses("https://octo.example.com/app", "linux")
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%q at %q: %q, %v; want %q", c.ports, c.addresses, got, err, c.want)
		}
	}
}

func TestAListInBracesIsShownWithoutThem(t *testing.T) {
	for text, want := range map[string]string{
		"{https://a:1,https://b:2}":        "https://a:1,https://b:2",
		"{https://a:1}":                    "https://a:1",
		`["https://a:1", "https://[::1]"]`: "https://a:1,https://[::1]",
		`[ 'https://a:1','https://b:2' ]`:  "https://a:1,https://b:2",
		"{https://a:1":                     "https://a:1",
		"https://a:1,https://b:2":          "",
		"[::1]:10943":                      "",
		"{a}":                              "",
		"":                                 "",
	} {
		if got := withoutBraces(commaSeparated([]string{text})); got != want {
			t.Errorf("%s: %q, not %q", text, got, want)
		}
	}
}

func TestTheCertificateOfAWebSocketIsChosenInOneWay(t *testing.T) {
	const thumbprint = "0123456789abcdef0123456789abcdef01234567"
	for name, c := range map[string]struct {
		webSocket string
		trust     webSocketTrust
		want      string // what the error says; "": none
	}{
		"a valid one":                {"wss://octopus/OctopusComms", webSocketTrust{}, ""},
		"the expected one":           {"wss://octopus/OctopusComms", webSocketTrust{thumbprint: " " + thumbprint}, ""},
		"the expected one, pasted":   {"wss://octopus/OctopusComms", webSocketTrust{thumbprint: "\u200e" + strings.ReplaceAll(thumbprint, "01", "01 ")}, ""},
		"any":                        {"wss://octopus/OctopusComms", webSocketTrust{any: true}, ""},
		"any, without a web socket":  {"", webSocketTrust{any: true}, ""}, // in a script for all
		"the expected one and any":   {"wss://octopus/OctopusComms", webSocketTrust{thumbprint: thumbprint, any: true}, "cannot be combined"},
		"half a thumbprint":          {"wss://octopus/OctopusComms", webSocketTrust{thumbprint: thumbprint[20:]}, "40 hexadecimal digits"},
		"the expected one of a port": {"", webSocketTrust{thumbprint: thumbprint}, "--server-web-socket-thumbprint is for --server-web-socket"},
	} {
		o := nodeOptions{webSocket: c.webSocket, webSocketTrust: c.trust}
		_, err := o.addresses("https://octopus.example.com", "windows")
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWebSocketsAreForWindows(t *testing.T) {
	o := nodeOptions{webSocket: "https://octopus.example.com/OctopusComms"}
	if _, err := o.addresses("https://octopus.example.com", "linux"); err == nil || !strings.Contains(err.Error(), "Windows only") {
		t.Errorf("on Linux: %v", err)
	}
	got, err := o.addresses("https://octopus.example.com", "windows")
	if err != nil || !slices.Equal(got, []string{"wss://octopus.example.com/OctopusComms"}) {
		t.Errorf("on Windows: %v, %v", got, err)
	}
}

package commands

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

const (
	fleetOwn   = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	fleetNonce = "0123456789abcdef0123456789abcdef"
)

// bashOutput runs the script as Calamari does: its output, in a folder with this configuration
// and environment.
func bashOutput(t *testing.T, config string, environment ...string) []string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("there is no bash here")
	}
	home := t.TempDir()
	write := func(path, content string) {
		path = filepath.Join(home, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("machine/Tentacle/Instances/web-server.config",
		fmt.Sprintf("{\n  \"Name\": \"Web Server\",\n  \"ConfigurationFilePath\": %q\n}", filepath.Join(home, "in a folder", "Tentacle.config")))
	write("machine/Tentacle/Instances/other.config", `{"Name":"other","ConfigurationFilePath":"/nowhere/Tentacle.config"}`)
	if config != "" {
		write("in a folder/Tentacle.config", config)
	}
	bootstrap := "get_octopusvariable() { [ \"$1\" = Octopus.Machine.Id ] && printf 'Machines-7'; }\nset -e\n"
	cmd := exec.Command(bash, "-c", bootstrap+strings.ReplaceAll(fleetBash, "NONCE", fleetNonce))
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "TentacleInstanceName=Web Server",
		"TentacleMachineConfigurationHomeDirectory=" + filepath.Join(home, "machine"), "HOME_OF_TEST=" + home,
	}, environment...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return strings.Split(strings.TrimSpace(string(output)), "\n")
}

func configOf(servers string) string {
	return "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<octopus-settings xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\r\n" +
		"  <set key=\"Octopus.Home\">/etc/octopus</set>\r\n" +
		"  <set key=\"Tentacle.Certificate\" encrypted=\"true\">c2VjcmV0IGtleQ==</set>\r\n" +
		"  <set key=\"Tentacle.CertificateThumbprint\">" + fleetOwn + "</set>\r\n" + servers + "\r\n</octopus-settings>\r\n"
}

func TestTheScriptPrintsWhatTheTentaclePollsAndNoSecret(t *testing.T) {
	t.Parallel()
	const list = `[{"Thumbprint":"B","CommunicationStyle":2,"Address":"https://octo1:10943","Squid":null,"SubscriptionId":"poll://abcdefgh0123456789xy/"},` +
		`{"Thumbprint":"B","CommunicationStyle":2,"Address":"https://octo2:10943/?a&amp;b","Squid":"SQ-WEB01-ABCDEF01","SubscriptionId":"POLL://abcdefgh0123456789xy/"}]`
	for name, servers := range map[string]string{
		"as Tentacle writes it": `<set key="Tentacle.Communication.TrustedOctopusServers">` + list + `</set>`,
		"on several lines":      "<set\n  key='tentacle.communication.trustedoctopusservers' >\n" + strings.ReplaceAll(list, ",{", ",\n{") + "\n</set>",
		"escaped":               `<set key="Tentacle.Communication.TrustedOctopusServers">` + strings.ReplaceAll(list, `"`, "&quot;") + `</set>`,
		"as CDATA": `<set key="Tentacle.Communication.TrustedOctopusServers"><![CDATA[` + strings.ReplaceAll(list, "&amp;", "&") +
			`]]></set><set key="Tentacle.Services.NoListen">true</set>`,
		"beside an older one in a comment": `<set key="Tentacle.Communication.TrustedOctopusServers">` + list + `</set>` +
			"\r\n<!-- <set key=\"Tentacle.Communication.TrustedOctopusServers\">[]</set>\r\n -->",
		"the last of two": `<set key="Tentacle.Communication.TrustedOctopusServers">[]</set><set key="Tentacle.Communication.TrustedOctopusServers">` + list + `</set>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := bashOutput(t, configOf(servers))
			if len(lines) != 1 {
				t.Fatalf("%q", lines)
			}
			a, is := readAnswer("12:00:01   Info     |       "+lines[0], fleetNonce)
			if !is || a.failed != "" {
				t.Fatalf("%v %q: %q", is, a.failed, lines)
			}
			var polled []string
			for _, s := range a.servers {
				polled = append(polled, s.Address+" "+s.SubscriptionID)
			}
			if a.id != "Machines-7" || a.thumbprint != fleetOwn || strings.ToLower(strings.Join(polled, ", ")) != "https://octo1:10943 poll://abcdefgh/, https://octo2:10943/?a&b poll://abcdefgh/" {
				t.Errorf("%s, %s, %q", a.id, a.thumbprint, polled)
			}
			printed, err := base64.StdEncoding.DecodeString(a.text)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"0123456789xy", "secret key", "c2VjcmV0", "SQ-WEB01-ABC"} {
				if strings.Contains(string(printed), secret) {
					t.Errorf("it prints %q: %s", secret, printed)
				}
			}
		})
	}
}

func TestTheScriptSaysWhyItCannotTell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, config string
		environment  []string
		want         string
	}{
		{"no configuration", "", nil, "the script did not find its configuration"},
		{"another instance", "", []string{"TentacleInstanceName=other"}, "the script did not find its configuration"},
		{"no list", configOf(`<set key="Tentacle.Communication.TrustedOctopusServers">oops</set>`), nil, "its trusted servers are not a list"},
		{"a long list", configOf(`<set key="Tentacle.Communication.TrustedOctopusServers">` + strings.Repeat("x", 200_000) + `</set>`), nil, "its list of trusted servers is too long for a log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lines := bashOutput(t, c.config, c.environment...)
			a, is := readAnswer(lines[0], fleetNonce)
			if !is || !strings.HasPrefix(a.failed, c.want) || a.id != "Machines-7" || len(lines) != 1 {
				t.Errorf("%v %+v of %q", is, a, lines)
			}
		})
	}
}

func TestTheScriptUsesWhatTheTentacleUses(t *testing.T) {
	t.Parallel()
	empty := configOf(`<set key="Tentacle.Communication.TrustedOctopusServers">[]</set>`)
	const variable = `TENTACLE_TRUSTED_SERVERS=[{"Thumbprint":"B","CommunicationStyle":2,"Address":"https://octo9:10943","SubscriptionId":"poll://abcdefgh0123456789xy/"}]`
	for contributes, want := range map[string]int{"true": 1, "True": 1, "false": 0, "": 0} {
		a, _ := readAnswer(bashOutput(t, empty, variable, "OCTOPUS_CONTRIBUTE_ENV_SETTINGS="+contributes)[0], fleetNonce)
		if len(a.servers) != want || a.overridden != (want == 1) || a.failed != "" {
			t.Errorf("OCTOPUS_CONTRIBUTE_ENV_SETTINGS=%s: %+v", contributes, a)
		}
	}
}

// TestTheScriptsHaveNothingThatOctopusReplaces, nor anything beyond ASCII, which Windows PowerShell
// reads by its code page.
func TestTheScriptsHaveNothingThatOctopusReplaces(t *testing.T) {
	t.Parallel()
	for _, script := range []string{fleetBash, fleetPowerShell} {
		if strings.Contains(script, "#{") || strings.Count(script, "NONCE") != 1 || !isASCII([]byte(script)) {
			t.Errorf("%s", script)
		}
	}
}

// answerOf is what a stand-in prints.
func answerOf(id, own, subscription, address string) string {
	return octotest.FleetAnswer(strings.TrimSpace(marker(fleetNonce)), id, own,
		fmt.Sprintf(`[{"Thumbprint":"B","CommunicationStyle":2,"Address":%q,"SubscriptionId":"poll://%s/"}]`, address, subscription))
}

func evident(id, own, subscription string) *fleet.Evident {
	return &fleet.Evident{State: fleet.NotAsked, Inventoried: octoapi.Inventoried{ID: id,
		Endpoint: octoapi.Endpoint{CommunicationStyle: octoapi.Polling, Thumbprint: own, URI: "poll://" + subscription + "/"}}}
}

func TestALogIsBelievedAsFarAsItsLinesFitTheMachines(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("C", 40)
	own := answerOf("Machines-1", fleetOwn, "aaaaaaaa", "https://octo1:10943")
	for _, c := range []struct {
		name  string
		lines []string
		want  string // the states of the three machines, and what they poll
	}{
		{"an answer, after a prefix", []string{"12:00   Info | " + own}, "answered https://octo1:10943, not-asked, not-asked"},
		{"an answer twice", []string{own, own}, "answered https://octo1:10943, not-asked, not-asked"},
		{"without the ID of the machine", []string{answerOf("-", fleetOwn, "bbbbbbbb", "https://octo2:10943")}, "not-asked, answered https://octo2:10943, not-asked"},
		{"of a certificate that nobody else has", []string{answerOf("-", other, "zzzzzzzz", "https://octo2:10943")}, "not-asked, not-asked, answered https://octo2:10943"},
		{"with the ID of another task's machine", []string{answerOf("Machines-9", fleetOwn, "aaaaaaaa", "https://octo1:10943")}, "answered https://octo1:10943, not-asked, not-asked"},
		{"in two ways", []string{own, answerOf("Machines-1", fleetOwn, "aaaaaaaa", "https://octo2:10943")}, "unreadable, not-asked, not-asked"},
		{"in two ways, and the first again", []string{own, answerOf("Machines-1", fleetOwn, "aaaaaaaa", "https://octo2:10943"), own}, "unreadable, not-asked, not-asked"},
		{"of a stranger", []string{answerOf("-", strings.Repeat("D", 40), "aaaaaaaa", "https://octo1:10943")}, "not-asked, not-asked, not-asked"},
		{"for another one, with one's own certificate", []string{answerOf("Machines-1", other, "aaaaaaaa", "https://evil:10943")}, "not-asked, not-asked, answered https://evil:10943"},
		{"cut", []string{own[:len(own)-20]}, "unreadable, not-asked, not-asked"},
		{"cut in front", []string{own[30:]}, "not-asked, not-asked, not-asked"},
		{"glued to another", []string{own + own}, "unreadable, not-asked, not-asked"},
		{"of another task", []string{strings.ReplaceAll(own, fleetNonce, strings.Repeat("0", 32))}, "not-asked, not-asked, not-asked"},
		{"a reason", []string{marker(fleetNonce) + "Machines-2 failed no-access"}, "not-asked, unreadable, not-asked"},
		{"a reason of nobody", []string{marker(fleetNonce) + "- failed no-access"}, "not-asked, not-asked, not-asked"},
		{"nothing", []string{marker(fleetNonce), "", "noise"}, "not-asked, not-asked, not-asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			machines := []*fleet.Evident{evident("Machines-1", fleetOwn, "aaaaaaaa000000000001"), evident("Machines-2", fleetOwn, "bbbbbbbb000000000002"), evident("Machines-3", other, "zzzzzzzz000000000003")}
			takeAnswers(machines, c.lines, fleetNonce)
			var got []string
			for _, m := range machines {
				state := string(m.State)
				for _, s := range m.Servers {
					state += " " + s.Address
				}
				got = append(got, state)
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("%q, not %q", strings.Join(got, ", "), c.want)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("Info | " + answerOf("Machines-1", fleetOwn, "aaaaaaaa", "https://octo1:10943"))
	f.Add(marker(fleetNonce) + "- failed no-access")
	f.Add(marker(fleetNonce) + "x ok 4 MQo= end")
	f.Fuzz(func(t *testing.T, line string) {
		a, is := readAnswer(line, fleetNonce)
		if is && a.failed == "" && a.text == "" {
			t.Errorf("%q is taken for an answer", line)
		}
	})
}

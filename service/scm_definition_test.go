package service

import (
	"slices"
	"strings"
	"testing"
)

func TestACommandLineOfWindowsIsSplitIntoWords(t *testing.T) {
	for line, want := range map[string][]string{
		``:                           nil,
		`"C:\a b\T.exe" run`:         {`C:\a b\T.exe`, "run"},
		"C:\\T.exe  run\t--x=1 ":     {`C:\T.exe`, "run", "--x=1"},
		`T.exe --instance="My Web"`:  {"T.exe", "--instance=My Web"},
		`T.exe "--instance=My Web"`:  {"T.exe", "--instance=My Web"},
		`T.exe "a\"b" "c\\" d\e`:     {"T.exe", `a"b`, `c\`, `d\e`},
		`T.exe "" 'x y'`:             {"T.exe", "", "'x", "y'"},
		`T.exe --config="C:\a\\\"b"`: {"T.exe", `--config=C:\a\"b`},
		`T.exe Täntäcle`:             {"T.exe", "Täntäcle"},
	} {
		if got := splitCommandLine(line); !slices.Equal(got, want) {
			t.Errorf("%s is split into %q, not %q", line, got, want)
		}
	}
	for _, text := range []string{"", "a b", `C:\a\`, `say "hi"`, `\"`, `\\"\`} {
		if got := splitCommandLine("x " + windowsQuoted(text)); len(got) != 2 || got[1] != text {
			t.Errorf("%s is read back as %q", text, got)
		}
	}
}

func TestACommandLineOfATentacleIsRecognised(t *testing.T) {
	usual := tentacleCommand{program: `C:\T\Tentacle.exe`, option: "instance", value: "web"}
	for line, want := range map[string]tentacleCommand{
		`"C:\T\Tentacle.exe" run --instance="web"`:           usual,
		`C:\T\Tentacle.exe RUN /Instance:web`:                usual,
		`C:\T\Tentacle.exe run -instance web`:                usual,
		`C:\T\Tentacle.exe run --console --instance=web "a"`: {usual.program, "instance", "web", []string{"--console", "a"}},
		`C:\T\Tentacle.exe run --config="D:\a b\T.config"`:   {usual.program, "config", `D:\a b\T.config`, nil},
	} {
		got, is := readCommand(line)
		if !is || got.program != want.program || got.option != want.option || got.value != want.value || !slices.Equal(got.more, want.more) {
			t.Errorf("%s: %+v, %v", line, got, is)
		}
	}
	for _, line := range []string{
		"", `"C:\nssm\nssm.exe"`, `C:\T\Tentacle.exe`, `C:\T\Tentacle.exe run`, `C:\T\Tentacle.exe run --console`,
		`C:\T\Tentacle.exe agent --instance=web`, `C:\x\wrap.exe C:\T\Tentacle.exe run --instance=web`,
		`C:\Program Files\Tentacle.exe run --instance=web`, // whose program may be C:\Program.exe
	} {
		if got, is := readCommand(line); is {
			t.Errorf("%s is taken for a Tentacle's: %+v", line, got)
		}
	}
}

// TestAServiceIsInstalledOverWhatAPersonChanged changes one part of an installed service, and
// installs it again.
func TestAServiceIsInstalledOverWhatAPersonChanged(t *testing.T) {
	d := Definition{Name: "OctopusDeploy Tentacle: web", Program: `C:\T\Tentacle.exe`, Instance: "web", Account: `CORP\svc`}
	usual := d.scm()
	for _, c := range []struct {
		what     string
		change   func(*scmService)
		asked    func(*Definition) // what else is asked for
		kept     string            // what --install keeps
		changed  bool              // the definition is changed by --install
		replaced bool              // and by --reconfigure
	}{
		{what: "nothing"},
		{what: "the case of the account", change: func(s *scmService) { s.account = `corp\SVC` }},
		{what: "the spelling of the command", change: func(s *scmService) { s.commandLine = `c:/t/tentacle.exe run /instance:WEB` }},
		{what: "the order of dependencies", change: func(s *scmService) { s.dependsOn = []string{"tcpip", "LANMANWORKSTATION"} }},
		{what: "a dependency", change: func(s *scmService) { s.dependsOn = append(s.dependsOn, "MSSQLSERVER") }, kept: "dependency on MSSQLSERVER", replaced: true},
		{what: "no dependency", change: func(s *scmService) { s.dependsOn = []string{"TCPIP"} }, kept: "no dependency on LanmanWorkstation", replaced: true},
		{what: "a dependency, and another is asked for", change: func(s *scmService) { s.dependsOn = append(s.dependsOn, "MSSQLSERVER") },
			asked: func(d *Definition) { d.DependsOn = []string{"MSMQ"} }, kept: "dependency on MSSQLSERVER", changed: true, replaced: true},
		{what: "a dependency that is asked for", change: func(s *scmService) { s.dependsOn = append(s.dependsOn, "MSMQ") },
			asked: func(d *Definition) { d.DependsOn = []string{"msmq"} }},
		{what: "a manual start", change: func(s *scmService) { s.start = manual }, kept: "start type manual", replaced: true},
		{what: "a delayed start", change: func(s *scmService) { s.start = delayedStart }, kept: "start type automatic, delayed", replaced: true},
		{what: "the display name", change: func(s *scmService) { s.displayName = "Web" }, kept: `display name "Web"`, replaced: true},
		{what: "the description", change: func(s *scmService) { s.description = "of Bob" }, kept: `description "of Bob"`, replaced: true},
		{what: "an option", change: func(s *scmService) { s.commandLine += " --console" }, kept: "option --console", replaced: true},
		{what: "an option, and the program moves", change: func(s *scmService) { s.commandLine += " --console" },
			asked: func(d *Definition) { d.Program = `D:\T\Tentacle.exe` }, kept: "option --console", changed: true, replaced: true},
		{what: "the program", change: func(s *scmService) { s.commandLine = `"D:\T\Tentacle.exe" run --instance="web"` }, changed: true, replaced: true},
		{what: "the instance", change: func(s *scmService) { s.commandLine = `"C:\T\Tentacle.exe" run --instance="db"` }, changed: true, replaced: true},
		{what: "another command", change: func(s *scmService) { s.commandLine = `C:\nssm\nssm.exe` }, changed: true, replaced: true}, // which a plan refuses
		{what: "another account", change: func(s *scmService) { s.account = `CORP\other` }, changed: true, replaced: true},
	} {
		t.Run(c.what, func(t *testing.T) {
			now := usual
			now.dependsOn = slices.Clone(usual.dependsOn)
			wanted := d
			if c.change != nil {
				c.change(&now)
			}
			if c.asked != nil {
				c.asked(&wanted)
			}
			found := Installation{Exists: true, Text: now.text(), scm: &now}
			installed := wanted.Over(found, false)
			if got := strings.Join(installed.Kept(), "; "); got != c.kept || (installed.Text("windows") != now.text()) != c.changed {
				t.Errorf("install keeps %q, and makes\n%s", got, installed.Text("windows"))
			}
			replaced := wanted.Over(found, true)
			if len(replaced.Kept()) > 0 || (replaced.Text("windows") != now.text()) != c.replaced {
				t.Errorf("reconfigure keeps %q, and makes\n%s", replaced.Kept(), replaced.Text("windows"))
			}
			// A second run has nothing to do.
			for again, replace := range map[*Definition]bool{&installed: false, &replaced: true} {
				after := again.scm()
				if got := wanted.Over(Installation{Exists: true, scm: &after}, replace).Text("windows"); got != after.text() {
					t.Errorf("a second run, replacing %v, makes\n%sof\n%s", replace, got, after.text())
				}
			}
		})
	}
	unit := Definition{Name: "web", Program: "/opt/Tentacle", Instance: "web", Account: "octopus"}
	if got := unit.Over(Installation{Exists: true, Text: "[Unit]"}, false); got.Text("linux") != unit.Text("linux") {
		t.Errorf("a unit becomes\n%s", got.Text("linux"))
	}
	moved := d
	moved.Program = `D:\T\Tentacle.exe`
	now := usual
	now.commandLine += ` --x="a b"`
	if got := moved.Over(Installation{scm: &now}, false).scm().commandLine; got != `"D:\T\Tentacle.exe" run --instance="web" "--x=a b"` {
		t.Errorf("the command line becomes %s", got)
	}
}

package service

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestAUnitIsTheOneThatTentacleWrites(t *testing.T) {
	for name, tt := range map[string]struct {
		d    Definition
		want []string // the lines that depend on the definition: After, User, ExecStart
	}{
		"instance": {
			Definition{Program: "/opt/octopus/tentacle/Tentacle", Instance: "Tentacle"},
			[]string{"network.target", "root", "/opt/octopus/tentacle/Tentacle run --instance=Tentacle --noninteractive"},
		},
		"file, user and dependencies": {
			Definition{Program: "/usr/bin/Tentacle", Config: "/srv/t/Tentacle.config", Account: "octopus", DependsOn: []string{"postgresql.service", "nfs remote-fs.target"}},
			[]string{"network.target postgresql.service nfs.service remote-fs.target", "octopus", "/usr/bin/Tentacle run --config=/srv/t/Tentacle.config --noninteractive"},
		},
		"name with spaces": {
			Definition{Program: "/opt/My Tentacle/Tentacle", Instance: "My  Polling Tentacle"},
			[]string{"network.target", "root", `"/opt/My Tentacle/Tentacle" run "--instance=My  Polling Tentacle" --noninteractive`},
		},
		"everything that systemd would read otherwise": {
			Definition{Program: "/opt/50%$x/Tentacle", Instance: `50% $HOME ${HOME} "quoted" 'it' back\slash ;`, Account: "a%u"},
			[]string{"network.target", "a%%u", `/opt/50%%$x/Tentacle run "--instance=50%% $$HOME $${HOME} \"quoted\" 'it' back\\slash ;" --noninteractive`},
		},
		"letters of all languages": {
			Definition{Program: "/opt/Tentacle", Instance: "Täntäcle"},
			[]string{"network.target", "root", "/opt/Tentacle run --instance=Täntäcle --noninteractive"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := "[Unit]\nDescription=Octopus Deploy: Tentacle deployment agent\nAfter=" + tt.want[0] +
				"\n\n[Service]\nType=simple\nUser=" + tt.want[1] + "\nExecStart=" + tt.want[2] + "\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n"
			if got := tt.d.Text("linux"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if isCustomized(want) {
				t.Error("it is taken for a customized one")
			}
		})
	}
}

func TestAUnitThatWasChangedByHandIsRecognised(t *testing.T) {
	unit := Definition{Program: "/opt/Tentacle", Instance: "web"}.Text("linux")
	for part, replacement := range map[string]string{
		"User=root\n":        "User=root\nEnvironment=HTTP_PROXY=http://proxy:3128\n",
		"Restart=always\n":   "Restart=on-failure\n",
		"Type=simple\n":      "",
		"[Unit]\n":           "# ours\n[Unit]\n",
		"=/opt/Tentacle run": "=/usr/bin/nice /opt/Tentacle run",
		" --noninteractive":  " --noninteractive --console",
		"run --instance=":    "agent --instance=",
	} {
		changed := strings.Replace(unit, part, replacement, 1)
		if changed == unit || !isCustomized(changed) {
			t.Errorf("with %q for %q it is not", replacement, part)
		}
	}
	// Tentacle puts no quotes around an instance's name.
	if isCustomized(strings.Replace(unit, "=web", "=My Web", 1)) || isCustomized(strings.ReplaceAll(unit, "\n", "\r\n")) {
		t.Error("one that Tentacle wrote is taken for a customized one")
	}
}

func TestAWindowsServiceIsTheOneThatTentacleMakes(t *testing.T) {
	d := Definition{Name: "OctopusDeploy Tentacle: My Web", Program: `C:\Program Files\Octopus Deploy\Tentacle\Tentacle.exe`, Instance: "My Web", DependsOn: []string{"MSSQLSERVER"}, Account: "bob"}
	want := `Display name: OctopusDeploy Tentacle: My Web
Description: Octopus Deploy: Tentacle deployment agent
Command line: "C:\Program Files\Octopus Deploy\Tentacle\Tentacle.exe" run --instance="My Web"
Depends on: LanmanWorkstation/TCPIP/MSSQLSERVER
Start: automatic
Account: .\bob
`
	if got := d.Text("windows"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	d = Definition{Program: `C:\T\Tentacle.exe`, Config: `D:\a "b"\Tentacle.config`}
	if got, want := d.Text("windows"), `Command line: "C:\T\Tentacle.exe" run --config="D:\a \"b\"\Tentacle.config"`+"\n"; !strings.Contains(got, want) || !strings.Contains(got, "Account: LocalSystem\n") {
		t.Errorf("got\n%s\nwant in it %s", got, want)
	}
}

func TestQuotedWordsAreReadBackOnWindows(t *testing.T) {
	for text, want := range map[string]string{
		"":         `""`,
		`a b`:      `"a b"`,
		`C:\a\b`:   `"C:\a\b"`,
		`C:\a\`:    `"C:\a\\"`,
		`say "hi"`: `"say \"hi\""`,
		`\"`:       `"\\\""`,
	} {
		if got := windowsQuoted(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

func TestAccountsOfWindowsGetTheirFullName(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "localsystem": "LocalSystem", "SYSTEM": "LocalSystem", "Network Service": `NT AUTHORITY\NetworkService`, `NT Authority\Local Service`: `NT AUTHORITY\LocalService`,
		"bob": `.\bob`, `.\bob`: `.\bob`, `CORP\bob`: `CORP\bob`, "bob@corp.example": "bob@corp.example", `NT SERVICE\Tentacle`: `NT SERVICE\Tentacle`,
	} {
		if got := fullAccount(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestADefinitionThatCannotBeInstalledIsRefused(t *testing.T) {
	good := Definition{Name: "Tentacle", Program: "/opt/octopus/tentacle/Tentacle", Instance: "Tentacle"}
	for _, goos := range []string{"linux", "windows"} {
		if err := good.Check(goos); err != nil {
			t.Errorf("%s: %v", goos, err)
		}
	}
	for want, change := range map[string]func(*Definition){
		"only the letters":   func(d *Definition) { d.Name = "Täntäcle" },
		`"a&b"`:              func(d *Definition) { d.Name = "a&b" },
		`"template@"`:        func(d *Definition) { d.Name = "template@" },
		"slash":              func(d *Definition) { d.Name = "a/b" },
		"control character":  func(d *Definition) { d.Instance = "a\nExecStartPre=/bin/evil" },
		"configuration file": func(d *Definition) { d.Config = "/a\x00b" },
		"invalid UTF-8":      func(d *Definition) { d.Program = "/a\xff" },
		"account":            func(d *Definition) { d.Account = "root\nUser=other" },
		"white space":        func(d *Definition) { d.Account = "my user" },
		"dependency":         func(d *Definition) { d.DependsOn = []string{"a\r\nb"} },
		"quotes":             func(d *Definition) { d.Program = "/opt/it's/Tentacle" },
		"needs an instance":  func(d *Definition) { d.Instance = "" },
	} {
		d := good
		change(&d)
		if err := d.Check("linux"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", d, err, want)
		}
	}
}

func TestTentacleIsFound(t *testing.T) {
	if _, err := os.Stat(defaultProgram()); err == nil {
		t.Skip("there is a Tentacle on this host")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tentacle := file("real/Tentacle"+programEnding(), "#!/bin/sh\n", 0o755)
	plain := file("plain/Tentacle", "#!/bin/sh\n", 0o644) // Windows looks at the name, which lacks .exe
	copied := file("copied/Tentacle"+programEnding(), string(content), 0o755)
	link := filepath.Join(folder, "link", "Tentacle"+programEnding())
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		link = copied // Wine has no links
	} else if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}

	t.Run("where the caller says", func(t *testing.T) {
		if got, err := FindTentacle(tentacle); got != tentacle || err != nil {
			t.Errorf("got %s, %v", got, err)
		}
		t.Chdir(folder)
		if got, err := FindTentacle("real/Tentacle" + programEnding()); got != tentacle || err != nil {
			t.Errorf("relative: got %s, %v", got, err)
		}
		for given, want := range map[string]string{
			filepath.Join(folder, "nowhere"): "nowhere",
			plain:                            "cannot be executed",
			folder:                           "it is not a file",
			link:                             "it is octo-tentacle",
			copied:                           "it is octo-tentacle",
		} {
			got, err := FindTentacle(given)
			wrong, is := errors.AsType[*ProgramError](err)
			if !is || wrong.Program != given || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "stat ") || strings.Contains(err.Error(), "CreateFile ") {
				t.Errorf("%s: got %s, %v; want an error with %q", given, got, err, want)
			}
		}
	})
	t.Run("on the PATH", func(t *testing.T) {
		// What only has its name does not count, and neither does a folder relative to the
		// current one.
		t.Chdir(folder)
		path := []string{"real", filepath.Dir(link), filepath.Dir(copied), filepath.Dir(plain)}
		t.Setenv("PATH", strings.Join(path, string(os.PathListSeparator)))
		if got, err := FindTentacle(""); !errors.Is(err, ErrTentacleNotFound) {
			t.Errorf("got %s, %v", got, err)
		}
		t.Setenv("PATH", strings.Join(append(path, filepath.Dir(tentacle)), string(os.PathListSeparator)))
		if got, err := FindTentacle(""); got != tentacle || err != nil {
			t.Errorf("got %s, %v", got, err)
		}
	})
}

func TestTheAccountOfAServiceIsThatOfItsUnitOrOfWindows(t *testing.T) {
	for _, c := range []struct {
		installed Installation
		want      string
	}{
		{Installation{Text: Definition{Instance: "web"}.Text("linux")}, ""},
		{Installation{Text: Definition{Instance: "web", Account: "a%b"}.Text("linux")}, "a%b"},
		{Installation{Text: "[Service]\r\nUser=root\r\nUser=octopus\r\n"}, "octopus"},
		{Installation{}, ""},
		{Installation{Account: `NT AUTHORITY\SYSTEM`, scm: &scmService{}}, ""},
		{Installation{Account: `DOMAIN\octopus`, Text: "User=other", scm: &scmService{}}, `DOMAIN\octopus`},
	} {
		if got := c.installed.RunsAs(); got != c.want {
			t.Errorf("%q, not %q, of %+v", got, c.want, c.installed)
		}
	}
}

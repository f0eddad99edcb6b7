package tentaclefile

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"
)

func TestALaterMistakeHasTheLineOfItsKeyOrTheOneAroundIt(t *testing.T) {
	f, err := Read("tentacle.yaml", []byte("space: S\nnodes: [https://a, https://b]\nports: [1,\n  2]\nregistrations:\n- name: web\n  roles:\n  - a\n  - b\n- kind: worker\n"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("it is wrong")
	for key, want := range map[string]string{
		Key("registrations", 0, "roles", 1):     "tentacle.yaml, line 9: registrations[0].roles[1]: it is wrong",
		Key("registrations", 0, "roles"):        "tentacle.yaml, line 7: registrations[0].roles: it is wrong",
		Key("registrations", 1, "environments"): "tentacle.yaml, line 10: registrations[1].environments: it is wrong",
		Key("registrations", 1):                 "tentacle.yaml, line 10: registrations[1]: it is wrong",
		Key("nodes", 3):                         "tentacle.yaml, line 2: nodes[3]: it is wrong", // https://b:2
		"server":                                "tentacle.yaml: server: it is wrong",
		"":                                      "tentacle.yaml: it is wrong",
	} {
		mistake := f.Mistake(key, wrong)
		if mistake.Error() != want || !errors.Is(mistake, wrong) {
			t.Errorf("%q, not %q", mistake, want)
		}
	}
	if !f.Names("registrations[0].name") || f.Names("registrations[1].name") || f.Names("service") {
		t.Error("it does not know which keys are named")
	}
}

func TestEveryNodeIsAtEveryPortAndEachAddressThereOnce(t *testing.T) {
	f, err := Read("", []byte("nodes: ['https://a', 'https://a:5', 'https://[fd00::1]:7']\nports: '10943-10944, 10944'\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"https://a:10943", "https://a:10944", "https://[fd00::1]:10943", "https://[fd00::1]:10944"}
	if len(f.Nodes) != len(want) {
		t.Fatalf("%q", f.Nodes)
	}
	for i := range want {
		if f.Nodes[i] != want[i] {
			t.Errorf("%q, not %q", f.Nodes[i], want[i])
		}
	}
}

func TestRelativePathsAreBelowAFolder(t *testing.T) {
	folder, other := "/etc/octopus", "/opt/x"
	if runtime.GOOS == "windows" {
		folder, other = `C:\octopus`, `D:\x`
	}
	before := File{
		Configuration: "web/Tentacle.config", Home: "..", Applications: other,
		Certificate:  &Certificate{PFX: "a.pfx", PasswordFile: other},
		PollingProxy: &PollingProxy{PasswordFile: "p"},
		Service:      &Service{Account: &Account{PasswordFile: "s"}},
	}
	f := before.In(folder)
	for _, path := range []struct{ got, want string }{
		{f.Configuration, filepath.Join(folder, "web", "Tentacle.config")},
		{f.Home, filepath.Dir(folder)},
		{f.Applications, other},
		{f.Certificate.PFX, filepath.Join(folder, "a.pfx")},
		{f.Certificate.PasswordFile, other},
		{f.PollingProxy.PasswordFile, filepath.Join(folder, "p")},
		{f.Service.Account.PasswordFile, filepath.Join(folder, "s")},
		{before.Certificate.PFX, "a.pfx"},
		{before.PollingProxy.PasswordFile, "p"},
		{before.Service.Account.PasswordFile, "s"},
		{File{}.In(folder).Home, ""},
		{File{Applications: "apps"}.In(folder).Applications, filepath.Join(folder, "apps")},
		{File{Certificate: &Certificate{PasswordFile: "c"}}.In(folder).Certificate.PasswordFile, filepath.Join(folder, "c")},
	} {
		if path.got != path.want {
			t.Errorf("%s, not %s", path.got, path.want)
		}
	}
	if got := (File{Home: `\x`}).In(`C:\octopus`).Home; runtime.GOOS == "windows" && got != `C:\x` {
		t.Error(got)
	}
	if _, err := Read("", []byte("home: C:x")); (err != nil) != (runtime.GOOS == "windows") {
		t.Error(err)
	}
}

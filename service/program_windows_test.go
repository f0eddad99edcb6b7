package service

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows/registry"
)

func TestTentacleIsFoundWhereItWasInstalled(t *testing.T) {
	if registeredProgram() != "" {
		t.Skip("there is a Tentacle on this host")
	}
	folder := t.TempDir()
	key, existed, err := registry.CreateKey(registry.LOCAL_MACHINE, `Software\Octopus\Tentacle`, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if err != nil {
		t.Skip("needs an Administrator: ", err)
	}
	defer key.Close()
	t.Cleanup(func() {
		key, err := registry.OpenKey(registry.LOCAL_MACHINE, `Software\Octopus\Tentacle`, registry.ALL_ACCESS|registry.WOW64_64KEY)
		if err != nil {
			t.Fatal(err)
		}
		defer key.Close()
		if err := key.DeleteValue("InstallLocation"); err != nil {
			t.Error(err)
		}
		if !existed {
			registry.DeleteKey(registry.LOCAL_MACHINE, `Software\Octopus\Tentacle`)
		}
	})
	if err := key.SetStringValue("InstallLocation", folder+`\`); err != nil {
		t.Fatal(err)
	}
	if got, err := FindTentacle(""); err == nil {
		t.Errorf("there is none yet, but got %s", got)
	}
	program := filepath.Join(folder, "Tentacle.exe")
	write(program, "MZ")
	if got, err := FindTentacle(""); got != program || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestA32BitProcessLooksWhere64BitProgramsAre(t *testing.T) {
	t.Setenv("ProgramFiles", `C:\Program Files (x86)`)
	t.Setenv("ProgramW6432", `D:\Program Files`)
	if got, want := defaultProgram(), `D:\Program Files\Octopus Deploy\Tentacle\Tentacle.exe`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

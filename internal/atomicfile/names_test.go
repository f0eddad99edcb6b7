package atomicfile

import (
	"runtime"
	"testing"
)

func TestNamesOfDevicesOfWindowsAreKnown(t *testing.T) {
	for name, want := range map[string]bool{
		"CON": true, "nul": true, "Nul.config": true, "AUX.tar.gz": true, "prn ": true, "CON .config": true, "NUL:": true,
		"com1": true, "LPT9": true, "COM¹": true, "lpt³.config": true, "CONIN$": true, "conout$.txt": true,
		"Tentacle.config": false, "COM": false, "COM0": false, "COM10": false, "com1a": false, "CONSOLE": false, "null": false,
		".NUL": false, " NUL": false, "LPT.1": false, "": false, ".": false, "..": false,
	} {
		if got := IsDeviceName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestAPathOfADeviceOrAStreamIsNoFile(t *testing.T) {
	for path, want := range map[string]bool{
		`\Octopus\Tentacle.config`:      true,
		`relative/Tentacle.config`:      true,
		`\Octopus\..\Tentacle.config`:   true,
		`\Octopus\NUL`:                  false,
		`\com1\Tentacle.config`:         false,
		`/aux.d/Tentacle.config`:        false,
		`\Octopus\Tentacle.config:more`: false,
		`NUL`:                           false,
		``:                              true,
	} {
		if err := checkWindowsPath(false, path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	if checkWindowsPath(true, `\x`) == nil {
		t.Error("a path of devices is accepted")
	}
}

func TestOnlyWindowsHasDevicesInEveryFolder(t *testing.T) {
	for _, name := range []string{"NUL", "com1.config", "a:b"} {
		err := WriteNew(t.TempDir()+"/"+name, []byte("x"), 0o600)
		if refused := err != nil; refused != (runtime.GOOS == "windows") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

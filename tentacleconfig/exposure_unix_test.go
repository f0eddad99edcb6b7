//go:build !windows

package tentacleconfig

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/machinefiles"
)

func TestSecretsAreExposedWhereEverybodyReadsThemAndTheirKey(t *testing.T) {
	const secret = "7hVbAUeUZWNHnIqogHszWQ==" // of recordedMachine
	for _, c := range []struct {
		what                      string
		folder, file, backup, key os.FileMode
		value                     string
		want                      []string // of "file" and "backup"
		known                     bool     // the key
	}{
		{"as Tentacle makes it", 0o755, 0o644, 0o644, 0o644, secret, []string{"file", "backup"}, true},
		{"as octo-tentacle makes it", 0o755, 0o600, 0o600, 0o644, secret, nil, true},
		{"a backup from before the mode was changed", 0o755, 0o640, 0o644, 0o644, secret, []string{"backup"}, true},
		{"only for those who may write", 0o755, 0o602, 0o600, 0o644, secret, nil, true},
		{"in a folder for root", 0o700, 0o644, 0o644, 0o644, secret, nil, true},
		{"in a folder that can be passed, but not listed", 0o711, 0o644, 0o600, 0o644, secret, []string{"file"}, true},
		{"with a key for root", 0o755, 0o644, 0o644, 0o600, secret, nil, true},
		{"without secrets", 0o755, 0o644, 0o644, 0o644, "", nil, false},
		{"from another machine", 0o755, 0o644, 0o644, 0o644, "AAAAAAAAAAAAAAAAAAAAAA==", nil, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			recordedMachine(t)
			top, err := os.MkdirTemp("/tmp", "octo-tentacle-*") // where everybody passes
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(top) })
			machinefiles.ID = filepath.Join(top, "machine-id")
			put(t, machinefiles.ID, "0f1e2d3c4b5a69788796a5b4c3d2e1f0\n")
			folder := filepath.Join(top, "folder")
			file := filepath.Join(folder, "Tentacle.config")
			backup := file + ".bak-20260102T000000Z"
			text := `<octopus-settings><set key="` + KeyProxyPassword + `">` + c.value + `</set></octopus-settings>`
			put(t, file, text)
			put(t, backup, text)
			for path, mode := range map[string]os.FileMode{top: 0o755, folder: c.folder, file: c.file, backup: c.backup, machinefiles.ID: c.key} {
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
			link := filepath.Join(top, "link.config")
			if err := os.Symlink(file, link); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{file, link} {
				d, err := Read(path)
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				for _, name := range c.want {
					want = append(want, map[string]string{"file": path, "backup": backup}[name])
				}
				if e := d.Exposure(); !slices.Equal(e.Files, want) || (e.Key == machinefiles.ID) != c.known {
					t.Errorf("%+v, not %v", e, want)
				}
			}
		})
	}
}

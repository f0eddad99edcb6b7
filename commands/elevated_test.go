package commands

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyWhatNeedsAnAdministratorIsRefusedWithoutOne(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(folder, "home"))
	config := "--config=" + filepath.Join(folder, "none.config")
	api := "--server=http://127.0.0.1:1 --apikey=API-X"

	for line, refused := range map[string]bool{
		"configure --port=1":                    true,
		"restore-backup --latest":               true,
		"poll-server --dry-run=false " + api:    true,
		"deregister-from --remove-trust " + api: true,
		"new-certificate":                       true,
		"generalize --force":                    true,

		"configure --port=1 --dry-run":                                false,
		"configure --port=1 --no-restart":                             false,
		"restore-backup --latest --dry-run":                           false,
		"deregister-from " + api:                                      false,
		"new-certificate --export-file=" + filepath.Join(folder, "c"): false,
		"export-certificate --export-file=none.pfx":                   false,
		"generalize --force --dry-run":                                false,
		"list-servers":                                                false,
		"check":                                                       false,
		"show-thumbprint":                                             false,
		"list-backups":                                                false,
		"delete-instance":                                             false, // the index decides: it may be one's own
	} {
		var said bytes.Buffer
		c := newConsole(strings.NewReader(""), &said, &said)
		c.mayChange = func() error { return errors.New("run this as Administrator") }
		run(t.Context(), c, append(strings.Fields(line), config))
		if got := strings.Contains(said.String(), "run this as Administrator"); got != refused {
			t.Errorf("%s: refused is %v, not %v:\n%s", line, got, refused, &said)
		}
	}
}

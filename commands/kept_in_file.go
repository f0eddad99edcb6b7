package commands

import (
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// isKeptInFile says whether a Tentacle is kept in a file on this machine, beside which there may be
// backups and a history. The path of a file is absolute, and the name of a ConfigMap is not.
func isKeptInFile(instance tentacleconfig.Instance) bool {
	return filepath.IsAbs(instance.ConfigPath)
}

//go:build !windows

package commands

import (
	"os"
	"strings"
)

// hostName is the host name of this machine up to the first dot, as .NET's Environment.MachineName,
// and so Tentacle, has it.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

// Octo-tentacle configures Octopus Tentacles. With one command it makes a Tentacle poll every node
// of a high-availability Octopus Server cluster.
package main

import (
	"os"

	"github.com/octo-tentacle/octo-tentacle/commands"
)

// What Windows shows of the program, and the manifest by which it runs it. A release has its own
// version there: see CONTRIBUTING.md.
//
//go:generate go tool go-winres make --in version_windows.json --out version --arch amd64,arm64,386

func main() {
	os.Exit(commands.Main())
}

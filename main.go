// Octo-tentacle puts an Octopus Tentacle on every node of a high-availability
// Octopus cluster, and does the rest of the Tentacle's configuration.
package main

import (
	"os"

	"github.com/octo-tentacle/octo-tentacle/commands"
)

func main() {
	os.Exit(commands.Main())
}

// Octo-tentacle configures Octopus Tentacles. With one command it makes a Tentacle poll every node
// of a high-availability Octopus Server cluster.
package main

import (
	"os"

	"github.com/octo-tentacle/octo-tentacle/commands"
)

func main() {
	os.Exit(commands.Main())
}

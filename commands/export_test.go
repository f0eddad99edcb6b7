package commands

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"
)

// Commands are all commands, for the tests of what holds for each of them.
func Commands() []*cli.Command { return testCommands() }

// Update is the flag -update.
var Update = update

// PFXFile is a file with OnePFX.
var PFXFile = pfxFile

// CompareWithFile compares a text with a golden file.
var CompareWithFile = compareWithFile

// OnePFX is a certificate for all Tentacles of the tests that just need one.
var OnePFX = onePFX

// Run carries out one command line in this process: there are too many options
// for a process each.
func Run(ctx context.Context, in io.Reader, out, err io.Writer, arguments []string) int {
	return run(ctx, newConsole(in, out, err), arguments)
}

package commands

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"
)

// Commands are all commands, for the tests of what holds for each of them.
func Commands() []*cli.Command { return testCommands() }

// Run carries out one command line in this process: there are too many options
// for a process each.
func Run(ctx context.Context, in io.Reader, out, err io.Writer, arguments []string) int {
	return run(ctx, newConsole(in, out, err), arguments)
}

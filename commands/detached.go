//go:build linux || windows

package commands

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/octo-tentacle/octo-tentacle/service"
)

// runDetached runs the command line of a process that service.StartDetached has started, for
// scripts that do not wait for it. Before it ends, it makes up for changes that relied on it and
// came too late. is says whether this process is one.
func runDetached(makeConsole func(in io.Reader, out, err io.Writer) *console, arguments []string) (code int, is bool) {
	detached, err := service.TakeUpDetached()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed, true
	}
	if detached == nil {
		return 0, false
	}
	defer detached.Close()
	for {
		detached.Note("octo-tentacle %s runs (pid %d): %s", version(), os.Getpid(), shellCommand(arguments...))
		out, err := detached.Output()
		c := makeConsole(os.Stdin, out, err)
		code = run(context.Background(), c, arguments)
		detached.Note("it ended with exit code %d", code)
		detached.Leave()
		if c.relied == nil || !c.relied() || !detached.TakeUpAgain() {
			return code, true
		}
		detached.Note("the configuration was changed meanwhile")
	}
}

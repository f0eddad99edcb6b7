// Package commands is what a user types and what a user sees: one file per command with its flags,
// its steps and its output. Only this package prints, and only it chooses the exit code.
//
// All commands that change a Tentacle follow one path (changeTentacle in change.go): read the
// arguments, look at the machine, ask the network, decide, and apply the decision.
package commands

import (
	"context"
	"io"
	"log"
	"os"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
)

// Main runs the command line of this process and returns its exit code.
func Main() int { return mainWith(newConsole) }

// mainWith is Main with the consoles that the function makes.
func mainWith(makeConsole func(in io.Reader, out, err io.Writer) *console) int {
	log.SetOutput(io.Discard) // net/http logs there what a server sends unasked
	outliveLogoffs()
	if code, is := runDetached(makeConsole, os.Args[1:]); is {
		return code
	}
	c := makeConsole(os.Stdin, os.Stdout, os.Stderr)
	if len(os.Args) > 1 && os.Args[1] == completing {
		return c.complete(os.Args[2:])
	}
	atomicfile.OnWait(func(path string) (over func()) {
		c.progress(path + " is open in another program")
		return c.endProgress
	})
	return run(context.Background(), c, os.Args[1:])
}

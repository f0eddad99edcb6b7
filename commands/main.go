// Package commands is what a user types and what a user sees: one file per command with its flags,
// its steps and its output. Only this package prints, and only it chooses the exit code.
//
// All commands that change a Tentacle follow one path (changeTentacle in change.go): read the
// arguments, look at the machine, ask the network, decide, and apply the decision.
package commands

import (
	"context"
	"errors"
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
	atomicfile.OnWait(func(path string) (over func()) {
		c.progress(path + " is open in another program")
		return c.endProgress
	})
	return run(context.Background(), c, os.Args[1:])
}

// run carries out one command line, for Main, demo and tests.
func run(ctx context.Context, c *console, arguments []string) (code int) {
	if len(arguments) > 0 && arguments[0] == completing {
		return c.complete(arguments[1:])
	}
	command := commandNamed(arguments)
	app := newApp(c, command)
	endSteps := func(int) {}
	defer func() { endSteps(code) }()
	defer c.endProgress()
	defer c.background.end()

	rewritten, err := rewriteArguments(app.Commands, arguments)
	if err == nil {
		c.arguments = rewritten
		var end func(int)
		if ctx, end, err = c.startSteps(ctx, rewritten); err == nil {
			endSteps = end
		}
	}
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, rewritten...))
	}
	c.warnUnencrypted()
	err = c.answered(err)
	if err == nil {
		return exitDone
	}

	c.endProgress()
	if errors.As(err, new(verdictError)) {
		return exitCode(command, err) // the answer says it all
	}
	if errors.Is(err, context.Canceled) {
		err = interruptedError{err}
	}
	if command == "check" && wantsNagios(arguments) { // which reads standard output only
		c.writeUTF8()
		c.printf("%s\n", nagiosFailure(c, err))
		_ = c.out.flush() // if that fails, the exit code still tells
		return nagiosUnknown
	}
	c.fail(err)
	return exitCode(command, err)
}

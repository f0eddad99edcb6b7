package commands

import (
	"context"
	"errors"
)

// run carries out one command line, for Main, demo and tests.
func run(ctx context.Context, c *console, arguments []string) (code int) {
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

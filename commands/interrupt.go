package commands

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is the context of a command that cleans up when it is ended by Ctrl-C, a service
// manager, or the end of its terminal. Other commands just end.
//
// On Windows, Ctrl-C and Ctrl-Break are os.Interrupt. The end of the console and a shutdown are
// SIGTERM, and 5 seconds later (in a service, at a shutdown, 20) the end of the process. To clean
// up takes less, and a file is replaced at one moment. Who stops the service of a script tells it
// nothing, so that it goes on.
//
// It stays in force until the process ends: a signal that arrives after the work is done must not
// turn success into failure.
func interruptible(ctx context.Context) context.Context {
	// Ignore SIGPIPE (a closed reader must not abort a change) and repeated SIGHUPs.
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, syscall.SIGPIPE)
	ends := []os.Signal{syscall.SIGTERM}
	if !signal.Ignored(os.Interrupt) { // ignored for what a script runs in the background
		ends = append(ends, os.Interrupt)
	}
	if !signal.Ignored(syscall.SIGHUP) { // ignored under nohup
		ends = append(ends, syscall.SIGHUP)
		signal.Notify(ignored, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, ends...)
	// After the first signal the next one has its usual effect again and ends the program, even if
	// something hangs.
	context.AfterFunc(ctx, stop)
	return ctx
}

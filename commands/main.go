// Package commands is what a user types and what a user sees: one file per
// command with its flags, its steps and its output. It alone prints, and it
// alone chooses the exit code.
//
// A command that changes the Tentacle always runs the same five steps: read
// the arguments, look at the machine, ask the network, decide (a pure
// function), apply.
package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/urfave/cli/v2"
)

// Exit codes, as scripts written for the real Tentacle look at them.
const (
	exitDone          = 0
	exitFailed        = 1
	exitNoSuchCommand = 2
)

// Main runs the command line of this process and returns its exit code.
func Main() int {
	log.SetOutput(io.Discard) // net/http writes there what a server sends unasked
	// The configuration management that runs this often does so on the smallest of
	// machines: with ten thousand trusted servers, collect garbage a little earlier.
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(48 << 20)
	}
	return run(context.Background(), newConsole(os.Stdin, os.Stdout, os.Stderr), os.Args[1:])
}

// interruptible is for commands that have something to put in order when they
// are ended by Ctrl-C, by a service manager, or with the terminal they run in.
// The others just end, and are not made to start the machinery for it.
//
// It stays in force until the process ends: a signal that comes when all is done
// must not turn success into failure.
func interruptible(ctx context.Context) context.Context {
	// Nobody listens to these two. That whoever read the answer is gone is no
	// reason to stop halfway, and a terminal that goes away may say so twice.
	unheard := make(chan os.Signal, 1)
	signal.Notify(unheard, syscall.SIGPIPE)
	ends := []os.Signal{syscall.SIGTERM}
	if !signal.Ignored(os.Interrupt) { // as it is for what a script runs in the background
		ends = append(ends, os.Interrupt)
	}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		ends = append(ends, syscall.SIGHUP)
		signal.Notify(unheard, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, ends...)
	// After the first signal the next has its usual effect again, so that it ends
	// the program even if something does not come back.
	context.AfterFunc(ctx, stop)
	return ctx
}

// run carries out one command line. It is what Main, demo and tests share.
func run(ctx context.Context, c *console, arguments []string) (code int) {
	app := newApp(c, commandNamed(arguments))
	defer c.endProgress()

	rewritten, err := rewriteArguments(app.Commands, arguments)
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, rewritten...))
	}
	err = c.answered(err)
	if err == nil {
		return exitDone
	}

	c.endProgress()
	if errors.As(err, new(verdictError)) {
		return exitFailed // the answer says it all
	}
	if errors.Is(err, context.Canceled) {
		err = interruptedError{err}
	}
	c.fail(err)
	if errors.As(err, new(noSuchCommandError)) {
		return exitNoSuchCommand
	}
	return exitFailed
}

// interruptedError is Ctrl-C: what was going on is of less interest than that
// the user ended it. Whatever had been done by then says so itself (unfinished).
type interruptedError struct{ cause error }

func (e interruptedError) Error() string {
	if u, is := errors.AsType[unfinishedError](e.cause); is {
		return "interrupted: " + strings.TrimSuffix(u.Error(), "\n"+context.Canceled.Error())
	}
	if errors.Is(e.cause, octoapi.ErrUnsure) {
		return e.cause.Error()
	}
	return "interrupted; nothing was changed"
}

func (e interruptedError) Unwrap() error { return e.cause }

// unfinishedError is a failure after which something lasting has been done
// already. Its text says what, and how to finish.
type unfinishedError struct {
	done  string
	cause error
}

func (e unfinishedError) Error() string { return fmt.Sprintf("%s\n%v", e.done, e.cause) }
func (e unfinishedError) Unwrap() error { return e.cause }

// commandBuilder makes one command. A start of the program makes no other than
// the one that is named: all of them have hundreds of options.
type commandBuilder struct {
	name  string
	build func(*console) *cli.Command
}

// commandBuilders are all commands, in the order in which help lists them.
func commandBuilders() []commandBuilder {
	return []commandBuilder{
		// Polling
		{"poll-server", pollServerCommand},
		{"list-servers", listServersCommand},
		{"remove-server", removeServerCommand},
		{"sync-servers", syncServersCommand},
		{"check", checkCommand},
		// Registration
		{"register-with", registerWithCommand},
		{"register-worker", registerWorkerCommand},
		{"register-k8s-target", registerK8sTargetCommand},
		{"register-k8s-worker", registerK8sWorkerCommand},
		{"deregister-from", deregisterFromCommand},
		{"deregister-worker", deregisterWorkerCommand},
		// Trust and settings
		{"configure", configureCommand},
		{"server-comms", serverCommsCommand},
		{"update-trust", updateTrustCommand},
		{"clear-trusted-servers", clearTrustedServersCommand},
		{"set-polling-connection-count", setPollingConnectionCountCommand},
		{"polling-proxy", pollingProxyCommand},
		{"proxy", proxyCommand},
		{"show-configuration", showConfigurationCommand},
		// Backups
		{"list-backups", listBackupsCommand},
		{"restore-backup", restoreBackupCommand},
		// Instances and certificates
		{"create-instance", createInstanceCommand},
		{"delete-instance", deleteInstanceCommand},
		{"list-instances", listInstancesCommand},
		{"new-certificate", newCertificateCommand},
		{"import-certificate", importCertificateCommand},
		{"show-thumbprint", showThumbprintCommand},
		// Service
		{"service", serviceCommand},
		{"checkservices", checkServicesCommand},
		{"restart-service", restartServiceCommand},
		// Help
		{"demo", demoCommand},
		{"version", versionCommand},
		{"help", helpCommand},
	}
}

// newApp makes the program with the command of that name, or, where there is
// none or the name is "", with all.
func newApp(c *console, only string) *cli.App {
	builders := commandBuilders()
	if at := slices.IndexFunc(builders, func(b commandBuilder) bool { return b.name == only }); at >= 0 {
		builders = builders[at : at+1]
	}
	app := &cli.App{
		Name:                      "octo-tentacle",
		Usage:                     "put a polling Tentacle on every node of an Octopus cluster",
		Version:                   version(),
		Writer:                    c.out,
		ErrWriter:                 c.err,
		Flags:                     []cli.Flag{helpFlag()},
		HideHelp:                  true, // the library's flag, which all would share, is not used
		HideVersion:               true,
		DisableSliceFlagSeparator: true, // a role or an environment may contain a comma
		ExitErrHandler:            func(*cli.Context, error) {},
	}
	for _, builder := range builders {
		command := builder.build(c)
		command.HideHelp = true
		command.Flags = append(command.Flags, helpFlag())
		// The arguments were checked by rewriteArguments; what is left is ours to word.
		command.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return err }
		app.Commands = append(app.Commands, command)
	}
	return app
}

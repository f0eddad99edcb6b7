package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// On a machine that runs many tests at once, a host that answers may take some seconds.
func init() { hostTime = portTime }

// Commands are all commands, for the tests of what holds for each of them.
func Commands() []*cli.Command { return testCommands() }

// Update is the flag -update.
var Update = update

// PFXFile is a file with OnePFX.
var PFXFile = pfxFile

// HostName is the name of this machine, as Tentacle has it.
var HostName = hostName

// CompareWithFile compares a text with a golden file.
var CompareWithFile = compareWithFile

// ComparePart compares the part of a document that is made.
var ComparePart = comparePart

// OnePFX is a certificate for all Tentacles of the tests that just need one.
var OnePFX = onePFX

// AccountNeed is a permission that a command needs.
type AccountNeed struct {
	Permission octoapi.Permission
	When       string // the condition; "" is always
	Extra      bool   // it can do without
}

// AccountNeeds are those of a command.
func AccountNeeds(command string) (list []AccountNeed) {
	needs := needsOf(command)
	if needs == nil {
		return nil
	}
	for _, p := range needs.always {
		list = append(list, AccountNeed{Permission: p})
	}
	for _, w := range needs.when {
		for _, p := range w.permissions {
			list = append(list, AccountNeed{Permission: p, When: w.condition})
		}
	}
	for _, p := range needs.extra.permissions {
		list = append(list, AccountNeed{Permission: p, Extra: true})
	}
	return list
}

// Run carries out one command line in this process: there are too many options
// for a process each.
func Run(ctx context.Context, in io.Reader, out, err io.Writer, arguments []string) int {
	c := newConsole(in, out, err)
	c.systemLog = nil
	return run(ctx, c, arguments)
}

// MainOf is Main for a machine that a test makes: it writes to the file instead of the log of the
// machine that runs the test.
func MainOf(systemLog string) int {
	return mainWith(func(in io.Reader, out, err io.Writer) *console {
		c := newConsole(in, out, err)
		if !isTerminal(err) { // scripts are UTF-8, so what they see is
			c.err = err
		}
		c.out.writeExactly()
		c.systemLog = func(e history.Entry) error {
			line, err := json.Marshal(e)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(systemLog, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(f, "%s\n%s\n", e.Message(), line)
			return errors.Join(err, f.Close())
		}
		return c
	})
}

// FailureCode is the exit code of a command that cannot do what it is for.
func FailureCode(command string) int { return exitCode(command, errors.New("a failure")) }

// Answering asks the addresses that a configuration polls, as a confirmation does.
func Answering(ctx context.Context, config string) (answer, why []string, err error) {
	document, err := tentacleconfig.Read(config)
	if err != nil {
		return nil, nil, err
	}
	r, err := reachOf(newConsole(nil, io.Discard, io.Discard), document)
	if err != nil {
		return nil, nil, err
	}
	answer, why = r.ask(ctx, r.addresses())
	return answer, why, nil
}

// Documents are the project's Markdown files, by their path from its root.
var Documents = documents

// Examples are the arguments of the command lines in a text.
var Examples = examples

// TriesEverything is for a test that takes long because it has many cases, and that finds the same
// on every system and with the race detector. CI runs the tests there with -short, which skips it.
func TriesEverything(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it has many cases, which find the same everywhere")
	}
}

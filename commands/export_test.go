package commands

import (
	"context"
	"errors"
	"io"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
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
	return run(ctx, newConsole(in, out, err), arguments)
}

// FailureCode is the exit code of a command that cannot do what it is for.
func FailureCode(command string) int { return exitCode(command, errors.New("a failure")) }

// Answering asks the addresses that a configuration polls, as a confirmation does.
func Answering(ctx context.Context, config string) (answer, why []string, err error) {
	document, err := tentacleconfig.Read(config)
	if err != nil {
		return nil, nil, err
	}
	r, err := reachOf(document)
	if err != nil {
		return nil, nil, err
	}
	answer, why = r.ask(ctx, r.addresses())
	return answer, why, nil
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

// readSecret reads a secret from a file or, for -, from standard input. White space around it comes
// from an editor or a shell and does not belong to the secret.
func (c *console) readSecret(option, file string) (string, error) {
	secret, err := c.readSecretFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", option, err)
	}
	return secret, nil
}

// readSecretFile is readSecret where no option names the file.
func (c *console) readSecretFile(file string) (string, error) {
	content, err := c.readInput(file)
	if err == nil {
		err = checkEncoding(inputName(file), content, encodingRemedy(file))
	}
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(content))
	switch {
	case secret == "":
		return "", fmt.Errorf("%s is empty", inputName(file))
	case strings.ContainsAny(secret, "\r\n"):
		return "", fmt.Errorf("%s contains more than one line: it must contain only the secret", inputName(file))
	}
	return secret, nil
}

// isStandardInput: Unix has paths for it, too. Opened by these, it could be read neither where it
// is a socket, nor by an account that it does not belong to.
func isStandardInput(file string) bool {
	return file == "-" || slices.Contains([]string{"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}, file)
}

func inputName(file string) string {
	if isStandardInput(file) {
		return "standard input"
	}
	return file
}

// readInput reads a file that a person wrote or, for -, standard input, as UTF-8 without a byte
// order mark.
func (c *console) readInput(file string) ([]byte, error) { return c.readInputUpTo(file, maxInput) }

// readInputUpTo is readInput with another limit, in bytes.
func (c *console) readInputUpTo(file string, limit int64) ([]byte, error) {
	var content []byte
	var err error
	switch {
	case !isStandardInput(file):
		content, err = readNamed(c.ended(), file, limit)
	case isTerminal(c.in):
		return nil, errors.New("standard input (-) is a terminal: pipe the content in, or name a file")
	default:
		started := time.Now()
		content, err = boundedread.Stream(c.ended(), c.in, limit)
		c.step("read "+inputName(file), "error", err, steps.Took(started))
		err = cannotRead(inputName(file), err)
	}
	if err != nil {
		return nil, err
	}
	return asUTF8(content)
}

// readNamed reads a file that a person named, also one that their shell made of <(command).
func readNamed(ctx context.Context, file string, limit int64) ([]byte, error) {
	started := time.Now()
	content, err := boundedread.Input(ctx, file, limit, boundedread.PipeWait)
	steps.Log(ctx, "read "+file, "error", err, steps.Took(started))
	if errors.Is(err, boundedread.ErrUnending) {
		return nil, hint.Errorf("if it is a pipe, something must write to it and close it", "cannot read %s: it did not end within %v minutes", file, boundedread.PipeWait.Minutes())
	}
	return content, cannotRead(file, err)
}

// cannotRead is the error with the name of the file, and without that of the system call.
func cannotRead(file string, err error) error {
	if on, is := errors.AsType[*fs.PathError](err); is {
		err = on.Err
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if large, is := errors.AsType[*boundedread.TooLargeError](err); is {
		return fmt.Errorf("%s is larger than %s", file, large.Size())
	}
	return fmt.Errorf("cannot read %s: %w", file, err)
}

// readOver reads a file that is about to be replaced.
func readOver(file string, limit int64) ([]byte, error) {
	return boundedread.File(file, limit, atomicfile.Open)
}

// maxInput is far above any key, token or list of nodes, in bytes; maxAuthorities is far above all
// the authorities of a system.
const (
	maxInput       = 256 << 10
	maxAuthorities = 8 << 20
)

// ended is the context that ends when the user ends the command, for what waits for input.
func (c *console) ended() context.Context {
	if c.interrupted == nil {
		return context.Background()
	}
	return c.interrupted
}

package commands

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// readSecret reads a secret from a file or, for -, from standard input. White space around it comes
// from an editor or a shell and does not belong to the secret.
func readSecret(stdin io.Reader, option, file string) (string, error) {
	content, err := readSmall(stdin, file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", option, err)
	}
	secret := strings.TrimSpace(string(content))
	switch {
	case secret == "":
		return "", fmt.Errorf("%s: %s is empty", option, inputName(file))
	case strings.ContainsAny(secret, "\r\n\x00"):
		return "", fmt.Errorf("%s: %s contains more than one line: it must contain only the secret", option, inputName(file))
	}
	return secret, nil
}

func inputName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// readSmall reads a file that a person wrote or, for -, standard input, as UTF-8 without a byte
// order mark.
func readSmall(stdin io.Reader, file string) ([]byte, error) {
	var content []byte
	var err error
	switch {
	case file != "-":
		content, err = readAtMost(file, maxInput+1)
	case isTerminal(stdin):
		return nil, errors.New("standard input (-) is a terminal: pipe the content in, or name a file")
	default:
		content, err = io.ReadAll(io.LimitReader(stdin, maxInput+1))
	}
	if err == nil && len(content) > maxInput {
		err = fmt.Errorf("%s is larger than %d KiB", inputName(file), maxInput>>10)
	}
	if err != nil {
		return nil, cannotRead(err)
	}
	// Windows PowerShell's > writes UTF-16, with a byte order mark.
	content, _, err = transform.Bytes(unicode.BOMOverride(transform.Nop), content)
	return content, err
}

// cannotRead is the error without the name of the system call.
func cannotRead(err error) error {
	var on *fs.PathError
	if !errors.As(err, &on) {
		return err
	}
	return fmt.Errorf("cannot read %s: %w", on.Path, on.Err)
}

func readAtMost(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// maxInput is far above any key, token or list of nodes, in bytes.
const maxInput = 256 << 10

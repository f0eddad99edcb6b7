package commands

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// secretOf is what an option gives, or the file that its other form names.
func secretOf(c *console, option, value, file string) (string, error) {
	switch {
	case file == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("--%s and --%[1]s-file exclude each other: give one of them", option)
	}
	return readSecret(c.in, "--"+option+"-file", file)
}

// readSecret reads a secret from a file or, for -, from standard input. White
// space around it is an editor's or a shell's, not the secret's.
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
		return "", fmt.Errorf("%s: %s holds more than one line: it has to hold the secret alone", option, inputName(file))
	}
	return secret, nil
}

func inputName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// readSmall reads a file that a person wrote or, for -, standard input, as UTF-8
// without a byte order mark.
func readSmall(stdin io.Reader, file string) ([]byte, error) {
	var content []byte
	var err error
	switch {
	case file != "-":
		content, err = readAtMost(file, maxInput+1)
	case isTerminal(stdin):
		return nil, errors.New("- is standard input, which is a terminal here: pipe it in, or name a file")
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

// cannotRead says it without the name of the system call.
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

// maxInput is far above any key, token or list of nodes.
const maxInput = 256 << 10

// passwordOption is a password that an option gives, or a file.
type passwordOption struct {
	name        string
	value, file string
}

func (o *passwordOption) flags(category, of string, aliases ...string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: o.name, Aliases: aliases, Category: category, Destination: &o.value,
			Usage: "`PASSWORD` " + of + "; safer out of sight: --" + o.name + "-file"},
		&cli.StringFlag{Name: o.name + "-file", Category: category, Destination: &o.file,
			Usage: "`FILE` that holds that password; - is standard input"},
	}
}

// read fills in what the file holds.
func (o *passwordOption) read(c *console) (err error) {
	o.value, err = secretOf(c, o.name, o.value, o.file)
	c.keepSecret(o.value)
	return err
}

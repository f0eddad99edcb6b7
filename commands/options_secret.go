package commands

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"
)

// secretOption is a secret that an option gives, or the file that its second form (--NAME-file)
// names.
type secretOption struct {
	name        string // of the option, as help shows it
	fileName    string // of the second form
	value, file string
}

func newSecretOption(name string) secretOption {
	return secretOption{name: name, fileName: name + "-file"}
}

// flags are both forms. The usage texts begin with a placeholder.
func (o *secretOption) flags(category, usage, fileUsage string, aliases ...string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: o.name, Aliases: aliases, Category: category, Destination: &o.value, Usage: usage},
		&cli.StringFlag{Name: o.fileName, Category: category, Destination: &o.file, Usage: fileUsage},
	}
}

// passwordFlags are the flags of a password.
func (o *secretOption) passwordFlags(category, owner string, aliases ...string) []cli.Flag {
	return o.flags(category, "`PASSWORD` "+owner+"; keep it out of process lists with --"+o.fileName,
		"`FILE` that contains the password; - for standard input", aliases...)
}

// complete reads the file, and has the secret hidden from now on.
func (o *secretOption) complete(c *console) error {
	if o.file != "" && o.value != "" {
		return fmt.Errorf("--%s and --%s cannot be combined: give one of them", o.name, o.fileName)
	}
	if o.file != "" {
		secret, err := c.readSecret("--"+o.fileName, o.file)
		if err != nil {
			return err
		}
		o.value = secret
	}
	c.keepSecret(o.value)
	return checkSecretValue("--"+o.name, o.value)
}

func (o *secretOption) given() bool { return o.value+o.file != "" }

// readsStdin says whether the secret comes from standard input.
func (o *secretOption) readsStdin() bool { return isStandardInput(o.file) }

// suggestedFile is the option for a suggested command: with the file, wherever the command is
// pasted, or a placeholder for it.
func (o *secretOption) suggestedFile() string {
	file := "FILE"
	if o.file != "" && !o.readsStdin() {
		file = absolute(o.file)
	}
	return "--" + o.fileName + "=" + file
}

// absolute is the full path of a file, where it can be told.
func absolute(file string) string {
	if path, err := filepath.Abs(file); err == nil {
		return path
	}
	return file
}

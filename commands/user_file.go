package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// userFile is a file that a command writes because an option names it. It is never one that a
// Tentacle on this machine needs, and does not replace a key unless that is asked for.
type userFile struct {
	path   string
	secret bool // what is written is for its owner alone
	isNew  bool // no other file is replaced either
	force  bool // replaces a file all the same, but never one that a Tentacle needs
}

// forceFlag is the option to replace a file that holds a key.
func (f *userFile) forceFlag(category string) cli.Flag {
	return &cli.BoolFlag{Name: "force", Category: category, Destination: &f.force, DisableDefaultText: true,
		Usage: "replace the file even if it holds a key"}
}

// complete refuses --force where the option that names the file is not given.
func (f userFile) complete(option string) error {
	if f.force && f.path == "" {
		return fmt.Errorf("--force replaces the file of --%s, which is not given", option)
	}
	return nil
}

// check refuses what must not be replaced, before anything is done. Config is the configuration of
// the Tentacle that the command is about, "" for none.
func (f userFile) check(config string) error {
	if err := atomicfile.CheckPath(f.path); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.path, err)
	}
	if err := f.refuseOwn(config); err != nil {
		return err
	}
	return f.refuseReplacing()
}

// refuseOwn refuses a file that a Tentacle needs.
func (f userFile) refuseOwn(config string) error {
	if !tentacleconfig.IsOwnFile(f.path, config) {
		return nil
	}
	return hint.Errorf("choose another file",
		"%s is a file of a Tentacle on this machine (a configuration, a backup, an index file or a key), which is never replaced", f.path)
}

// refuseReplacing refuses to replace a key or, if the file is to be new, any file.
func (f userFile) refuseReplacing() error {
	info, err := os.Stat(f.path)
	switch {
	case f.force || errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot write %s: %w", f.path, atomicfile.WithoutPath(err))
	case f.isNew:
		return f.exists()
	case !info.Mode().IsRegular():
		return nil // writing refuses it
	}
	content, err := readOver(f.path, maxKeyFile)
	switch {
	case err != nil:
		return hint.With(fmt.Errorf("it is not known whether %s holds a key, which would be lost: %w", f.path, atomicfile.WithoutPath(err)), replaceHint)
	case holdsKey(content):
		return hint.Errorf(replaceHint, "%s holds a key, which would be lost", f.path)
	}
	return nil
}

const replaceHint = "choose another file, or replace it with --force"

func (f userFile) exists() error { return hint.Errorf(replaceHint, "%s already exists", f.path) }

// maxKeyFile is far above any file with a key, in bytes.
const maxKeyFile = 1 << 20

// holdsKey says whether a file has a private key or an API key in it.
func holdsKey(content []byte) bool {
	return tentacleconfig.HoldsKey(content) || bytes.HasPrefix(bytes.TrimSpace(content), []byte("API-"))
}

// write writes the file.
func (f userFile) write(content []byte) error {
	mode := fs.FileMode(0o644)
	if f.secret {
		mode = 0o600
	}
	if !f.isNew || f.force {
		return atomicfile.WriteFile(f.path, content, mode)
	}
	err := atomicfile.WriteNew(f.path, content, mode)
	if errors.Is(err, fs.ErrExist) {
		return f.exists()
	}
	return err
}

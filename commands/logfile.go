package commands

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// logLine begins each line of a log file.
var logLine = lazyregexp.New(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z octo-tentacle\[\d+\] `)

// openLogFile opens the file of --log-file, for its owner alone, to append to it. It is never
// anything but such a log: root often runs this, and in folders of others. Config is the
// configuration that the command line names; "" for none.
func openLogFile(path, config string) (*os.File, error) {
	other := func(format string, a ...any) error {
		return hint.Errorf("choose another file for --"+logFileOption, format, a...)
	}
	isHistory := filepath.Base(path) == history.FileName && filepath.Base(filepath.Dir(path)) == "Logs"
	if isHistory || tentacleconfig.IsOwnFile(path, config) {
		return nil, other("%s is a file of a Tentacle on this machine, so no log is written to it", path)
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, other("cannot write the log %s: %w", path, atomicfile.WithoutPath(err))
	case !info.Mode().IsRegular(): // opening it could wait for a reader, or lead elsewhere
		return nil, other("%s is not a regular file, so no log is written to it", path)
	}
	if err := atomicfile.CheckPath(path); err != nil {
		return nil, other("cannot write the log %s: %w", path, err)
	}
	var f *os.File
	err := atomicfile.WhileInUse(context.Background(), path, func() (err error) {
		f, err = os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|atomicfile.NoFollow, 0o600)
		return err
	})
	if err != nil {
		return nil, other("cannot write the log %s: %w", path, atomicfile.WithoutPath(err))
	}
	const longest = 64 // bytes of the beginning of a line
	start := make([]byte, longest)
	n, err := io.ReadFull(f, start)
	switch {
	case errors.Is(err, io.EOF), logLine().Match(start[:n]):
		return f, nil
	case err == nil, errors.Is(err, io.ErrUnexpectedEOF):
		err = other("%s is not a log of octo-tentacle, so nothing is appended to it", path)
	default:
		err = other("cannot read the log %s: %w", path, atomicfile.WithoutPath(err))
	}
	return nil, errors.Join(err, f.Close())
}

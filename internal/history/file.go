package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/internal/plainjson"
)

// FileName is the log in a Tentacle's Logs folder.
const FileName = "octo-tentacle.log"

const (
	// fullSize is the size in bytes at which the log is put aside: about a thousand changes.
	fullSize = 1 << 20
	// mostOld is how many of those are kept.
	mostOld = 4
	// readSize is what is read of one of them at most: a change with very many addresses is long.
	readSize = 16 * fullSize

	oldTime = "20060102T150405.000Z"
)

// oldName is the name of a log that was put aside: octo-tentacle-TIME.log.
var oldName = lazyregexp.New(`^octo-tentacle-\d{8}T\d{6}\.\d{3}Z\.log$`)

// Append adds an entry to the log in a folder, which is created if it is missing, but not the
// folder above. Each entry is one line of JSON; several processes may add one at the same time. A
// log that is full is put aside first.
//
// The folder often belongs to the account of the service, and root writes there. So nothing is
// followed, and nothing but a file is written to, that another user may have put there.
func Append(folder string, e Entry) error {
	line, err := plainjson.Marshal(e, "")
	if err != nil {
		return err
	}
	err = withFolder(folder, true, func(root *os.Root) error {
		f, err := openLog(root)
		if err != nil {
			return err
		}
		if isFull(f) {
			_ = f.Close() // Windows renames no open file
			putAside(root, e.Time)
			if f, err = openLog(root); err != nil {
				return err
			}
		}
		err = write(f, append(line, '\n'))
		if failed := f.Close(); err == nil {
			err = failed
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	return nil
}

// write appends a line, and ends one before it that a full disk has cut off.
func write(f *os.File, line []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	last := []byte{'\n'}
	if info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err != nil {
			return err
		}
	}
	if last[0] != '\n' {
		line = append([]byte{'\n'}, line...)
	}
	if _, err := f.Write(line); err != nil {
		return err
	}
	return f.Sync()
}

const (
	// openTries is how often a log is opened that other processes put aside at that moment.
	openTries = 20

	// lockTime is how long to wait for another process that writes. Whoever may read the log can
	// hold its lock, and must not stop a change. Without the lock, a local disk appends each line
	// as a whole; a network's may not.
	lockTime  = 2 * time.Second
	lockPause = 5 * time.Millisecond
)

// openLog opens the log to append to it, creates it if it is missing, and locks it until it is
// closed.
func openLog(root *os.Root) (f *os.File, err error) {
	const how = os.O_RDWR | os.O_APPEND
	for range openTries {
		f, err = root.OpenFile(FileName, how|os.O_CREATE|os.O_EXCL, 0o640)
		if err == nil {
			giveToOwner(f, root)
		} else if errors.Is(err, fs.ErrExist) {
			f, err = openFile(root, FileName, how)
		}
		if err == nil {
			for begin := time.Now(); tryLock(f) != nil && time.Since(begin) < lockTime; {
				time.Sleep(lockPause)
			}
			if err = checkOpened(root, FileName, f); err == nil {
				return f, nil
			}
		}
		if f != nil {
			_ = f.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, err
}

// openFile opens a file that exists. A link, a pipe or a device is refused. The error is
// fs.ErrNotExist also for one that was renamed just now.
func openFile(root *os.Root, name string, how int) (*os.File, error) {
	var f *os.File
	err := atomicfile.WhileInUse(context.Background(), name, func() (err error) {
		f, err = root.OpenFile(name, how|atomicfile.NoFollow, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := checkOpened(root, name, f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", name, atomicfile.WithoutPath(err))
	}
	return f, nil
}

// checkOpened looks at what has the name now: what was opened may be what a link of that name leads
// to.
func checkOpened(root *os.Root, name string, f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := root.Lstat(name)
	switch {
	case err != nil:
		return err
	case !opened.Mode().IsRegular(), !there.Mode().IsRegular(), linked(opened):
		return errors.New("it is a link or not a file")
	case !os.SameFile(opened, there):
		return fs.ErrNotExist
	}
	return nil
}

func isFull(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Size() >= fullSize
}

// putAside renames the log if it is still full, and removes the oldest of those that were. What
// keeps it from being renamed is no error: it gets longer.
func putAside(root *os.Root, now time.Time) {
	aside := "octo-tentacle-" + now.UTC().Format(oldTime) + ".log"
	_, errAside := root.Lstat(aside)
	there, err := root.Lstat(FileName)
	if !errors.Is(errAside, fs.ErrNotExist) || err != nil || there.Size() < fullSize {
		return // another process was faster
	}
	if root.Rename(FileName, aside) != nil {
		return
	}
	old := oldLogs(root)
	for _, name := range old[min(mostOld, len(old)):] {
		_ = root.Remove(name) // else the next one does
	}
}

// oldLogs are the names of the logs that were put aside, the newest first.
func oldLogs(root *os.Root) (names []string) {
	entries, _ := fs.ReadDir(root.FS(), ".") // a folder that may not be listed has none to show
	for _, e := range entries {
		if oldName().MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names
}

// Read reads the entries in a folder, the newest first. Lines that are no entry, as a crash or
// another program may leave, are skipped; no log is no error.
func Read(folder string) (entries []Entry, err error) {
	err = withFolder(folder, false, func(root *os.Root) error {
		for _, name := range append([]string{FileName}, oldLogs(root)...) {
			content, err := readFile(root, name)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			entries = append(entries, parse(content)...)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, hint.Permission(fmt.Errorf("cannot read the history in %s: %w", folder, err))
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return b.Time.Compare(a.Time) })
	return entries, nil
}

func readFile(root *os.Root, name string) ([]byte, error) {
	f, err := openFile(root, name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, readSize))
}

// parse reads the lines of a log, the newest first.
func parse(content []byte) (entries []Entry) {
	for line := range bytes.Lines(content) {
		var e Entry
		if json.Unmarshal(line, &e) != nil || e.Time.IsZero() || strings.TrimSpace(e.Command) == "" {
			continue
		}
		entries = append(entries, e.Map(func(text string) string { return text })) // lists that are missing are []
	}
	slices.Reverse(entries)
	return entries
}

package tentacleconfig

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes a whole file, a new one or in the place of an old one, so
// that there is never half of it. With mode 0600 it is a secret, on Windows too:
// nobody but its owner and the administrators reads it, whoever could read the
// old one. A symbolic link keeps pointing, and what is no file (a folder, a
// device) is refused.
func WriteFile(path string, content []byte, mode fs.FileMode) error {
	target, err := behindLinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		target, err = path, nil
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("cannot write %s: it is not a file", path)
	}
	prepare := func(*os.File) error { return nil }
	if mode.Perm()&0o077 == 0 {
		prepare = ownerOnly
	}
	removeLeftovers(target, abandoned)
	temp, err := writeBeside(target, content, mode, prepare)
	if err != nil {
		return mayNot(fmt.Errorf("cannot write %s: %w", path, err))
	}
	if err := rename(temp, target); err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return lasting(filepath.Dir(target), path+" is written")
}

// lasting flushes a folder when something in it is done, and says so if that
// may not last.
func lasting(folder, done string) error {
	if err := flushFolder(folder); err != nil {
		return fmt.Errorf("%s, but its folder could not be flushed to disk: %w\na power failure now may undo it", done, err)
	}
	return nil
}

// createNew makes a file that is whole from its first moment and lasts, and its
// folder; where there is a file of that name, it is an fs.ErrExist. On Windows
// its folder says who reads it, elsewhere only its owner does.
func createNew(path string, content []byte) error {
	folder := filepath.Dir(path)
	temp := ""
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		removeLeftovers(path, abandoned)
		temp, err = writeBeside(path, content, 0o600, func(*os.File) error { return nil })
	}
	if err == nil {
		defer func() { _ = os.Remove(temp) }() // gone already where it was renamed
		err = place(temp, path)
	}
	if err != nil {
		return mayNot(fmt.Errorf("cannot create %s: %w", path, err))
	}
	return lasting(folder, path+" is created")
}

// writeBeside makes a temporary file beside target, flushed to the disk. It is
// prepared before anything is in it. Errors name neither of them.
func writeBeside(target string, content []byte, mode fs.FileMode, prepare func(*os.File) error) (name string, err error) {
	id := make([]byte, tempIDSize)
	_, _ = rand.Read(id) // never fails
	name = ownFile(target, hex.EncodeToString(id)+".tmp")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", withoutPath(err)
	}
	step("created")
	err = prepare(f)
	step("prepared")
	if err == nil {
		_, err = f.Write(content)
	}
	step("written")
	if err == nil {
		err = f.Sync()
	}
	step("flushed")
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(name)
		return "", withoutPath(err)
	}
	return name, nil
}

// mayNot adds to an error for want of permission what to do.
func mayNot(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w\nrun this as root (on Windows: as Administrator)", err)
	}
	return err
}

// withoutPath takes the name of a file out of an error: that of a temporary one
// says nothing to the reader, and another is named already.
func withoutPath(err error) error {
	if on, isPath := err.(*fs.PathError); isPath {
		return on.Err
	}
	return err
}

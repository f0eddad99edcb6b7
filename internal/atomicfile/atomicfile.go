// Package atomicfile writes whole files: whatever happens, even a crash, the file on disk is
// afterwards either the old one or the new one.
//
// New content goes to a temporary file in the same folder, which is flushed, gets the file's name
// in one step of the file system, and then the folder is flushed. A process that is killed leaves
// at worst the temporary file, which a later write removes.
package atomicfile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/internal/crashpoint"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// WriteFile writes a new file or replaces an existing one. Mode 0600 protects a secret, also on
// Windows: only its owner and the administrators can read it, even if others could read the old
// one. A symbolic link keeps pointing (see FollowLinks), and anything but a file (a folder, a
// device) is refused.
func WriteFile(path string, content []byte, mode fs.FileMode) error {
	target, err := FollowLinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		target, err = path, nil
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("cannot write %s: it is not a file", path)
	}
	if err := replace(target, content, mode, preparing(mode)); err != nil {
		return hint.Permission(fmt.Errorf("cannot write %s: %w", path, err))
	}
	return Flushed(filepath.Dir(target), path+" is written")
}

// preparing gives a new file the access list that its mode means.
func preparing(mode fs.FileMode) func(*os.File) error {
	if mode.Perm()&0o077 == 0 {
		return ownerOnly
	}
	return asCreated
}

// WriteNew is WriteFile for a file that does not exist yet. What has that name, a symbolic link
// too, is left alone; the error is then fs.ErrExist.
func WriteNew(path string, content []byte, mode fs.FileMode) error {
	if err := create(path, content, mode, preparing(mode)); err != nil {
		return hint.Permission(fmt.Errorf("cannot write %s: %w", path, err))
	}
	return Flushed(filepath.Dir(path), path+" is written")
}

// Replace writes a file that has exactly this mode, whatever the umask says. A symbolic link of
// that name is replaced, not followed.
func Replace(path string, content []byte, mode fs.FileMode) error {
	if err := replace(path, content, mode, func(f *os.File) error { return f.Chmod(mode) }); err != nil {
		return hint.Permission(fmt.Errorf("cannot write %s: %w", path, err))
	}
	return Flushed(filepath.Dir(path), path+" is written")
}

func replace(target string, content []byte, mode fs.FileMode, prepare func(*os.File) error) error {
	RemoveLeftovers(target, Abandoned)
	temp, err := WriteTemp(target, content, mode, prepare)
	if err != nil {
		return err
	}
	return MoveTemp(context.Background(), temp, target)
}

// Create creates a file, and its folder if needed. An existing file is left alone; the error is
// then fs.ErrExist. On Windows the folder decides who can read the file, elsewhere only its owner
// can.
func Create(path string, content []byte) error {
	folder := filepath.Dir(path)
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		err = create(path, content, 0o600, asCreated)
	}
	if err != nil {
		return hint.Permission(fmt.Errorf("cannot create %s: %w", path, err))
	}
	return Flushed(folder, path+" is created")
}

func create(path string, content []byte, mode fs.FileMode, prepare func(*os.File) error) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	RemoveLeftovers(path, Abandoned)
	temp, err := WriteTemp(path, content, mode, prepare)
	if err != nil {
		return err
	}
	if err = renameNoReplace(temp, path); err != nil {
		err = RemoveTemp(temp, err)
	}
	return err
}

// asCreated leaves a new file with the owner and the access list that it was made with.
func asCreated(*os.File) error { return nil }

// WriteTemp makes a temporary file beside target, flushed to the disk, and returns its path. Before
// anything is in it, prepare gives it the owner, mode and access list. Errors name no file.
func WriteTemp(target string, content []byte, mode fs.FileMode, prepare func(*os.File) error) (path string, err error) {
	id := make([]byte, tempIDSize)
	_, _ = rand.Read(id) // never fails
	path = Sidecar(target, hex.EncodeToString(id)+tempSuffix)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", WithoutPath(err)
	}
	crashpoint.Reach("created")
	err = prepare(f)
	crashpoint.Reach("prepared")
	if err == nil {
		_, err = f.Write(content)
	}
	crashpoint.Reach("written")
	if err == nil {
		err = f.Sync()
	}
	crashpoint.Reach("flushed")
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", RemoveTemp(path, WithoutPath(err))
	}
	return path, nil
}

// MoveTemp gives a temporary file the name of target in one step of the file system, in the place
// of a file of that name. If that fails, the temporary file is removed.
func MoveTemp(ctx context.Context, temp, target string) error {
	err := rename(ctx, temp, target)
	if err != nil {
		err = RemoveTemp(temp, err)
	}
	return err
}

// RemoveTemp removes a temporary file because of an error, which it returns. It waits for a program
// that looks at the file, and says so where the file stays: it may hold secrets.
func RemoveTemp(temp string, because error) error {
	if err := Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hint.With(because, fmt.Sprintf("remove %s, which could not be removed: %v", temp, WithoutPath(err)))
	}
	return because
}

// Flushed flushes a folder after a change in it. If that fails, the error says what was done and
// may not last.
func Flushed(folder, done string) error {
	if err := FlushFolder(folder); err != nil {
		return hint.Errorf("a power failure could undo it now", "%s, but its folder could not be flushed to disk: %w", done, err)
	}
	return nil
}

// WithoutPath removes the file name from an error: a temporary name means nothing to the reader,
// and any other is already in the message.
func WithoutPath(err error) error {
	if on, isPath := err.(*fs.PathError); isPath {
		return on.Err
	}
	return err
}

package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
)

// withFolder opens a folder, and creates it first if that is wanted.
func withFolder(path string, create bool, do func(*os.Root) error) error {
	root, err := openFolder(path)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err = createFolder(path); err == nil {
			root, err = openFolder(path)
		}
	}
	if err != nil {
		return atomicfile.WithoutPath(err)
	}
	defer root.Close()
	return atomicfile.WithoutPath(do(root))
}

// openFolder opens the folder that a path leads to. A link on the way is followed only if
// atomicfile.FollowLinks follows it, also if it was put there just now: what was opened is compared
// with what the path leads to afterwards.
func openFolder(path string) (*os.Root, error) {
	target, err := atomicfile.FollowLinks(path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err == nil {
		target, err = atomicfile.FollowLinks(path)
	}
	if err == nil {
		var there fs.FileInfo
		if there, err = os.Lstat(target); err == nil && !os.SameFile(opened, there) {
			err = errors.New("the folder was replaced just now")
		}
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return root, nil
}

// createFolder creates a folder as Tentacle creates it, but has it belong to the owner of the one
// above: Tentacle itself has to write there.
func createFolder(path string) error {
	above, err := openFolder(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer above.Close()
	name := filepath.Base(path)
	if err := above.Mkdir(name, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil // another process was faster, or openFolder says what it is
		}
		return err
	}
	created, err := above.Open(name)
	if err != nil {
		return err
	}
	giveToOwner(created, above)
	return created.Close()
}

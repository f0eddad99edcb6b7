package service

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// lockFolder exists only until the next boot, as do the restarts that are under way.
const lockFolder = "/run/octo-tentacle"

// lockFile is the file that Lock locks; "" where it is not to be had. It stays: with its removal,
// two processes could each hold a lock on a file of that name.
func lockFile(name string) string {
	if !systemdRuns() {
		return "" // nothing is restarted here
	}
	if err := os.Mkdir(lockFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return ""
	}
	return filepath.Join(lockFolder, url.PathEscape(name)+".lock")
}

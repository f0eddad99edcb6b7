package service

import (
	"net/url"
	"path/filepath"
)

// lockFile is the file that Lock locks; "" where it is not to be had. It stays: with its removal,
// two processes could each hold a lock on a file of that name.
func lockFile(name string) string {
	if !isAdministrator() {
		return ""
	}
	owner, err := allAdministrators()
	if err != nil {
		return ""
	}
	folder, err := adminFolder(owner, "locks")
	if err != nil {
		return ""
	}
	return filepath.Join(folder, url.QueryEscape(name)+".lock")
}

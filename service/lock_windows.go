package service

import (
	"net/url"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// lockFile is the file that Lock locks; "" where it is not to be had. It stays: with its removal,
// two processes could each hold a lock on a file of that name.
func lockFile(name string) string {
	if !windows.GetCurrentProcessToken().IsElevated() {
		return "" // others would make the folder theirs
	}
	folder, err := adminFolder("locks")
	if err != nil {
		return ""
	}
	return filepath.Join(folder, url.QueryEscape(name)+".lock")
}

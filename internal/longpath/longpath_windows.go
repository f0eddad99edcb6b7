package longpath

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// UTF16 is a path as the functions of Windows take it, of any length.
func UTF16(path string) (*uint16, error) { return windows.UTF16PtrFromString(Of(path)) }

// Of writes an absolute path so that Windows reads one of more than 260 characters, which versions
// before 10 and programs that did not ask for it do only in this form ("Maximum Path Length
// Limitation").
func Of(path string) string {
	const longest = 247 // of a folder: less than of a file
	if len(path) <= longest || !filepath.IsAbs(path) || strings.HasPrefix(path, `\\?\`) || strings.HasPrefix(path, `\\.\`) {
		return path
	}
	path = filepath.Clean(path) // in this form Windows takes dots and slashes as they are
	if server, ok := strings.CutPrefix(path, `\\`); ok {
		return `\\?\UNC\` + server
	}
	return `\\?\` + path
}

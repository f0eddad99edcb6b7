//go:build !windows

package atomicfile

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAFileSystemWithoutLinksGetsNewFilesToo(t *testing.T) {
	noLinks := func(string, string) error { return syscall.EPERM }
	folder := t.TempDir()
	temp, path := filepath.Join(folder, "temp"), filepath.Join(folder, "file")
	put(t, temp, "new")
	if err := renameByLink(noLinks, temp, path); err != nil {
		t.Fatal(err)
	}
	put(t, temp, "newer")
	if err := renameByLink(noLinks, temp, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing one: %v", err)
	}
	if got := read(t, path); got != "new" {
		t.Errorf("got %q", got)
	}
}

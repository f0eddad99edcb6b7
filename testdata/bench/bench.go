//go:build unix

package main

import (
	"os"
	"path/filepath"
)

// bench is what all measurements share: the programs, and a folder for their files.
type bench struct {
	program, hello, floor string
	quick                 bool
	folder                string
}

// times is the number of runs: full, or with --quick, quick.
func (b *bench) times(full, quick int) int {
	if b.quick {
		return quick
	}
	return full
}

// prepare makes the folder. The programs see no instance of this host, no proxy and no credentials.
func (b *bench) prepare() (err error) {
	if b.folder, err = os.MkdirTemp("", "octo-tentacle-bench"); err != nil {
		return err
	}
	os.Clearenv()
	os.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(b.folder, "home"))
	os.Setenv("HOME", b.folder)
	return nil
}

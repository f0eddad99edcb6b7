//go:build !windows

package commands

// outliveLogoffs is for Windows.
func outliveLogoffs() {}

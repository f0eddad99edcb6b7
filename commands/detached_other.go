//go:build !linux && !windows

package commands

import "io"

// runDetached is for systems with services.
func runDetached(func(in io.Reader, out, err io.Writer) *console, []string) (code int, is bool) {
	return 0, false
}

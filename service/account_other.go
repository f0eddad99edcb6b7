//go:build !linux

package service

import "context"

// Unreadable is always "": on Windows a file inherits its permissions from its folder.
func Unreadable(_, _ string) string { return "" }

// Give does nothing: on Windows a file inherits its permissions from its folder.
func Give(string, ...string) error { return nil }

// HomeFolder is always "": only on Linux does an account keep certificates in its home folder.
func HomeFolder(context.Context, string) string { return "" }

// Reader is always "": only on Linux is it known.
func Reader(context.Context, string, string) (account string, reads bool) { return "", false }

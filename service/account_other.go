//go:build !linux

package service

// Unreadable is always "": on Windows a file inherits its permissions from its folder.
func Unreadable(_, _ string) string { return "" }

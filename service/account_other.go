//go:build !linux

package service

// Unreadable is always "": on Windows a file inherits from its folder who may read it.
func Unreadable(_, _ string) string { return "" }

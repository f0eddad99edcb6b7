//go:build !windows

package service

// sidOf is always "": only Windows has SIDs.
func sidOf(string) string { return "" }

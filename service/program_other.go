//go:build !windows

package service

// registeredProgram is "": only the Windows installer records where it puts Tentacle.
func registeredProgram() string { return "" }

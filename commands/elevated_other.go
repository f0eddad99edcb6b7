//go:build !windows

package commands

// needAdministrator: here the file's mode decides, which the error says.
func needAdministrator() error { return nil }

// needRestartRights: here the service manager decides when it is asked.
func needRestartRights(string) error { return nil }

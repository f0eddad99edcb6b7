package commands

import "golang.org/x/sys/windows"

// hostName is the name of this machine as .NET's Environment.MachineName, and so Tentacle, has it:
// that of NetBIOS, of at most 15 characters and in upper case. The host name of the network, which
// may be longer, is another one, so a Tentacle would be registered once under each.
func hostName() string {
	name, err := windows.ComputerName()
	if err != nil {
		return "localhost"
	}
	return name
}

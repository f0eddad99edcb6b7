// Package suggest writes octo-tentacle command lines for a person to paste into a shell: complete,
// quoted for the shells of the system, and naming the Tentacle they are about.
package suggest

import (
	"cmp"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Tentacle is the Tentacle that a suggested command is about.
type Tentacle struct {
	Instance tentacleconfig.Instance
	Service  string // the name of its service
	GOOS     string // whose shells the command is for; "" for those of this system
}

func (t Tentacle) goos() string { return cmp.Or(t.GOOS, runtime.GOOS) }

// Command is an octo-tentacle command line. It names the instance (but not the default one), or the
// file of a Tentacle that is no instance, and the service where that has another name than usual.
func (t Tentacle) Command(name string, arguments ...string) string {
	if t.Instance.Name == tentacleconfig.DefaultInstance {
		return t.command(name, arguments)
	}
	return t.NamedCommand(name, arguments...)
}

// NamedCommand is Command that names the default instance, too: for a command that would destroy
// what another Tentacle has. Where it is pasted, a Tentacle.config in the current folder, or the
// Tentacle whose script is running, would be chosen before the default instance.
func (t Tentacle) NamedCommand(name string, arguments ...string) string {
	chosen := "--instance=" + t.Instance.Name
	if t.Instance.Name == "" {
		chosen = "--config=" + t.Instance.ConfigPath
	}
	return t.command(name, append(arguments[:len(arguments):len(arguments)], chosen))
}

func (t Tentacle) command(name string, arguments []string) string {
	if t.Service != service.NameFor(t.Instance.Name, t.goos()) {
		arguments = append(arguments[:len(arguments):len(arguments)], "--service="+t.Service)
	}
	words := []string{"octo-tentacle", name}
	for _, argument := range arguments {
		words = append(words, Quote(t.goos(), argument))
	}
	return strings.Join(words, " ")
}

// Deregister is the name of the command that deletes registrations of a kind.
func Deregister(kind octoapi.Kind) string {
	if kind == octoapi.Worker {
		return "deregister-worker"
	}
	return "deregister-from"
}

// Restart is the command that restarts the Tentacle's service. It is never the service manager's
// own command, which would kill the scripts of a running deployment.
func (t Tentacle) Restart() string {
	option := "--service=" + Quote(t.goos(), t.Service)
	if t.Instance.Name != "" && t.Service == service.NameFor(t.Instance.Name, t.goos()) {
		option = "--instance=" + Quote(t.goos(), t.Instance.Name)
	}
	return "octo-tentacle restart-service " + option
}

// Quote writes a word so that a shell of goos reads it as it is; on Windows, both cmd and
// PowerShell where that is possible.
func Quote(goos, word string) string {
	windows := goos == "windows"
	special := func(r rune) bool {
		letterOrDigit := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letterOrDigit && !strings.ContainsRune("-_./:=@+,%", r) && (r != '\\' || !windows)
	}
	switch {
	case word != "" && !strings.ContainsFunc(word, special):
		return word
	case !windows:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	case strings.ContainsAny(word, "\"$`“”„"): // which PowerShell interprets between double quotes
		return "'" + strings.ReplaceAll(word, "'", "''") + "'"
	}
	return `"` + word + `"` // the only quotes that cmd knows
}

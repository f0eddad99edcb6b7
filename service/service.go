// Package service queries, restarts, installs and removes the service that a Tentacle runs as: a
// systemd unit on Linux, a service of the service control manager on Windows.
//
// It promises that Restart restarts once and only a running service, and that a start counts only
// if the new process stays up for a while. Where no service manager runs (a container, macOS) it
// says so and does nothing. Importing it has no side effects.
package service

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
)

// A State is what a service is doing.
type State string

// The states of a service. A rarer state of a service manager keeps the manager's own name.
const (
	Running   State = "running"
	Crashing  State = "crashing" // its process keeps ending, and the service manager keeps starting another
	Stopped   State = "stopped"
	Starting  State = "starting"
	Stopping  State = "stopping"
	Failed    State = "failed"
	Absent    State = "absent"    // the service manager knows no service of that name
	Unmanaged State = "unmanaged" // no service manager runs here, as in a container

	// Foreign is the state of a service that has the usual name of a Tentacle's by chance, as
	// Status.ForeignCommand tells. No function here returns it: a name that is given counts.
	Foreign State = "foreign"
)

// Runs says whether a process with the current settings exists or is about to: only such a service
// needs a restart to use new settings.
func (s State) Runs() bool { return s == Running || s == Starting || s == Crashing }

// A Status is what the service manager said about a service.
type Status struct {
	Name    string
	State   State
	MainPID int       // 0 when no process runs
	Started time.Time // when the process was started; zero when unknown
	Reason  string    // how the last process ended ("exit status 3"); "" when it runs or that is unknown

	// Terminated says that the last process ended because it was told to (SIGTERM). Where a program
	// answers that with an exit code of its own, as .NET does (143), systemd calls the unit failed.
	Terminated bool

	// Restarts is how often the service manager has started it again since it was last started on
	// purpose; always 0 on Windows, which does not count.
	Restarts int

	// ForeignCommand is what the service runs if neither that nor its description is about a
	// Tentacle, and no process of it is one; secrets are hidden. It is always "" on Windows, where
	// the usual name of a Tentacle's service is nobody else's.
	ForeignCommand string
}

// String is the state with its details: "running (pid 123, since 2026-08-01 10:00:00)".
func (s Status) String() string {
	var details []string
	if s.MainPID != 0 {
		details = append(details, fmt.Sprintf("pid %d", s.MainPID))
	}
	if s.MainPID != 0 && !s.Started.IsZero() && (s.State == Running || s.State == Crashing) {
		details = append(details, "since "+s.Started.Local().Format(time.DateTime))
	}
	if s.State == Crashing && s.Restarts > 0 {
		details = append(details, "started again "+plural.Of(s.Restarts, "time", "times"))
	}
	if s.Reason != "" {
		details = append(details, s.Reason)
	}
	switch s.State {
	case Absent:
		details = append(details, "this machine has no service of that name")
	case Unmanaged:
		details = append(details, "no service manager runs here, as in a container")
	}
	if len(details) == 0 {
		return string(s.State)
	}
	return fmt.Sprintf("%s (%s)", s.State, strings.Join(details, ", "))
}

// NameFor returns the name under which Tentacle installs the service of an instance on goos (a
// value of runtime.GOOS). The instance is "" for a configuration file that no instance index
// names. On Linux the result is the unit's name without ".service".
//
// Sources: OctopusTentacle, LinuxServiceConfigurator.cs (the unit) and ServiceName.cs (the Windows
// name, which a unit without an instance has, too).
func NameFor(instance, goos string) string {
	const plain = "OctopusDeploy Tentacle"
	if goos == "windows" {
		if instance == "" || instance == "Tentacle" {
			return plain
		}
		return plain + ": " + instance
	}
	if instance == "" {
		instance = plain
	}
	return cleanUnitName(instance)
}

// cleanUnitName drops slashes and turns each run of white space into one "-", as Tentacle does
// before it writes the unit file.
func cleanUnitName(name string) string {
	var b strings.Builder
	inSpace := false
	for _, r := range strings.ReplaceAll(name, "/", "") {
		space := unicode.IsSpace(r)
		switch {
		case !space:
			b.WriteRune(r)
		case !inSpace:
			b.WriteByte('-')
		}
		inSpace = space
	}
	return b.String()
}

// A NameError is a name that no service can have on this system.
type NameError struct {
	Name   string
	Reason string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%q is not a valid service name: %s", e.Name, e.Reason)
}

// checkName refuses a name that no service manager accepts, before it reaches one. The error is a
// *NameError.
func checkName(name string) error {
	if strings.TrimSpace(name) == "" {
		return &NameError{name, "it is empty"}
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r == '/' || unicode.IsControl(r) }) {
		return &NameError{name, "it contains a slash or a control character"}
	}
	return nil
}

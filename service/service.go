// Package service looks at, restarts, installs and removes the service a Tentacle runs as: a systemd unit on Linux, a service of the service control
// manager on Windows. It promises that a restart is one restart, that it touches only a service that runs, and that a start is called done only when
// the new process has stayed up for a while. Where no service manager runs (a container, macOS) it says so and does nothing. Importing it does no work.
package service

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// A State is what a service does at the moment.
type State string

// The states of a service. A service manager's rarer states are passed on under its own name for them.
const (
	Running   State = "running"
	Stopped   State = "stopped"
	Starting  State = "starting" // also between a crash and systemd's next try
	Stopping  State = "stopping"
	Failed    State = "failed"
	Absent    State = "absent"    // the service manager knows no service of that name
	Unmanaged State = "unmanaged" // no service manager runs here, as in a container: whatever started the Tentacle restarts it
)

// Runs says whether a process with the settings of now is there, or is about to be: what a restart is for.
func (s State) Runs() bool { return s == Running || s == Starting }

// ErrUnmanaged is what cannot be done without a service manager.
var ErrUnmanaged = errors.New("no service manager that octo-tentacle knows runs here, as in a container\nwhatever is to run the Tentacle has to start it itself: Tentacle run --instance=NAME")

// A Status is what the service manager said about a service.
type Status struct {
	Name    string
	State   State
	MainPID int       // 0 when no process runs
	Started time.Time // when the process was started; zero when unknown
	Reason  string    // what became of a process that ended ("exit status 3"); "" when it runs or nothing is known
}

// String tells the state to a person, with the reason known for it: "running (pid 123, since 2026-08-01 10:00:00)".
func (s Status) String() string {
	var details []string
	if s.MainPID != 0 {
		details = append(details, fmt.Sprintf("pid %d", s.MainPID))
	}
	if s.State == Running && !s.Started.IsZero() {
		details = append(details, "since "+s.Started.Local().Format(time.DateTime))
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

// NameFor returns the name under which Tentacle installs the service of an instance on goos (a value of runtime.GOOS); the instance is "" for a configuration
// file that no instance index names. On Linux it is the unit's name without ".service".
// Sources: OctopusTentacle, LinuxServiceConfigurator.cs (the unit) and ServiceName.cs (the Windows name, which a unit without an instance bears too).
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

// cleanUnitName drops slashes and turns each run of white space into one "-", as Tentacle does before it writes the unit file.
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

// checkName refuses what cannot be a service's name anywhere, before it reaches a service manager.
func checkName(name string) error {
	if strings.TrimSpace(name) == "" {
		return errors.New("the name of the service is empty: name it with --service NAME")
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r == '/' || unicode.IsControl(r) }) {
		return fmt.Errorf("%q cannot be the name of a service: it contains a slash or a control character", name)
	}
	return nil
}

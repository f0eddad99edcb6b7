package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/unix"
)

// queryTimeout bounds a question to systemd, which is on this machine and responds at once or not
// at all.
const queryTimeout = 5 * time.Second

// Query asks systemd for the state of the unit NAME.service, for at most five seconds. A unit that
// does not exist is not an error but the state Absent, a host without systemd the state Unmanaged.
func Query(ctx context.Context, name string) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	tell := told(ctx, "query", name)
	u, now, err := openAndQuery(ctx, name)
	if u.conn != nil {
		u.conn.Close()
	}
	return tell(now.seen(time.Now()), err)
}

// systemdRuns says whether systemd is the init system here, as sd_booted(3) does.
func systemdRuns() bool {
	_, err := os.Lstat("/run/systemd/system")
	return !errors.Is(err, fs.ErrNotExist)
}

// A unit is a systemd unit and a connection to systemd; the connection is nil where no systemd
// runs.
type unit struct {
	name string // as people say it: octopus
	file string // as systemd says it: octopus.service
	conn *dbus.Conn
}

// open connects to systemd. Root talks to it directly, which works without a D-Bus daemon, too;
// other users go through the system bus.
func open(ctx context.Context, name string) (unit, error) {
	if err := checkName(name); err != nil {
		return unit{}, err
	}
	name = strings.TrimSuffix(name, ".service")
	u := unit{name: name, file: name + ".service"}
	if !systemdRuns() || ctx.Value(withoutManagerKey{}) != nil {
		return u, nil
	}
	var err error
	if os.Geteuid() == 0 {
		u.conn, err = dbus.NewSystemdConnectionContext(ctx)
	}
	if u.conn == nil {
		u.conn, err = dbus.NewSystemConnectionContext(ctx)
	}
	if err != nil {
		return u, u.failed(ctx, "query", err)
	}
	return u, nil
}

// openAndQuery opens a unit and asks for its status. The connection is nil where no systemd runs,
// or none can be reached.
func openAndQuery(ctx context.Context, name string) (unit, unitStatus, error) {
	u, err := open(ctx, name)
	if err != nil {
		return unit{}, unitStatus{Status: Status{Name: name}}, err
	}
	if u.conn == nil {
		return u, unitStatus{Status: Status{Name: u.name, State: Unmanaged}}, nil
	}
	now, err := u.query(ctx)
	return u, now, err
}

// A unitStatus is a Status with what only systemd has.
type unitStatus struct {
	Status
	fragment string // the unit file that systemd read; "" when there is none
	enabled  bool   // started at boot
	stale    bool   // the unit file was changed since systemd read it
}

// sameProcess reports whether the process that ran at s still runs at the later status now.
func (s unitStatus) sameProcess(now unitStatus) bool {
	return now.State == Running && now.MainPID == s.MainPID && now.Restarts == s.Restarts
}

// query asks for all properties in one call. Names and values: org.freedesktop.systemd1(5).
func (u unit) query(ctx context.Context) (unitStatus, error) {
	s := unitStatus{Status: Status{Name: u.name}}
	properties, err := u.properties(ctx)
	if err != nil {
		return s, err
	}
	if properties == nil {
		s.State = Absent
		return s, nil
	}
	s.State = stateOf(property[string](properties, "LoadState"), property[string](properties, "ActiveState"))
	s.MainPID = int(property[uint32](properties, "MainPID"))
	s.Restarts = int(property[uint32](properties, "NRestarts"))
	if strings.Contains(property[string](properties, "SubState"), "auto-restart") {
		s.State = Crashing // systemd waits a while before it starts it again
	}
	s.fragment = property[string](properties, "FragmentPath")
	s.enabled = strings.HasPrefix(property[string](properties, "UnitFileState"), "enabled")
	s.stale = property[bool](properties, "NeedDaemonReload")
	if started := property[uint64](properties, "ExecMainStartTimestamp"); started != 0 && s.MainPID != 0 {
		s.Started = time.UnixMicro(int64(started))
	}
	if s.MainPID == 0 && s.State != Absent {
		code, status := property[int32](properties, "ExecMainCode"), property[int32](properties, "ExecMainStatus")
		s.Reason = reason(property[string](properties, "Result"), code, status)
		s.Terminated = s.Reason != "" && code == 1 && status == 128+int32(unix.SIGTERM)
	}
	s.ForeignCommand = foreignIn(properties)
	return s, nil
}

// foreignIn is what a unit runs that is not a Tentacle's. A script may run a Tentacle without
// saying so: then a process does.
func foreignIn(properties map[string]any) string {
	var commands [][]string
	for _, c := range property[[][]any](properties, "ExecStart") { // org.freedesktop.systemd1(5): path, arguments, …
		if len(c) < 2 {
			continue
		}
		program, _ := c[0].(string)
		if arguments, _ := c[1].([]string); len(arguments) > 0 {
			commands = append(commands, append([]string{program}, arguments[1:]...))
		}
	}
	command := foreignCommand(property[string](properties, "Description"), commands)
	if command == "" || mayRunTentacle(property[string](properties, "ControlGroup"), int(property[uint32](properties, "MainPID"))) {
		return ""
	}
	return hideSecrets(command)
}

// mayRunTentacle says whether a process of a control group is a Tentacle, or may be one, because
// this user does not see the processes of others (proc(5), hidepid).
func mayRunTentacle(group string, main int) bool {
	if group == "" {
		return false
	}
	pids, err := pidsOf(group)
	if err != nil || main != 0 && len(pids) == 0 {
		return true
	}
	return slices.ContainsFunc(pids, func(pid int) bool {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // one that has ended is none
		return isAboutTentacle(strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00"))
	})
}

// properties asks systemd for all properties of the unit; nil for a name that no unit can have. A
// unit that does not exist has properties: LoadState is "not-found".
func (u unit) properties(ctx context.Context) (map[string]any, error) {
	properties, err := u.conn.GetAllPropertiesContext(ctx, u.file)
	if isInvalidName(err) {
		return nil, nil
	}
	if err != nil {
		return nil, u.failed(ctx, "query", err)
	}
	return properties, nil
}

// propertiesOf asks systemd for all properties of the unit NAME.service; nil on a host without
// systemd, too.
func propertiesOf(ctx context.Context, name string) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	u, err := open(ctx, name)
	if err != nil || u.conn == nil {
		return nil, err
	}
	defer u.conn.Close()
	return u.properties(ctx)
}

// property is the zero value where systemd has no such property: an older systemd, or a unit
// without a process.
func property[T any](properties map[string]any, name string) T {
	value, _ := properties[name].(T)
	return value
}

// stateOf translates systemd's states. A unit whose file was removed while it runs is not absent
// yet.
func stateOf(load, active string) State {
	switch active {
	case "active", "reloading", "refreshing":
		return Running
	case "activating":
		return Starting
	case "deactivating":
		return Stopping
	case "failed":
		return Failed
	case "inactive":
		if load == "not-found" {
			return Absent
		}
		return Stopped
	}
	return State(active)
}

// reason says how the last process ended: code is a CLD_… of waitid(2), status the exit status or
// the signal. An orderly end has no reason.
func reason(result string, code, status int32) string {
	if result == "success" || result == "" {
		return ""
	}
	switch code {
	case 1: // CLD_EXITED
		text := fmt.Sprintf("exit status %d", status)
		switch status { // those of a process that systemd could not start: systemd.exec(5)
		case 200:
			text += ", its working directory is missing"
		case 203:
			text += ", its program could not be executed"
		case 217:
			text += ", its user does not exist"
		}
		return text
	case 2, 3: // CLD_KILLED, CLD_DUMPED
		return "killed by " + unix.SignalName(unix.Signal(status))
	}
	return result
}

// failed is the error for a call to systemd that failed; doing is what was tried, like "restart".
func (u unit) failed(ctx context.Context, doing string, err error) error {
	if isDenied(err) {
		return hint.Errorf("run this as root (sudo)", "not allowed to %s the service %s", doing, u.name)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("systemd did not respond about the service %s: %w", u.name, context.Cause(ctx))
	}
	return u.seeStatus("see what systemd says", fmt.Errorf("could not %s the service %s through systemd: %w", doing, u.name, err))
}

// seeStatus is err with the command that shows the unit's status, and what it is for.
func (u unit) seeStatus(purpose string, err error) error {
	return &ManagerError{err, purpose, []string{"systemctl", "status", u.name}}
}

// seeLog is err with the command that shows why a service does not run.
func (u unit) seeLog(err error) error {
	return &ManagerError{err, "see why", []string{"journalctl", "-u", u.name, "-n", "50"}}
}

func isDenied(err error) bool {
	if answer, is := errors.AsType[godbus.Error](err); is {
		return answer.Name == "org.freedesktop.DBus.Error.AccessDenied" ||
			answer.Name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
	}
	return errors.Is(err, fs.ErrPermission)
}

// CheckRestartPrivileges reports whether this account may restart the unit NAME.service. It changes
// nothing. Without a unit or systemd of that name, there is nothing to forbid.
//
// There is no question for this: a rule of polkit may allow one user one verb on one unit, and only
// systemd can ask polkit about that (polkit(8), org.freedesktop.systemd1(5)). So systemd is asked
// for a restart that it refuses as a contradiction, but not before it has looked at the rights: the
// mode "triggering" is for stopping only. A systemd from before version 247 does not know the mode,
// and refuses that first: then the restart itself shows whether it is allowed.
func CheckRestartPrivileges(ctx context.Context, name string) error {
	if os.Geteuid() == 0 {
		return checkName(name)
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	u, err := open(ctx, name)
	if err != nil || u.conn == nil {
		return err
	}
	defer u.conn.Close()
	if _, err := u.conn.RestartUnitContext(ctx, u.file, "triggering", nil); isDenied(err) {
		return u.failed(ctx, restart.verb, err)
	}
	return nil
}

// isInvalidName reports whether systemd refuses the unit's name as such (an umlaut, an
// ampersand): no unit can have it.
func isInvalidName(err error) bool {
	answer, is := errors.AsType[godbus.Error](err)
	return is && (answer.Name == "org.freedesktop.DBus.Error.InvalidArgs" ||
		answer.Name == "org.freedesktop.DBus.Error.UnknownObject")
}

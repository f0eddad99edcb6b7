package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// pollInterval is how often systemd is asked while something is waited for: short enough to see a service between two of systemd's own tries
// (RestartSec is 100 ms unless the unit says otherwise).
const pollInterval = 40 * time.Millisecond

// Look asks systemd for the state of the unit NAME.service. A unit that does not exist is no error but the state Absent, a machine
// without systemd the state Unmanaged.
func Look(ctx context.Context, name string) (Status, error) {
	u, err := open(ctx, name)
	if err != nil {
		return Status{Name: name}, err
	}
	if u.conn == nil {
		return Status{Name: u.name, State: Unmanaged}, nil
	}
	defer u.conn.Close()
	now, err := u.look(ctx)
	return now.Status, err
}

// Restart restarts the unit NAME.service if it runs, and returns once the new process has stayed up for two seconds. A unit that does not run (and a machine without
// systemd) is left alone: the status says so, without an error. So after no error the unit was restarted if the state is Running, and not otherwise.
// progress, which may be nil, is told what is being waited for.
func Restart(ctx context.Context, name string, progress func(string)) (Status, error) {
	if progress == nil {
		progress = func(string) {}
	}
	u, err := open(ctx, name)
	if err != nil {
		return Status{Name: name}, err
	}
	if u.conn == nil {
		return Status{Name: u.name, State: Unmanaged}, nil
	}
	defer u.conn.Close()

	before, err := u.look(ctx)
	if err != nil || !before.State.runs() {
		return before.Status, err
	}
	progress("restarting " + u.name)
	done := make(chan string, 1)
	if _, err := u.conn.RestartUnitContext(ctx, u.file, "replace", done); err != nil {
		return before.Status, u.explain(ctx, "restart", err)
	}
	if now, err := u.waitForJob(ctx, done, progress); err != nil {
		return now, err
	}
	progress("waiting whether " + u.name + " stays up")
	return u.settle(ctx)
}

// A unit is a systemd unit and the connection to the systemd that runs it; no connection where no systemd runs.
type unit struct {
	name string // as people say it: octopus
	file string // as systemd says it: octopus.service
	conn *dbus.Conn
}

// open connects to systemd. Root speaks to it directly, which works without a D-Bus daemon too; others go through the system bus.
func open(ctx context.Context, name string) (unit, error) {
	if err := checkName(name); err != nil {
		return unit{}, err
	}
	name = strings.TrimSuffix(name, ".service")
	u := unit{name: name, file: name + ".service"}
	// As sd_booted(3) tells whether systemd runs.
	if _, err := os.Lstat("/run/systemd/system"); errors.Is(err, fs.ErrNotExist) {
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
		return u, u.explain(ctx, "look at", err)
	}
	return u, nil
}

// A moment is a status with what tells one life of the service from the next.
type moment struct {
	Status
	restarts uint32 // how often systemd restarted it on its own since it was last started on purpose
}

// sameLife reports whether the process that ran at m still runs at the later moment now.
func (m moment) sameLife(now moment) bool {
	return now.State == Running && now.MainPID == m.MainPID && now.restarts == m.restarts
}

// look asks for all properties in one call. Names and values: org.freedesktop.systemd1(5).
func (u unit) look(ctx context.Context) (moment, error) {
	m := moment{Status: Status{Name: u.name}}
	properties, err := u.conn.GetAllPropertiesContext(ctx, u.file)
	if isInvalidName(err) {
		m.State = Absent
		return m, nil
	}
	if err != nil {
		return m, u.explain(ctx, "look at", err)
	}
	m.State = stateOf(property[string](properties, "LoadState"), property[string](properties, "ActiveState"))
	m.MainPID = int(property[uint32](properties, "MainPID"))
	m.restarts = property[uint32](properties, "NRestarts")
	if started := property[uint64](properties, "ExecMainStartTimestamp"); started != 0 && m.MainPID != 0 {
		m.Started = time.UnixMicro(int64(started))
	}
	if m.MainPID == 0 && m.State != Absent {
		m.Reason = reason(property[string](properties, "Result"), property[int32](properties, "ExecMainCode"), property[int32](properties, "ExecMainStatus"))
	}
	return m, nil
}

// property is the zero value when systemd has no such property: an older systemd, or a unit without a process.
func property[T any](properties map[string]any, name string) T {
	value, _ := properties[name].(T)
	return value
}

// stateOf translates systemd's states. A unit whose file was removed while it runs is not absent yet.
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

// reason says how the last process ended: code is a CLD_… of waitid(2), status the exit status or signal. An orderly end has no reason.
func reason(result string, code, status int32) string {
	if result == "success" || result == "" {
		return ""
	}
	switch code {
	case 1: // CLD_EXITED
		text := fmt.Sprintf("exit status %d", status)
		// The statuses of a process that systemd could not start: systemd.exec(5).
		if why := map[int32]string{200: "its working directory is missing", 203: "its program could not be executed", 217: "its user does not exist"}[status]; why != "" {
			text += ", " + why
		}
		return text
	case 2, 3: // CLD_KILLED, CLD_DUMPED
		return "killed by " + unix.SignalName(unix.Signal(status))
	}
	return result
}

// waitForJob waits until systemd has stopped the old process and started the new one.
func (u unit) waitForJob(ctx context.Context, done <-chan string, progress func(string)) (Status, error) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	var now moment
	for {
		select {
		case result := <-done:
			if result == "done" {
				return now.Status, nil
			}
			now, err := u.look(ctx)
			return now.Status, errors.Join(u.jobFailed(now.Status, result), err)
		case <-ctx.Done():
			return now.Status, u.interrupted(ctx, now.Status)
		case <-poll.C:
			was := now.State
			var err error
			if now, err = u.look(ctx); err != nil && ctx.Err() == nil {
				return now.Status, err
			}
			if now.State == Stopping && was != Stopping {
				progress("waiting for " + u.name + " to stop")
			}
		}
	}
}

// settle watches the new process until it has lived for the settle time.
func (u unit) settle(ctx context.Context) (Status, error) {
	first, err := u.look(ctx)
	if err != nil {
		return first.Status, err
	}
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for end := time.Now().Add(settleTime); time.Now().Before(end); {
		now, err := u.look(ctx)
		switch {
		case ctx.Err() != nil:
			return first.Status, u.interrupted(ctx, first.Status)
		case err != nil:
			return now.Status, err
		case !first.sameLife(now) || first.restarts > 0:
			return u.died(ctx, now)
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		}
	}
	return first.Status, nil
}

// died makes the error for a service that did not stay up. When systemd has started it again already, how it ended is known only
// the next time it ends, which is waited for a little.
func (u unit) died(ctx context.Context, now moment) (Status, error) {
	for end := time.Now().Add(settleTime); now.Reason == "" && now.State.runs() && time.Now().Before(end) && ctx.Err() == nil; time.Sleep(pollInterval / 4) {
		if next, err := u.look(ctx); err == nil {
			now = next
		}
	}
	how := ""
	if now.Reason != "" {
		how = " (" + now.Reason + ")"
	}
	after := "is " + string(now.State) + " now"
	if now.State.runs() {
		after = "systemd keeps starting it again"
	}
	return now.Status, fmt.Errorf("%s was restarted but did not stay up%s; %s\n%s", u.name, how, after, u.hint())
}

// jobFailed explains the result of a job that is not "done". The results: org.freedesktop.systemd1(5), JobRemoved.
func (u unit) jobFailed(now Status, result string) error {
	switch result {
	case "canceled":
		return fmt.Errorf("%s was not restarted: something else asked systemd to start or stop it at the same time; it is %s now\ntry again, or run: systemctl restart %s", u.name, now, u.quoted())
	case "dependency":
		return fmt.Errorf("%s was not restarted: a unit that it depends on failed; it is %s now\n%s", u.name, now, u.hint())
	case "timeout":
		return fmt.Errorf("%s was not restarted in the time that its unit file allows; it is %s now\n%s", u.name, now, u.hint())
	}
	return fmt.Errorf("%s could not be restarted (%s); it is %s now\n%s", u.name, result, now, u.hint())
}

// interrupted is the error for a wait that the caller ended: systemd goes on with what it was asked.
func (u unit) interrupted(ctx context.Context, now Status) error {
	where := ""
	if now.State != "" {
		where = " (it is " + string(now.State) + ")"
	}
	return fmt.Errorf("the restart of %s is under way%s but was not waited for: %w\nsystemd goes on with it; see: systemctl status %s", u.name, where, context.Cause(ctx), u.quoted())
}

// explain says what a failed call means for the person who has to make it work.
func (u unit) explain(ctx context.Context, doing string, err error) error {
	if isDenied(err) {
		return fmt.Errorf("not allowed to %s the service %s: run as root (sudo)", doing, u.name)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("systemd did not answer about the service %s: %w", u.name, context.Cause(ctx))
	}
	return fmt.Errorf("could not %s the service %s through systemd: %w\nsee what systemd says: systemctl status %s", doing, u.name, err, u.quoted())
}

// hint names the command that shows why a service does not run.
func (u unit) hint() string {
	return "see why: journalctl -u " + u.quoted() + " -n 50"
}

// quoted is the name as a shell needs it.
func (u unit) quoted() string {
	if strings.ContainsAny(u.name, " \t'\"\\$&;()<>|*?`") {
		return "'" + strings.ReplaceAll(u.name, "'", `'\''`) + "'"
	}
	return u.name
}

func isDenied(err error) bool {
	var answer godbus.Error
	if errors.As(err, &answer) {
		return answer.Name == "org.freedesktop.DBus.Error.AccessDenied" || answer.Name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
	}
	return errors.Is(err, fs.ErrPermission)
}

// isInvalidName reports whether systemd refuses the unit's name as such (an umlaut, an ampersand): no unit can have it.
func isInvalidName(err error) bool {
	var answer godbus.Error
	return errors.As(err, &answer) && (answer.Name == "org.freedesktop.DBus.Error.InvalidArgs" || answer.Name == "org.freedesktop.DBus.Error.UnknownObject")
}

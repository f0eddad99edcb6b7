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
	u, now, err := openAndLook(ctx, name)
	if u.conn != nil {
		u.conn.Close()
	}
	return now.Status, err
}

// Restart restarts the unit NAME.service if it runs, and returns once the new process has stayed up for two seconds. A unit that does not run (and a machine without
// systemd) is left alone: the status says so, without an error. So after no error the unit was restarted if the state is Running, and not otherwise.
// progress, which may be nil, is told what is being waited for.
func Restart(ctx context.Context, name string, progress func(string)) (Status, error) {
	u, before, err := openAndLook(ctx, name)
	if u.conn == nil {
		return before.Status, err
	}
	defer u.conn.Close()
	if err != nil || !before.State.Runs() {
		return before.Status, err
	}
	return u.bringUp(ctx, restart, u.conn.RestartUnitContext, before, progress)
}

// Start starts the unit NAME.service unless it runs, and returns once its process has stayed up for two seconds. A unit that runs, one that does not exist and
// a machine without systemd are left alone: the status says so, without an error. One that systemd gave up starting, or waits to start again after a crash, is
// started at once. progress, which may be nil, is told what is being waited for.
func Start(ctx context.Context, name string, progress func(string)) (Status, error) {
	u, before, err := openAndLook(ctx, name)
	if u.conn == nil {
		return before.Status, err
	}
	defer u.conn.Close()
	if err != nil || before.State == Running || before.State == Absent {
		return before.Status, err
	}
	ask := u.conn.StartUnitContext
	switch {
	case before.State == Failed:
		// Otherwise systemd may refuse because of too many starts, which were those of the past. Whether it helped shows below.
		_ = u.conn.ResetFailedUnitContext(ctx, u.file)
	case before.crashed:
		ask = u.conn.RestartUnitContext // a start would wait for systemd's own next try
	}
	return u.bringUp(ctx, start, ask, before, progress)
}

// Stop stops the unit NAME.service if it runs, and returns once it has stopped. A unit that does not run (and a machine without systemd) is left alone: the
// status says so, without an error. progress, which may be nil, is told what is being waited for.
func Stop(ctx context.Context, name string, progress func(string)) (Status, error) {
	u, before, err := openAndLook(ctx, name)
	if u.conn == nil {
		return before.Status, err
	}
	defer u.conn.Close()
	if err != nil || !before.State.Runs() && before.State != Stopping {
		return before.Status, err
	}
	return u.stop(ctx, before, progress)
}

func (u unit) stop(ctx context.Context, before moment, progress func(string)) (Status, error) {
	progress = orSilent(progress)
	progress("waiting for " + u.name + " to stop")
	done := make(chan string, 1)
	if _, err := u.conn.StopUnitContext(ctx, u.file, "replace", done); err != nil {
		return before.Status, u.explain(ctx, stop.verb, err)
	}
	if now, err := u.waitForJob(ctx, stop, done, progress); err != nil {
		return now, err
	}
	now, err := u.look(ctx)
	return now.Status, err
}

// bringUp asks systemd for a start or a restart and waits until the new process has stayed up.
func (u unit) bringUp(ctx context.Context, d deed, ask func(context.Context, string, string, chan<- string) (int, error), before moment, progress func(string)) (Status, error) {
	progress = orSilent(progress)
	progress(d.doing + " " + u.name)
	done := make(chan string, 1)
	if _, err := ask(ctx, u.file, "replace", done); err != nil {
		return before.Status, u.explain(ctx, d.verb, err)
	}
	if now, err := u.waitForJob(ctx, d, done, progress); err != nil {
		return now, err
	}
	progress("waiting whether " + u.name + " stays up")
	return u.settle(ctx, d)
}

// A deed is what systemd is asked to do, in the words for it.
type deed struct{ verb, doing, done string }

var (
	restart = deed{"restart", "restarting", "restarted"}
	start   = deed{"start", "starting", "started"}
	stop    = deed{"stop", "stopping", "stopped"}
)

// openAndLook is open and a first look; without a connection where no systemd runs, or none can be reached.
func openAndLook(ctx context.Context, name string) (unit, moment, error) {
	u, err := open(ctx, name)
	if err != nil {
		return unit{}, moment{Status: Status{Name: name}}, err
	}
	if u.conn == nil {
		return u, moment{Status: Status{Name: u.name, State: Unmanaged}}, nil
	}
	before, err := u.look(ctx)
	return u, before, err
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
	crashed  bool   // systemd waits a while before it starts it again
	fragment string // the unit file that systemd read; "" when there is none
	enabled  bool   // started when the machine starts
	stale    bool   // the unit file was changed since systemd read it
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
	m.crashed = strings.HasPrefix(property[string](properties, "SubState"), "auto-restart")
	m.fragment = property[string](properties, "FragmentPath")
	m.enabled = strings.HasPrefix(property[string](properties, "UnitFileState"), "enabled")
	m.stale = property[bool](properties, "NeedDaemonReload")
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

// waitForJob waits until systemd has stopped the old process and started the new one, or what of the two it was asked.
func (u unit) waitForJob(ctx context.Context, d deed, done <-chan string, progress func(string)) (Status, error) {
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
			return now.Status, errors.Join(u.jobFailed(d, now.Status, result), err)
		case <-ctx.Done():
			return now.Status, u.interrupted(ctx, d, now.Status)
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
func (u unit) settle(ctx context.Context, d deed) (Status, error) {
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
			return first.Status, u.interrupted(ctx, d, first.Status)
		case err != nil:
			return now.Status, err
		case !first.sameLife(now) || first.restarts > 0:
			return u.died(ctx, d, now)
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
func (u unit) died(ctx context.Context, d deed, now moment) (Status, error) {
	for end := time.Now().Add(settleTime); now.Reason == "" && now.State.Runs() && time.Now().Before(end) && ctx.Err() == nil; time.Sleep(pollInterval / 4) {
		if next, err := u.look(ctx); err == nil {
			now = next
		}
	}
	how := ""
	if now.Reason != "" {
		how = " (" + now.Reason + ")"
	}
	after := "is " + string(now.State) + " now"
	if now.State.Runs() {
		after = "systemd keeps starting it again"
	}
	return now.Status, fmt.Errorf("%s was %s but did not stay up%s; %s\n%s", u.name, d.done, how, after, u.hint())
}

// jobFailed explains the result of a job that is not "done". The results: org.freedesktop.systemd1(5), JobRemoved.
func (u unit) jobFailed(d deed, now Status, result string) error {
	switch result {
	case "canceled":
		return fmt.Errorf("%s was not %s: something else asked systemd to start or stop it at the same time; it is %s now\ntry again, or run: systemctl %s %s", u.name, d.done, now, d.verb, u.quoted())
	case "dependency":
		return fmt.Errorf("%s was not %s: a unit that it depends on failed; it is %s now\n%s", u.name, d.done, now, u.hint())
	case "timeout":
		return fmt.Errorf("%s was not %s in the time that its unit file allows; it is %s now\n%s", u.name, d.done, now, u.hint())
	}
	return fmt.Errorf("%s could not be %s (%s); it is %s now\n%s", u.name, d.done, result, now, u.hint())
}

// interrupted is the error for a wait that the caller ended: systemd goes on with what it was asked.
func (u unit) interrupted(ctx context.Context, d deed, now Status) error {
	where := ""
	if now.State != "" {
		where = " (it is " + string(now.State) + ")"
	}
	return fmt.Errorf("the %s of %s is under way%s but was not waited for: %w\nsystemd goes on with it; see: systemctl status %s", d.verb, u.name, where, context.Cause(ctx), u.quoted())
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
	if answer, is := errors.AsType[godbus.Error](err); is {
		return answer.Name == "org.freedesktop.DBus.Error.AccessDenied" || answer.Name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
	}
	return errors.Is(err, fs.ErrPermission)
}

// isInvalidName reports whether systemd refuses the unit's name as such (an umlaut, an ampersand): no unit can have it.
func isInvalidName(err error) bool {
	answer, is := errors.AsType[godbus.Error](err)
	return is && (answer.Name == "org.freedesktop.DBus.Error.InvalidArgs" || answer.Name == "org.freedesktop.DBus.Error.UnknownObject")
}

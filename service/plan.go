package service

import (
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// A Request is what is to be done to a service. Several things are done in the order of Tentacle:
// restart, stop, uninstall, install, reconfigure, start (Startup/LinuxServiceConfigurator.cs and
// WindowsServiceConfigurator.cs). Disable, which Tentacle does not have, comes after stop.
type Request struct {
	Restart, Stop, Disable, Uninstall, Install, Reconfigure, Start bool

	Interrupted     bool // a restart came to no end: the service was not stopped on purpose
	NoRestart       bool // with Reconfigure: do not restart a service that runs
	NewPassword     bool // one is given for the account: it cannot be compared with the old one (Windows)
	OnlyIfInstalled bool // Start is not an error where there is no service, and leaves one that is starting alone

	Kept []string // with Install, what was changed by hand and stays: Definition.Kept
}

// Empty says whether there is nothing to do.
func (r Request) Empty() bool {
	return !(r.Restart || r.Stop || r.Disable || r.Uninstall || r.Install || r.Reconfigure || r.Start)
}

// Defines says whether the request needs a Definition.
func (r Request) Defines() bool { return r.Install || r.Reconfigure }

// An Action is something to do to a service.
type Action string

// The actions of a plan. To install, to reconfigure and to enable are the same call: Install.
const (
	ActionRestart     Action = "restart"
	ActionStart       Action = "start"
	ActionStop        Action = "stop"
	ActionUninstall   Action = "uninstall"
	ActionInstall     Action = "install"
	ActionReconfigure Action = "reconfigure"
	ActionEnable      Action = "enable"
	ActionDisable     Action = "disable"
)

// A Step is an action, or a note that says why there is none.
type Step struct {
	Action Action // "" for none
	Note   string // with an action what follows "was" or "would be" ("installed"), else "does not run: …"

	OldDefinition bool // the service runs with its old definition until it is restarted
	Kept          bool // something that was changed by hand stays, unless Reconfigure is asked for
}

// A Plan is what a request means for a service.
type Plan struct {
	Steps      []Step
	Difference string // by line, between what is installed (-) and what will be (+); secrets are hidden
}

// Actions are those of the steps, in their order.
func (p *Plan) Actions() (actions []Action) {
	for _, step := range p.Steps {
		if step.Action != "" {
			actions = append(actions, step.Action)
		}
	}
	return actions
}

// MakePlan decides what has to be done to the service found. wanted is the text of its definition
// (Definition.Text) where the request needs one, goos a value of runtime.GOOS. The error is one of
// the types *ForeignUnitError, *ForeignServiceError, *MaskedError, *CustomizedError and
// *NoServiceError.
func MakePlan(request Request, found Installation, wanted, goos string) (*Plan, error) {
	if err := refuseForeign(request, found); err != nil {
		return nil, err
	}
	p := &planner{Request: request, found: found, goos: goos}
	if request.Restart {
		p.restart()
	}
	if request.Stop {
		p.stop()
	}
	if request.Disable {
		p.disable()
	}
	if request.Uninstall {
		p.uninstall()
	}
	if request.Defines() {
		if err := p.define(wanted); err != nil {
			return nil, err
		}
	}
	if request.Start {
		if err := p.start(); err != nil {
			return nil, err
		}
	}
	return &p.plan, nil
}

// A planner is a plan in the making.
type planner struct {
	Request
	goos  string
	found Installation // as it will be after the steps so far
	plan  Plan
}

func (p *planner) do(action Action, done string) {
	p.plan.Steps = append(p.plan.Steps, Step{Action: action, Note: done})
}

func (p *planner) note(text string) { p.do("", text) }

func (p *planner) restart() {
	switch {
	case !p.found.Exists:
		p.note("does not exist: there is nothing to restart")
	case p.found.State.Runs():
		p.do(ActionRestart, "restarted")
		p.found.State = Running
	case p.goos == "windows" && !p.Interrupted:
		p.note("is not running, so it was not restarted")
	default: // as systemctl restart does
		p.do(ActionStart, "started: it was not running")
		p.found.State = Running
	}
}

func (p *planner) stop() {
	switch {
	case !p.found.Exists:
		p.note("does not exist: there is nothing to stop")
	case p.found.State.Runs() || p.found.State == Stopping:
		p.do(ActionStop, "stopped")
		p.found.State = Stopped
	default:
		p.note("is not running: there is nothing to stop")
	}
}

func (p *planner) disable() {
	switch {
	case !p.found.Exists:
		p.note("does not exist: there is nothing to disable")
	case !p.found.Enabled:
		p.note("is not started at boot: there is nothing to disable")
	default:
		p.do(ActionDisable, "disabled: it is not started at boot")
		p.found.Enabled, p.found.Current = false, false
	}
}

func (p *planner) uninstall() {
	switch {
	case !p.found.Exists:
		p.note("does not exist: there is nothing to uninstall")
		return
	case p.found.State.Runs():
		p.do(ActionUninstall, "stopped and uninstalled")
	default:
		p.do(ActionUninstall, "uninstalled")
	}
	p.found.Exists, p.found.State, p.found.Text = false, Absent, ""
}

func (p *planner) define(wanted string) error {
	// A service that is to start, and does not run, may not do so for want of this very password.
	password := p.NewPassword && (p.Reconfigure || p.Start && !p.found.State.Runs())
	replaced := p.found.Text != "" && (p.found.Text != wanted || password)
	switch {
	case p.found.Text == "":
		p.do(ActionInstall, "installed, to start at boot")
	case p.found.Text != wanted:
		p.plan.Difference = difference(p.found.Text, wanted)
		if p.found.Customized && !p.Reconfigure {
			return &CustomizedError{p.found.Name, p.plan.Difference}
		}
		p.do(ActionReconfigure, "reconfigured")
	case replaced:
		p.do(ActionReconfigure, "given the password")
	case p.found.Current:
		p.note("is already installed")
	default:
		p.do(ActionEnable, "enabled, to start at boot")
	}
	p.found.Exists = true
	if len(p.Kept) > 0 {
		p.plan.Steps = append(p.plan.Steps, Step{Note: "keeps what was changed by hand: " + strings.Join(p.Kept, ", "), Kept: true})
	}
	switch {
	case !replaced || !p.found.State.Runs():
	case p.NoRestart || !p.Reconfigure: // Install restarts nothing, as in Tentacle
		p.plan.Steps = append(p.plan.Steps, Step{Note: "runs with its old definition until it is restarted", OldDefinition: true})
	default:
		p.do(ActionRestart, "restarted")
		p.found.State = Running
	}
	return nil
}

func (p *planner) start() error {
	switch {
	case !p.found.Exists && p.OnlyIfInstalled:
		p.note("does not exist: there is nothing to start")
	case !p.found.Exists:
		return &NoServiceError{p.found.Name}
	case p.found.State == Running:
		p.note("is running: there is nothing to start")
	case p.found.State == Starting && p.OnlyIfInstalled:
		p.note("is already starting")
	case p.found.State == Crashing && p.OnlyIfInstalled:
		p.note("is started again by the service manager each time it ends")
	default:
		p.do(ActionStart, "started")
		p.found.State = Running
	}
	return nil
}

// refuseForeign refuses to replace or remove a service that is not a Tentacle's.
func refuseForeign(r Request, found Installation) error {
	switch {
	case found.Masked && (r.Defines() || r.Start || r.Restart):
		return &MaskedError{found.Name}
	case !(r.Defines() || r.Uninstall) || found.Masked:
		return nil
	case found.UnitPath != "":
		return &ForeignUnitError{found.Name, found.UnitPath, found.File}
	case found.Foreign != "":
		return &ForeignServiceError{found.Name, hideSecrets(found.Foreign)}
	}
	return nil
}

// A ForeignUnitError is a request to replace or remove a unit that no Tentacle installed.
type ForeignUnitError struct {
	Service string
	Unit    string // where its unit is
	File    string // where a Tentacle would have put it
}

func (e *ForeignUnitError) Error() string {
	return fmt.Sprintf("service %s is not one that a Tentacle installed: its unit is %s, not %s", e.Service, e.Unit, e.File)
}

// A MaskedError is a request to start or install a service that is masked (systemd).
type MaskedError struct{ Service string }

func (e *MaskedError) Error() string {
	return fmt.Sprintf("service %s is masked, so nothing can start it", e.Service)
}

// A CustomizedError is a request to install a service over a definition that was changed by hand.
type CustomizedError struct {
	Service    string
	Difference string // see Plan
}

func (e *CustomizedError) Error() string {
	return fmt.Sprintf("service %s is already installed, and its definition was changed by hand", e.Service)
}

// A NoServiceError is a request to start a service that does not exist.
type NoServiceError struct{ Service string }

func (e *NoServiceError) Error() string {
	return fmt.Sprintf("there is no service %s to start", e.Service)
}

// difference shows, line by line, what is installed (-) and what would be (+). Secrets are
// hidden: a unit may have them in its environment.
func difference(installed, wanted string) string {
	text := string(diff.Diff("installed", []byte(installed), "wanted", []byte(wanted)))
	_, text, _ = strings.Cut(text, "\n") // the line with the names of both
	return hideSecrets(text)
}

// hideSecrets hides what secretInUnit finds.
func hideSecrets(text string) string { return secretInUnit().ReplaceAllString(text, "$1$2********$3") }

// secretInUnit finds secrets that people put into units: the values of what is called a key, a
// password and so on, and passwords in addresses.
var secretInUnit = lazyregexp.New(`(?i)((?:key|password|token|secret|credential)\w*["']?[ \t=:]+)[^\n]+|(://)[^/@\s]+(@)`)

package commands

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/rogpeppe/go-internal/diff"
)

// serviceStep is a step of the decision: something to do, or only to tell.
type serviceStep struct {
	action string // as in the JSON; "" for nothing to do
	done   string // "installed", after "was" or "would be"; what to tell where there is nothing to do
}

// servicePlan is a service as it will be after the steps decided so far.
type servicePlan struct {
	name     string
	state    service.State
	exists   bool
	text     string // its definition, whether that is in force, and a person's
	current  bool
	personal bool

	steps      []serviceStep
	difference string // between what is installed and what will be
}

// planService decides what has to be done to a service as it is found. Nothing
// has been done when it refuses.
func planService(w serviceWish, found service.Installation, wanted, goos string) (*servicePlan, error) {
	if err := refuseForeign(w, found); err != nil {
		return nil, err
	}
	p := &servicePlan{name: found.Name, state: found.State, exists: found.Exists, text: found.Text, current: found.Current, personal: found.Personal}
	if w.restart {
		p.restart(goos)
	}
	if w.stop {
		p.stop()
	}
	if w.uninstall {
		p.uninstall()
	}
	if w.defines() {
		if err := p.define(w, wanted); err != nil {
			return nil, err
		}
	}
	if w.start {
		if err := p.start(w); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *servicePlan) do(action, done string) { p.steps = append(p.steps, serviceStep{action, done}) }
func (p *servicePlan) tell(note string)       { p.do("", note) }

func (p *servicePlan) restart(goos string) {
	switch {
	case !p.exists:
		p.tell("does not exist: there is nothing to restart")
	case p.state.Runs():
		p.do("restart", "restarted")
		p.state = service.Running
	case goos == "windows":
		p.tell("does not run, so it was not restarted")
	default: // as systemctl restart does
		p.do("start", "started: it did not run")
		p.state = service.Running
	}
}

func (p *servicePlan) stop() {
	switch {
	case !p.exists:
		p.tell("does not exist: there is nothing to stop")
	case p.state.Runs() || p.state == service.Stopping:
		p.do("stop", "stopped")
		p.state = service.Stopped
	default:
		p.tell("does not run: there is nothing to stop")
	}
}

func (p *servicePlan) uninstall() {
	switch {
	case !p.exists:
		p.tell("does not exist: there is nothing to uninstall")
		return
	case p.state.Runs():
		p.do("uninstall", "stopped and uninstalled")
	default:
		p.do("uninstall", "uninstalled")
	}
	p.exists, p.state, p.text = false, service.Absent, ""
}

func (p *servicePlan) define(w serviceWish, wanted string) error {
	renewed := p.text != "" && (p.text != wanted || w.reconfigure && w.newPassword)
	switch {
	case p.text == "":
		p.do("install", "installed, to start with the machine")
	case p.text != wanted:
		p.difference = serviceDifference(p.text, wanted)
		if p.personal && !w.reconfigure {
			return fmt.Errorf("service %s is installed already, and a person has changed it:\n%s"+
				"to replace it, give --reconfigure instead of --install; to see first what would be done, add --dry-run", p.name, p.difference)
		}
		p.do("reconfigure", "reconfigured")
	case renewed:
		p.do("reconfigure", "given the password")
	case p.current:
		p.tell("is installed as it should be")
	default:
		p.do("enable", "enabled, to start with the machine")
	}
	p.exists = true
	switch {
	case !renewed || !p.state.Runs():
	case w.noRestart || !w.reconfigure: // --install restarts nothing, as the real one's
		p.tell("runs with its old definition until it is restarted: " + restartCommand(p.name, runtime.GOOS))
	default:
		p.do("restart", "restarted")
		p.state = service.Running
	}
	return nil
}

func (p *servicePlan) start(w serviceWish) error {
	switch {
	case !p.exists && w.ifInstalled:
		p.tell("does not exist: there is nothing to start")
	case !p.exists:
		return fmt.Errorf("there is no service %s to start: add --install to install it", p.name)
	case p.state == service.Running:
		p.tell("runs: there is nothing to start")
	case p.state == service.Starting && w.ifInstalled:
		p.tell("is starting by itself")
	default:
		p.do("start", "started")
		p.state = service.Running
	}
	return nil
}

// refuseForeign refuses what would put a unit over one that is not Tentacle's,
// or remove one that Tentacle did not make.
func refuseForeign(w serviceWish, found service.Installation) error {
	switch {
	case found.Masked && (w.defines() || w.start || w.restart):
		return fmt.Errorf("service %s is masked, so that nothing can start it\nif it should run: systemctl unmask %s", found.Name, found.Name)
	case found.Masked || found.Elsewhere == "":
		return nil
	case w.defines() || w.uninstall:
		return fmt.Errorf("service %s is not one that a Tentacle installed: its unit is %s, not the file %s\n"+
			"leave it to whatever made it, or give the Tentacle's service another name with --service NAME", found.Name, found.Elsewhere, found.File)
	}
	return nil
}

// serviceDifference shows, line by line, what is installed (-) and what would
// be (+). A unit may have got secrets in its environment.
func serviceDifference(installed, wanted string) string {
	text := string(diff.Diff("installed", []byte(installed), "wanted", []byte(wanted)))
	_, text, _ = strings.Cut(text, "\n") // the line with the names of both
	return secretInUnit().ReplaceAllString(text, "$1$2********$3")
}

// secretInUnit finds what people put into units and had better not: the values
// of what is called a key, password and so on, and passwords in addresses.
var secretInUnit = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)((?:key|password|token|secret|credential)\w*["']?[ \t=:]+)[^\n]+|(://)[^/@\s]+(@)`)
})

package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/steps"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// filePlace is a configuration file on this machine. A service runs the Tentacle, and uses a change
// when it is restarted.
type filePlace struct {
	suggest.Tentacle
	given bool // the name of the service, by an option: it is not just the usual one
}

func (p filePlace) status(ctx context.Context) (service.Status, error) {
	status, err := lookAtService(ctx, p.Service)
	return ownService(status, p.given), err
}

func (p filePlace) read(ctx context.Context) (*tentacleconfig.Document, error) {
	started := time.Now()
	document, err := tentacleconfig.ReadContext(ctx, p.Instance.ConfigPath)
	steps.Log(ctx, "read "+p.Instance.ConfigPath, "error", err, steps.Took(started))
	return document, err
}

func (p filePlace) update(ctx context.Context, change tentacleconfig.Change) (changed bool, err error) {
	started := time.Now()
	if keep := change.Backup; keep != nil {
		change.Backup = func(path string) {
			steps.Log(ctx, "write "+path)
			keep(path)
		}
	}
	changed, err = tentacleconfig.Update(ctx, p.Instance.ConfigPath, change)
	steps.Log(ctx, "update "+p.Instance.ConfigPath, "saved", changed, "error", err, steps.Took(started))
	return changed, err
}

func (p filePlace) mayUpdate(ctx context.Context) error {
	return tentacleconfig.CheckWritable(ctx, p.Instance.ConfigPath)
}

func (p filePlace) note(c *console) {
	if err := tentacleconfig.Migrate(p.Instance); err != nil {
		c.warn("could not add the instance %s to the instance index: %s", p.Instance.Name, c.errorText(err))
	}
}

func (p filePlace) environment(ctx context.Context) ([]service.Variable, error) {
	return service.Environment(ctx, p.Service)
}

func (p filePlace) look(ctx context.Context, _ *tentacleconfig.Document, out *outcome) error {
	status, err := p.status(ctx)
	out.setService(p.Instance, status, err)
	return nil
}

// refuseUseless refuses a change that would need a restart which cannot be had.
func (p filePlace) refuseUseless(ctx context.Context, o changeOptions) error {
	if o.noRestart {
		return nil
	}
	status, err := service.Query(ctx, p.Service)
	status = ownService(status, p.given)
	switch stopped := interruptedRestart(p.Instance.ConfigPath, status) != nil; {
	case errors.As(err, new(*service.RightsError)): // who may not even see it cannot restart it
	case err != nil:
		return nil // a state that is not known is reported later
	case !restartNeeded(status.State, true, stopped, o):
		return nil
	default:
		_, err = neededRestart{service: p.Service}.check(ctx, o.restart)
	}
	return hint.With(err, "nothing was changed; to save the change for the next start of the Tentacle, use --no-restart")
}

// restartNeeded says whether a service in that state has to be restarted, or started where it was
// stopped for a restart that came to no end. Only then does a change need rights on the service.
func restartNeeded(state service.State, saved, stopped bool, o changeOptions) bool {
	return !o.noRestart && (stopped || saved && state.Runs())
}

// use restarts the service if something was saved and the service runs, and starts it if an earlier
// restart came to no end. At this point the change is saved, and an error says so.
func (p filePlace) use(ctx context.Context, c *console, s saved, o changeOptions, out *outcome) error {
	needed := neededRestart{service: p.Service, config: p.Instance.ConfigPath, since: time.Now(), former: s.former, backup: out.Backup, reason: o.reason}
	status, err := p.status(ctx)
	out.setService(p.Instance, status, err)
	needed.stopped = out.Service.interrupted
	forgetRestart(needed.config, status)
	if !out.saved && !o.noRestart {
		warnOfPendingRestart(ctx, c, p.Tentacle, s.looked, status)
	}
	if !restartNeeded(status.State, out.saved || out.fileOutcome.restarts(), needed.stopped, o) {
		return nil
	}
	if out.notStarting != nil { // it may still run with an older configuration
		out.pending = true
		return unfinishedError{done: p.Instance.ConfigPath + " is saved, but the service was not restarted", cause: out.notStarting}
	}
	if err := out.Service.restart(ctx, c, needed, o.restart); err != nil {
		return p.restartFailed(ctx, s.looked, out, status, err)
	}
	return nil
}

// restartFailed is the error for a change that is saved, or was saved before, and whose service was
// not restarted. was is the status before.
func (p filePlace) restartFailed(ctx context.Context, looked *tentacleconfig.Document, out *outcome, was service.Status, err error) error {
	config := p.Instance.ConfigPath
	if errors.As(err, new(undoneError)) {
		out.saved = false
		return err
	}
	if errors.As(err, new(unconfirmedError)) {
		return err
	}
	out.pending = true
	tried := errors.As(err, new(*service.StartError))
	switch {
	case !tried && out.saved:
		return unfinishedError{
			done:   config + " is saved, but its Tentacle does not use it yet: a restart is pending",
			cause:  err,
			finish: p.Restart(),
		}
	case !out.saved && !out.Service.interrupted:
		return unfinishedError{
			done:   fmt.Sprintf("service %s has a new definition, but does not run with it yet: a restart is pending", p.Service),
			cause:  explainStart(ctx, p.Tentacle, err),
			finish: p.Restart(),
		}
	case !tried:
		return unfinishedError{done: fmt.Sprintf("service %s was stopped for a restart earlier, and does not run", p.Service), cause: err, finish: p.Restart()}
	case !out.saved:
		return unfinishedError{done: fmt.Sprintf("service %s was stopped for a restart earlier, and does not start", p.Service), cause: explainStart(ctx, p.Tentacle, err)}
	}
	found := lookAtTrouble(context.WithoutCancel(ctx), p.Instance, looked, p.Service)
	err = hint.With(err, found.wordsHint())
	if out.Backup != "" && was.State == service.Running {
		return unfinishedError{
			done:  config + " is saved, but the Tentacle does not start with it",
			cause: hint.With(err, "to put the old configuration back: "+undo(p.Tentacle)),
		}
	}
	return unfinishedError{done: config + " is saved, but the Tentacle does not start", cause: err}
}

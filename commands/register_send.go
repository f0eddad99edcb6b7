package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// sendAll plans the registrations again, since the file may have changed, and sends those that
// differ, one after the other. Once one is registered, the Tentacle's configuration has to be saved
// whatever becomes of the rest: that a later one failed is no error here, but after tells it.
func (reg *registering) sendAll(ctx context.Context, subscription string, out *outcome) error {
	if err := reg.decide(subscription); err != nil {
		return err
	}
	reg.noteChanges(out)
	for i, r := range reg.all {
		if r.plan.action == actionUnchanged {
			continue
		}
		if err := reg.send(ctx, r); err != nil {
			reg.noteFailure(out, i, err)
			if len(reg.sent()) == 0 {
				return err
			}
			reg.failure = reg.partly(r, err)
			return nil
		}
		reg.noted(out, i).ID = r.sent.ID
	}
	return nil
}

// noteFailure records that the registration with that index failed, and that those after it were
// not sent. A command that has only one says so by its error.
func (reg *registering) noteFailure(out *outcome, at int, err error) {
	switch {
	case errors.Is(err, octoapi.ErrOutcomeUnknown):
		reg.noted(out, at).Action = actionUnknown
	case reg.all[at].wish.inFile():
		reg.noted(out, at).Action = actionNotDone
	}
	for i := at + 1; i < len(reg.all); i++ {
		if rest := reg.noted(out, i); rest.Action.changes() {
			rest.Action = actionNotDone
		}
	}
}

// sent are the registrations that were sent.
func (reg *registering) sent() []*oneRegistration {
	return slices.DeleteFunc(slices.Clone(reg.all), func(r *oneRegistration) bool { return r.sent == nil })
}

// send sends the registration, once, and keeps it as the server has it.
func (reg *registering) send(ctx context.Context, r *oneRegistration) error {
	machine := r.plan.machine
	reg.console.progress("registering " + machine.Name)
	defer reg.console.endProgress()
	var saved octoapi.Machine
	err := reg.server.within(ctx, func(ctx context.Context) (err error) {
		saved, err = r.machines().Save(ctx, machine)
		if refused, is := errors.AsType[*octoapi.StatusError](err); is && refused.Status == http.StatusBadRequest && reg.registeredMeanwhile(ctx, r, &saved) {
			return nil
		}
		return err
	})
	if errors.Is(err, octoapi.ErrOutcomeUnknown) && len(reg.sent()) == 0 {
		done := fmt.Sprintf("it is not known whether %s was registered", machine.Name)
		if !reg.savesFirst {
			done += "; the configuration is unchanged"
		}
		return unfinishedError{done: done, cause: err, finish: again}
	}
	if err == nil {
		saved.Name, saved.Endpoint.URI = machine.Name, machine.Endpoint.URI
		r.sent = &saved
	}
	return err
}

// registeredMeanwhile says whether a new registration was refused because another octo-tentacle has
// just made it. If so, it is in saved.
func (reg *registering) registeredMeanwhile(ctx context.Context, r *oneRegistration, saved *octoapi.Machine) bool {
	if r.plan.action != actionCreated {
		return false
	}
	named, err := r.machines().ByName(ctx, r.plan.machine.Name)
	if err != nil || named == nil {
		return false
	}
	r.existing.named = named
	if reg.decide(r.plan.machine.Endpoint.URI) != nil || r.plan.action != actionUnchanged {
		return false
	}
	*saved = *named
	return true
}

// done says which registrations were sent.
func (reg *registering) done() string {
	var done []string
	for _, r := range reg.sent() {
		done = append(done, r.done())
	}
	return strings.Join(done, ", ")
}

// partly is the error of a registration after others were sent.
func (reg *registering) partly(r *oneRegistration, err error) error {
	result := fmt.Sprintf("%s %s in space %s was not registered", r.wish.kind.machine, r.plan.machine.Name, r.space.Name)
	if errors.Is(err, octoapi.ErrOutcomeUnknown) {
		result = fmt.Sprintf("it is not known whether %s %s in space %s was registered", r.wish.kind.machine, r.plan.machine.Name, r.space.Name)
	}
	return unfinishedError{done: reg.done() + ", but " + result, cause: err, finish: again}
}

// failed adds to an error which registrations were sent before.
func (reg *registering) failed(err error) error {
	switch {
	case len(reg.sent()) == 0:
		return err
	case reg.failure != nil:
		return errors.Join(reg.failure, err)
	}
	return reg.unfinished(err)
}

// unfinished is the error for a failure after the registrations succeeded: it says what has been
// done.
func (reg *registering) unfinished(err error) error {
	if errors.As(err, new(unfinishedError)) || errors.As(err, new(undoneError)) {
		return unfinishedError{done: reg.done(), cause: err} // the cause says what is left
	}
	return unfinishedError{
		done:   fmt.Sprintf("%s, but %s could not be saved: the Tentacle does not use it yet", reg.done(), reg.tentacle.instance.ConfigPath),
		cause:  err,
		finish: "fix the problem above, then run the same command again",
	}
}

// after asks which ports accept the Tentacle, and waits for its health, once the configuration is
// saved or needed no change.
func (reg *registering) after(ctx context.Context, out *outcome) error {
	sent := len(reg.sent()) > 0
	if !sent && !out.saved && !reg.health.waitHealthy {
		return nil
	}
	a := reg.server.acceptance(reg.tentacle, &reg.api, reg.health)
	a.registered = true
	a.ask(ctx, out)
	if !reg.health.waitHealthy || reg.failure != nil {
		return reg.failure
	}
	var own []octoapi.Registration
	for _, r := range reg.all {
		own = append(own, r.of())
	}
	slices.SortStableFunc(own, func(a, b octoapi.Registration) int { return cmp.Compare(a.Space.ID, b.Space.ID) })
	reg.server.note(own, out)
	err := reg.server.waitHealthy(ctx, own, out)
	if err != nil && sent {
		return unfinishedError{done: reg.done() + ", and the configuration is saved, but:", cause: err}
	}
	return err
}

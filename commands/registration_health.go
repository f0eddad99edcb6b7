package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/urfave/cli/v2"
)

// After a change, if there are credentials, the server is asked how this Tentacle is registered.
// Asking by thumbprint also makes the node that answers read the database again, so that it does
// not refuse a Tentacle that was registered after the node started.

// healthOptions are about the health of the Tentacle after a change.
type healthOptions struct {
	waitHealthy bool
}

func (o *healthOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "wait-healthy", Category: theOutcome, Destination: &o.waitHealthy, DisableDefaultText: true,
			Usage: "afterwards wait until the polled ports accept this Tentacle, and for a health check by the server"},
	}
}

// healthTime is how long a health check may take: the server itself allows ten minutes, and the
// check may be queued behind other tasks.
const healthTime = 15 * time.Minute

// askSpacesAhead asks in the background for the spaces, which noteRegistrations needs after a
// change. Its error is not lost: noteRegistrations asks again for what is not known yet.
func (s *connection) askSpacesAhead(ctx context.Context) {
	deadline := s.deadline // a later one does not concern this
	s.console.background.start(ctx, func(ctx context.Context) {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		_, _ = s.Spaces(ctx)
	})
}

// noteRegistrations records in out how this Tentacle is registered and which ports accept it, and
// starts a health check if requested. The change is already saved: only a failed health check is an
// error.
func (s *connection) noteRegistrations(ctx context.Context, o healthOptions, a acceptance, out *outcome) error {
	own, err := s.findRegistrations(ctx, a.tentacle, out.subscriptions())
	if missing, is := errors.AsType[unregisteredError](err); is {
		missing.leftOut = a.leftOut
		err = missing
	}
	if err != nil && o.waitHealthy {
		return err
	}
	if err != nil {
		s.console.warnOf(err)
	}
	s.note(own, out)
	a.registered, a.unregistered = len(own) > 0, errors.As(err, new(unregisteredError))
	a.ask(ctx, out)
	if o.waitHealthy {
		return s.waitHealthy(ctx, own, out)
	}
	return nil
}

// note records registrations in out, and warns of those whose work does not reach this Tentacle.
func (s *connection) note(own []octoapi.Registration, out *outcome) {
	subscriptions := out.subscriptions()
	for _, registration := range own {
		entry := registrationEntry{
			ID: registration.Machine.ID, Name: registration.Machine.Name, Kind: registration.Kind.String(), Space: registration.Space.Name,
			Problem: cmp.Or(registration.Mismatch(subscriptions), registration.Disabled()),
		}
		if entry.Matches = entry.Problem == ""; !entry.Matches {
			s.console.warn("%s: %s", registration, entry.Problem)
		}
		out.Registrations = append(out.Registrations, entry)
	}
}

// findRegistrations finds at least one registration of this Tentacle, which polls with these
// subscriptions, or says why not.
func (s *connection) findRegistrations(ctx context.Context, t *tentacle, subscriptions []string) (own []octoapi.Registration, err error) {
	thumbprint, err := t.document.Thumbprint()
	if err != nil {
		return nil, err
	}
	s.console.progress("asking " + s.URL() + " for this Tentacle")
	defer s.console.endProgress()
	var found []octoapi.Registration
	var unread *octoapi.UnreadError
	s.startTimeout() // what was asked before the change may have taken most of the time
	err = s.within(ctx, func(ctx context.Context) error {
		found, unread, err = s.Registrations(ctx, thumbprint)
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot find out how this Tentacle is registered: %w", err)
	case len(found) == 0 && unread != nil && !unread.Forbidden():
		return nil, fmt.Errorf("cannot find out how this Tentacle is registered: %w", unread)
	case len(found) == 0 && unread != nil:
		return nil, hint.Errorf("it is not known whether the Tentacle is registered: the account may not see "+unread.Where()+" (permissions MachineView and WorkerView)",
			"no deployment target or worker that the account may see has this Tentacle's thumbprint %s", thumbprint)
	case len(found) == 0:
		return nil, unregisteredError{thumbprint: thumbprint, tentacle: t.suggest()}
	}
	if unread != nil && !unread.Forbidden() {
		s.console.warnOf(fmt.Errorf("this Tentacle may have more registrations: %w", unread))
	}
	own, _ = octoapi.Own(found, subscriptions)
	if len(subscriptions) > 0 && !own[0].PolledWith(subscriptions) && !octoapi.OfOneTentacle(own) {
		return nil, hint.Errorf(registerHint(t.suggest()), "%s this Tentacle's thumbprint %s, but none has its subscription %s: it will get no work",
			plural.Of(len(own), "registration has", "registrations have"), thumbprint, strings.Join(subscriptions, ", "))
	}
	return own, nil
}

// unregisteredError says that the server knows no Tentacle with this one's thumbprint.
type unregisteredError struct {
	thumbprint string
	tentacle   suggest.Tentacle
	leftOut    bool // see acceptance
}

func (e unregisteredError) Error() string {
	return fmt.Sprintf("the server has no deployment target or worker with this Tentacle's thumbprint %s: it will get no work", e.thumbprint)
}

// Hints say how to register it.
func (e unregisteredError) Hints() []string {
	if e.leftOut {
		return []string{registrationsLeftOut}
	}
	return []string{registerHint(e.tentacle)}
}

// registrationsLeftOut is how a Tentacle is registered whose file says how.
const registrationsLeftOut = "to register it as the file says: the same command without --no-registrations, and with credentials"

// waitHealthy starts a health check in each space where this Tentacle is registered, waits for the
// results, and looks at its health then.
func (s *connection) waitHealthy(ctx context.Context, own []octoapi.Registration, out *outcome) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	defer s.console.endProgress()
	var failures []error
	for _, group := range bySpace(own) {
		failures = append(failures, s.waitHealthyIn(ctx, group, out))
	}
	return errors.Join(failures...)
}

// waitHealthyIn is waitHealthy for the registrations of one space.
func (s *connection) waitHealthyIn(ctx context.Context, group []octoapi.Registration, out *outcome) error {
	space, err := s.Space(ctx, group[0].Space.ID)
	if err != nil {
		return err
	}
	task, err := s.checkHealth(ctx, space, group, "")
	if err != nil {
		return err
	}
	if !task.Succeeded {
		for _, registration := range group {
			out.setHealth(registration, task.State)
		}
		because := ""
		if task.ErrorMessage != "" {
			because = ": " + task.ErrorMessage
		}
		return hint.Errorf(s.logOf(task, space), "the health check %s in space %s ended as %s%s", task.ID, space.Name, task.State, because)
	}
	// A policy may say that a deployment target which is unavailable does not fail a health check
	// (OctopusClients, MachineConnectivityPolicy.cs).
	var failures []error
	for _, registration := range group {
		machine, err := space.Machines(registration.Kind).ByID(ctx, registration.Machine.ID)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		out.setHealth(registration, machine.HealthStatus)
		if !machine.Healthy() {
			failures = append(failures, hint.Errorf(s.logOf(task, space), "%s is not healthy after the health check %s: %s", registration, task.ID, cmp.Or(machine.HealthStatus, "not known")))
		}
	}
	return errors.Join(failures...)
}

// logOf says where the log of a task is.
func (s *connection) logOf(task octoapi.Task, space *octoapi.Space) string {
	return fmt.Sprintf("see its log: %s/app#/%s/tasks/%s", s.URL(), space.ID, task.ID)
}

func bySpace(found []octoapi.Registration) [][]octoapi.Registration {
	var groups [][]octoapi.Registration
	for _, registration := range found {
		last := len(groups) - 1
		if last < 0 || groups[last][0].Space.ID != registration.Space.ID {
			groups = append(groups, nil)
			last++
		}
		groups[last] = append(groups[last], registration)
	}
	return groups
}

// checkHealth checks the registrations of one space. The text is shown while it waits. A task
// whose ID is known was started, whatever the error.
func (s *connection) checkHealth(ctx context.Context, space *octoapi.Space, group []octoapi.Registration, text string) (octoapi.Task, error) {
	ids := make([]string, len(group))
	for i, registration := range group {
		ids[i] = registration.Machine.ID
	}
	task, err := space.StartHealthCheck(ctx, ids)
	if err != nil {
		return task, err
	}
	return space.WaitForTask(ctx, task, func(now octoapi.Task) {
		s.console.progress(fmt.Sprintf("health check %s%s: %s", now.ID, text, now.State))
	})
}

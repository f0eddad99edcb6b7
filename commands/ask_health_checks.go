package commands

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"golang.org/x/sync/errgroup"
)

// taskRequests is how many requests for tasks are under way at the same time: a Tentacle may be
// registered in hundreds of spaces.
const taskRequests = 8

// askHealthChecks asks for the last health checks of this Tentacle's own registrations.
func (s *snapshot) askHealthChecks(ctx context.Context) ([]octoapi.Task, error) {
	if s.API.RegistrationsErr != nil || len(s.API.Registrations) == 0 {
		return nil, nil
	}
	own, _ := octoapi.Own(s.API.Registrations, s.Subscriptions())
	own = slices.DeleteFunc(slices.Clone(own), func(r octoapi.Registration) bool { return !r.Machine.Endpoint.Polls() }) // every node reaches one that listens
	found, errs := make([][]octoapi.Task, len(own)), make([]error, len(own))
	var requests errgroup.Group
	requests.SetLimit(taskRequests)
	for i, r := range own {
		requests.Go(func() error {
			space, err := s.server.Space(ctx, r.Space.ID)
			if err == nil {
				found[i], err = space.HealthChecks(ctx, r.Machine)
			}
			errs[i] = err
			return nil
		})
	}
	_ = requests.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}

// recent are the health checks that were started since this Tentacle polls what it polls.
func (s *snapshot) recent(checks []octoapi.Task) []octoapi.Task {
	since := provesSince(s.Now, s.Service.Started, s.File.Modified).Add(s.API.ClockAhead) // by the server's clock
	return slices.DeleteFunc(checks, func(t octoapi.Task) bool { return t.Started.Before(since) })
}

// oldestProof is how long ago a health check may have been, at most: nodes come and go.
const oldestProof = 24 * time.Hour

// provesSince is from when on a health check says something about what is polled now: since the
// process was started, and since its configuration was changed, as far as these times are known.
func provesSince(now, started, modified time.Time) time.Time {
	since := now.Add(-oldestProof)
	for _, change := range []time.Time{started, modified} {
		if change.After(since) {
			since = change
		}
	}
	return since
}

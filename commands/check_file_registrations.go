package commands

import (
	"cmp"
	"context"
	"errors"
	"os"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// compareRegistrations finds out, for each registration of the file, what apply would do to it, and
// does nothing. The cluster's thumbprint is known.
func (s *snapshot) compareRegistrations(ctx context.Context, t *tentacle) {
	w := s.Wish
	reg, cluster := s.wishedRegistrations(t)
	for i := range w.File.Registrations {
		if err := reg.add(fileWish(w.File, i, fileRegistering{space: cmp.Or(w.File.Space, os.Getenv("OCTOPUS_SPACE"))})); err != nil {
			w.RegistrationsErr = withHints(err)
			return
		}
	}
	compared := make([]check.WishedRegistration, len(reg.all))
	var all sync.WaitGroup
	for i, r := range reg.all {
		all.Go(func() {
			if err := reg.askSpace(ctx, r); err != nil {
				compared[i] = refusedWish(err)
			} else if err := r.ask(ctx); err != nil {
				compared[i] = refusedWish(err)
			}
		})
	}
	all.Wait()
	p := pollsCluster{subscriptions: polledWith(t.servers, cluster), tentacle: t.suggest(), server: s.ServerOptions}
	if reg.style == tentacleconfig.StylePolling && len(p.subscriptions) > 0 {
		p.subscription = p.subscriptions[0]
	}
	for i, r := range reg.all {
		if compared[i].Err == nil && len(compared[i].Refusals) == 0 {
			all.Go(func() { compared[i] = r.compare(ctx, p, reg.claimedBesides(r)) })
		}
	}
	all.Wait()
	w.Registrations = compared
}

// wishedRegistrations are none yet, of a Tentacle as it is, at the cluster of the API.
func (s *snapshot) wishedRegistrations(t *tentacle) (reg *registering, cluster string) {
	f, cluster := s.Wish.File, s.API.Thumbprint
	style := tentacleconfig.StyleListening
	polls := len(polledWith(t.servers, cluster)) > 0
	if f.Communication == tentaclefile.Polling || f.Communication == "" && (f.Nodes != nil || polls) {
		style = tentacleconfig.StylePolling
	}
	return &registering{tentacle: t, server: s.server, style: style, own: s.OwnThumbprint(), listened: s.ListenPort}, cluster
}

// compare finds out what would be done to a registration.
func (r *oneRegistration) compare(ctx context.Context, p pollsCluster, claimed []octoapi.Machine) check.WishedRegistration {
	if err := r.decide(p, claimed); err != nil {
		return refusedWish(err)
	}
	if err := r.askNames(ctx, r.plan); err != nil {
		return refusedWish(err)
	}
	compared := check.WishedRegistration{
		ID: r.plan.machine.ID, Name: r.plan.beforeName(), Space: r.space.Name, SpaceID: r.space.ID,
		Missing: r.plan.before == nil,
	}
	for _, change := range r.change(false).Changes {
		if change.Field == "subscription" && p.subscription == "" {
			continue // it polls nobody, which is a difference of its own
		}
		compared.Differences = append(compared.Differences, check.Difference{Key: r.keyOf(change.Field), Is: change.Before, Wish: change.After})
	}
	return compared
}

// keyOf is the key of the file that a field of the registration is about; the registration's own
// where it is about none.
func (r *oneRegistration) keyOf(field string) string {
	if field == "address" {
		field = "publicHostName"
	}
	return r.wish.at(field).String()
}

// refusedWish is a registration that cannot be made what the file says, or that could not be
// compared.
func refusedWish(err error) (w check.WishedRegistration) {
	for _, one := range joined(err) {
		mistake, is := errors.AsType[*tentaclefile.Mistake](one)
		if !is {
			return check.WishedRegistration{Err: withHints(err)}
		}
		w.Refusals = append(w.Refusals, check.Refusal{Key: mistake.Key, Line: mistake.Line, Text: one.Error(), Hints: hint.Of(withHints(one))})
	}
	return w
}

package commands

import (
	"context"
	"errors"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// askNames asks for the names of what a plan changes: registrations have IDs. What the account may
// not see keeps its ID.
func (r *oneRegistration) askNames(ctx context.Context, p registrationPlan) error {
	r.names = spaceNames{}
	for _, change := range p.fields() {
		ids := slices.Concat(change.Before, change.After)
		var found []octoapi.Named
		var err error
		switch change.Field {
		case fieldEnvironments:
			found, err = r.space.EnvironmentsByID(ctx, ids)
		case fieldTenants:
			found, err = r.space.TenantsByID(ctx, ids)
		case fieldWorkerPools:
			found, err = r.space.WorkerPoolsByID(ctx, ids)
		case fieldPolicy:
			found, err = r.space.PoliciesByID(ctx, ids)
		case fieldProxy:
			found, err = r.space.ProxiesByID(ctx, ids)
		}
		if err != nil && !errors.Is(err, octoapi.ErrForbidden) {
			return err
		}
		for _, n := range found {
			r.names[n.ID] = n.Name
		}
	}
	return nil
}

// named has names in the place of IDs.
func (r *oneRegistration) named(changes []fieldChange) []fieldChange {
	for i := range changes {
		changes[i].Before, changes[i].After = r.names.of(changes[i].Before), r.names.of(changes[i].After)
	}
	return changes
}

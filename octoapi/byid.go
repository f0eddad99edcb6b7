package octoapi

import (
	"context"
	"slices"
)

// EnvironmentsByID are the environments with these Ids, in the server's order. What the account may not see is left out, here and below.
func (s *Space) EnvironmentsByID(ctx context.Context, ids []string) ([]Named, error) {
	return s.byID(ctx, "Environments", "environments", ids)
}

// TenantsByID are the tenants with these Ids.
func (s *Space) TenantsByID(ctx context.Context, ids []string) ([]Named, error) {
	return s.byID(ctx, "Tenants", "tenants", ids)
}

// WorkerPoolsByID are the worker pools with these Ids.
func (s *Space) WorkerPoolsByID(ctx context.Context, ids []string) ([]Named, error) {
	return s.byID(ctx, "WorkerPools", "workerpools", ids)
}

// PoliciesByID are the machine policies with these Ids.
func (s *Space) PoliciesByID(ctx context.Context, ids []string) ([]Named, error) {
	return s.byID(ctx, "MachinePolicies", "machinepolicies", ids)
}

// HasTenants says whether the server knows tenants, and lets the account see them.
func (s *Space) HasTenants() bool { return s.links["Tenants"] != "" }

// byID looks through one of the space's collections. Nothing asked for is nothing read.
func (s *Space) byID(ctx context.Context, link, path string, ids []string) ([]Named, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	all, err := list[Named](ctx, s.client, s.links.or(link, s.path(path)+"{?skip,take}"), nil)
	return slices.DeleteFunc(all, func(n Named) bool { return !slices.Contains(ids, n.ID) }), err
}

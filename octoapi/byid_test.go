package octoapi

import (
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestThingsOfASpaceAreFoundByTheirIdsAlone(t *testing.T) {
	cluster := startCluster(t, octotest.Options{PageSize: 1})
	s := openSpace(t, cluster, "Finance Department")
	for what, test := range map[string]struct {
		find func() ([]Named, error)
		want string
	}{
		"environments, in the server's order": {func() ([]Named, error) {
			return s.EnvironmentsByID(t.Context(), []string{"Environments-22", "Environments-21"})
		}, "Environments-21 Environments-22"},
		"one that is not there is left out": {func() ([]Named, error) { return s.TenantsByID(t.Context(), []string{"Tenants-22", "Tenants-99"}) }, "Tenants-22"},
		"a name is no Id":                   {func() ([]Named, error) { return s.WorkerPoolsByID(t.Context(), []string{"windows-pool"}) }, ""},
		"a policy":                          {func() ([]Named, error) { return s.PoliciesByID(t.Context(), []string{"MachinePolicies-22"}) }, "MachinePolicies-22"},
		"nothing":                           {func() ([]Named, error) { return s.TenantsByID(t.Context(), nil) }, ""},
	} {
		if found, err := test.find(); ids(found) != test.want || err != nil {
			t.Errorf("%s: %q, %v", what, ids(found), err)
		}
	}
	if !s.HasTenants() {
		t.Error("the space has no tenants")
	}
}

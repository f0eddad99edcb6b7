package octoapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestEachRequestTakesItsPermission(t *testing.T) {
	for request, want := range map[string]Permission{
		"GET /api/Spaces-1/machines?name=web01":          MachineView,
		"GET /api/Spaces-1/machines/Machines-7":          MachineView,
		"POST /api/Spaces-1/machines":                    MachineCreate,
		"PUT /octopus/API/Spaces-22/Machines/Machines-7": MachineEdit,
		"DELETE /api/machines/Machines-7":                MachineDelete,
		"GET /api/Spaces-1/workers/all":                  WorkerView,
		"POST /api/Spaces-1/workers":                     WorkerEdit,
		"PUT /api/Spaces-1/workers/Workers-7":            WorkerEdit,
		"DELETE /api/Spaces-1/workers/Workers-7":         WorkerEdit,
		"GET /api/Spaces-1/environments/v2?skip=0":       EnvironmentView,
		"GET /api/Spaces-1/machinepolicies":              MachinePolicyView,
		"GET /api/Spaces-1/proxies":                      ProxyView,
		"GET /api/Spaces-1/tenants":                      TenantView,
		"GET /api/Spaces-1/tagsets":                      TenantView,
		"GET /api/Spaces-1/workerpools":                  WorkerView,
		"GET /api/Spaces-1/tasks/ServerTasks-1":          TaskView,
		"POST /api/Spaces-1/tasks":                       TaskCreate,
		"GET /api/Spaces-1/machines/Machines-7/tasks":    TaskView,
		"GET /api/machines/Machines-7/tasks?skip=0":      TaskView,
		"GET /api/octopusservernodes/summary":            "",
		"GET /api/configuration/certificates/x":          "",
		"GET /api/users/me":                              "",
		"POST /api/users/login":                          "",
		"GET /api/serverstatus/redis":                    "",
		"GET /api":                                       "",
		"GET /octopus/api/Spaces-1":                      "",
	} {
		method, path, _ := strings.Cut(request, " ")
		need, known := NeedOf(method, path)
		if !known || need.Permission != want {
			t.Errorf("%s needs %q, not %q (known: %t)", request, need.Permission, want, known)
		}
		if need.Unpublished != strings.Contains(path, "octopusservernodes") || need.Permission != "" && need.Action == "" {
			t.Errorf("%s: %+v", request, need)
		}
	}
	for _, request := range []string{"GET /app", "GET /api/Spaces-1/projects", "DELETE /api/Spaces-1/tenants/Tenants-1", "GET /api/api-keys", ""} {
		method, path, _ := strings.Cut(request, " ")
		if need, known := NeedOf(method, path); known {
			t.Errorf("%s is known: %+v", request, need)
		}
	}
}

// TestA403NamesThePermissionThatIsMissing, whether the server names it or not.
func TestA403NamesThePermissionThatIsMissing(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	space := openSpace(t, cluster, "finance-department")
	cluster.SetForbidden(func(string, string) bool { return true })
	polling := Machine{Name: "web01", Endpoint: Endpoint{CommunicationStyle: Polling}}
	existing := polling
	existing.ID = "Machines-7"
	for want, request := range map[string]func(context.Context) error{
		"create deployment targets in space Finance Department (403 on POST /api/Spaces-2/machines, which needs the permission MachineCreate)": func(ctx context.Context) error {
			_, err := space.Machines(Target).Save(ctx, polling)
			return err
		},
		"change deployment targets in space Finance Department (403 on PUT /api/Spaces-2/machines/Machines-7, which needs the permission MachineEdit)": func(ctx context.Context) error {
			_, err := space.Machines(Target).Save(ctx, existing)
			return err
		},
		"delete workers in space Finance Department (403 on DELETE /api/Spaces-2/workers/Machines-7, which needs the permission WorkerEdit)": func(ctx context.Context) error {
			return space.Machines(Worker).Delete(ctx, existing)
		},
		"see tenant tags in space Finance Department (403 on GET /api/Spaces-2/tagsets, which needs the permission TenantView)": func(ctx context.Context) error {
			return space.CheckTenantTags(ctx, []string{"CustomerType/VIP"})
		},
		"start tasks in space Finance Department (403 on POST /api/Spaces-2/tasks, which needs the permission TaskCreate)": func(ctx context.Context) error {
			_, err := space.StartHealthCheck(ctx, []string{"Machines-7"})
			return err
		},
		"see the nodes of the cluster (403 on GET /api/octopusservernodes/summary; Octopus does not publish which permission that needs)": func(ctx context.Context) error {
			_, err := space.client.Nodes(ctx)
			return err
		},
		// A space that nobody has named yet.
		"see workers in space Spaces-2 (403 on GET /api/Spaces-2/workers/all, which needs the permission WorkerView)": func(ctx context.Context) error {
			other := &Space{Named: Named{ID: "Spaces-2"}, client: newClient(t, Options{Server: cluster.URL()})}
			_, err := other.Machines(Worker).ByThumbprint(ctx, strings.Repeat("A", 40))
			return err
		},
	} {
		err := request(t.Context())
		mustSay(t, err, "does not let the account of the API key "+want+": You do not have permission to perform this action")
		status, is := errors.AsType[*StatusError](err)
		if !is || !errors.Is(err, ErrForbidden) {
			t.Fatalf("%v is %T", err, err)
		}
		if status.Permission == "" {
			mustSay(t, err, "add the account to a team whose role permits it")
		} else {
			mustSay(t, err, "add the account to a team whose role has "+string(status.Permission)+" in that space")
		}
	}

	cluster.SetForbidden(nil)
	cluster.SetAPIFault(octotest.APIFault{Path: "/machines", MissingPermission: "EnvironmentEdit"})
	_, err := space.Machines(Target).Save(t.Context(), polling)
	mustSay(t, err, "create deployment targets in space Finance Department (403 on POST /api/Spaces-2/machines): ", "Missing permission: EnvironmentEdit", "role has EnvironmentEdit in that space")
	if status, _ := errors.AsType[*StatusError](err); status.Permission != "EnvironmentEdit" || strings.Contains(err.Error(), "MachineCreate") {
		t.Errorf("the server knows better: %v", err)
	}
}

// TestAGatewayThatWantsTheKeyEverywhereGetsIt over http not before it has asked for it.
func TestAGatewayThatWantsTheKeyEverywhereGetsIt(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		for _, secure := range []bool{true, false} {
			cluster := startCluster(t, octotest.Options{TLS: secure})
			cluster.SetAPIFault(octotest.APIFault{Status: status, Anonymous: true})
			options := Options{Server: cluster.URL()}
			if secure {
				options.RootCAs = pool(t, cluster)
			}
			if _, err := newClient(t, options).Root(t.Context()); err != nil {
				t.Errorf("%s, %d: %v", cluster.URL(), status, err)
			}
			var sent []bool
			for _, r := range cluster.Requests() {
				sent = append(sent, len(r.Credential) > 0)
			}
			if want := map[bool][]bool{true: {true}, false: {false, true}}[secure]; !slices.Equal(sent, want) {
				t.Errorf("%s, %d: the key was sent: %v", cluster.URL(), status, sent)
			}
		}
	}

	// A wrong key is called wrong, there as elsewhere; and a password is not sent by chance.
	cluster := startCluster(t, octotest.Options{TLS: true})
	cluster.SetAPIFault(octotest.APIFault{Status: http.StatusUnauthorized})
	_, err := newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster)}).Root(t.Context())
	mustSay(t, err, "does not accept the API key (401)")
	cluster.ResetRequests()
	person := Credentials{Username: octotest.Username, Password: octotest.Password}
	_, err = newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster), Credentials: person}).Root(t.Context())
	mustSay(t, err, "refuses GET /api without credentials (401)")
	if requests := cluster.Requests(); len(requests) != 1 || requests[0].Body != nil {
		t.Errorf("%+v", requests)
	}
}

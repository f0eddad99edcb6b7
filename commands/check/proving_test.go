package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// unproved is a good snapshot in which no web port says which node is where.
func unproved() *Snapshot {
	s := goodSnapshot()
	for i := range s.Ports {
		s.Ports[i].Host, s.Ports[i].HostErr = octoapi.NodeAtHost{}, errors.New("nothing listens on port 443")
	}
	return s
}

func TestHealthChecksAreStartedOnlyWhereTheyProveSomething(t *testing.T) {
	for _, c := range []struct {
		what string
		with func(*Snapshot)
		why  string // "" if they do
		to   string // the nodes to prove
	}{
		{"no node is proved", func(*Snapshot) {}, "", "OCTO1 OCTO2"},
		{"one is proved by an earlier one", func(s *Snapshot) { s.API.HealthChecks = []octoapi.Task{{ServerNode: "OctopusServerNodes-OCTO1"}} }, "", "OCTO2"},
		{"one is in maintenance", func(s *Snapshot) { s.API.Nodes[0].InMaintenanceMode = true }, "", "OCTO2"},
		{"one refuses the Tentacle", func(s *Snapshot) {
			s.Ports[0].Host, s.Ports[0].HostErr = goodSnapshot().Ports[0].Host, nil
			s.Ports[0].Trust.Trust = octoapi.NotTrusted
		}, "", "OCTO2"},
		{"all are proved", func(s *Snapshot) { *s = *goodSnapshot() }, "", ""},
		{"shared queues", func(s *Snapshot) { s.API.Queues.State = coverage.Shared }, "nodes share their queues", ""},
		{"partly shared queues", func(s *Snapshot) { s.API.Queues.State = coverage.PartlyShared }, "nodes share their queues", ""},
		{"queues that are not known", func(s *Snapshot) { s.API.Queues = coverage.Queues{Why: "it is not known: x"} }, "it is not known: x, so a health check proves nothing", ""},
		{"a copy", func(s *Snapshot) {
			copied := s.API.Registrations[0]
			copied.Machine.Endpoint.Thumbprint = strings.Repeat("D", 40)
			s.API.Subscribers = []octoapi.Registration{copied}
		}, "another Tentacle may have this one's subscription", ""},
		{"a service that does not run", func(s *Snapshot) { s.Service.State = service.Crashing }, "service Tentacle is crashing", ""},
		{"a restart that is pending", func(s *Snapshot) { s.File.Created = checkedAt }, "before the last change", ""},
		{"no server", func(s *Snapshot) { s.Server = "" }, "see the other findings", ""},
		{"a server that does not answer", func(s *Snapshot) { s.API.Err = errors.New("x") }, "see the other findings", ""},
		{"nodes that are not known", func(s *Snapshot) { s.API.NodesErr = errors.New("x") }, "the nodes of the cluster are not known: x", ""},
		{"another cluster's server", func(s *Snapshot) { s.API.Thumbprint, s.API.Registrations = strings.Repeat("D", 40), nil }, "does not poll the cluster", ""},
		{"registrations that are not known", func(s *Snapshot) { s.API.RegistrationsErr = errors.New("x") }, "how the Tentacle is registered: x", ""},
		{"registrations that the account may not see", func(s *Snapshot) { s.API.RegistrationsErr = fmt.Errorf("x: %w", octoapi.ErrForbidden) }, "no health check can be started", ""},
		{"one does not say whether it accepts the Tentacle", func(s *Snapshot) {
			s.Ports[0].Host, s.Ports[0].HostErr = goodSnapshot().Ports[0].Host, nil
			s.Ports[0].Trust.Trust = octoapi.NoAnswer
		}, "", "OCTO2"},
		{"no registration", func(s *Snapshot) { s.API.Registrations = nil }, "no registration that the account may see", ""},
		{"another subscription", func(s *Snapshot) { s.API.Registrations[0].Machine.Endpoint.URI = "poll://other/" }, "no registration that the account may see", ""},
		{"a disabled registration", func(s *Snapshot) { s.API.Registrations[0].Machine.IsDisabled = true }, "is disabled", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := unproved()
			c.with(s)
			nodes, of, err := s.ToProve()
			if c.why == "" && (err != nil || of.Machine.ID != "Machines-1") || c.why != "" && (err == nil || !strings.Contains(err.Error(), c.why)) {
				t.Errorf("of %v: %v", of, err)
			}
			if got := strings.Join(nodes, " "); got != c.to {
				t.Errorf("to prove: %q", got)
			}
		})
	}
}

func TestADisabledRegistrationIsPassedOver(t *testing.T) {
	s := unproved()
	worker := s.API.Registrations[0]
	worker.Machine.ID, worker.Kind = "Workers-1", octoapi.Worker
	s.API.Registrations[0].Machine.IsDisabled = true
	s.API.Registrations = append(s.API.Registrations, worker)
	if _, of, err := s.ToProve(); err != nil || of.Machine.ID != "Workers-1" {
		t.Errorf("of %v: %v", of, err)
	}
}

func TestHealthChecksAreJudgedByTheNodeThatRanThem(t *testing.T) {
	by := func(node string, succeeded bool, health string) HealthCheck {
		state := "Failed"
		if succeeded {
			state = "Success"
		}
		return HealthCheck{Task: octoapi.Task{ID: "ServerTasks-" + node, ServerNode: node, State: state, Succeeded: succeeded, IsCompleted: true}, Health: health}
	}
	for _, c := range []struct {
		what   string
		checks []HealthCheck
		err    error
		want   []string // level, node, start of what; of the findings about the nodes and the health checks
	}{
		{"both reach it", []HealthCheck{by("OCTO1", true, "Healthy"), by("OctopusServerNodes-octo2", true, "HasWarnings")}, nil,
			[]string{"ok OCTO1: OCTO1 is polled", "ok OCTO2: OCTO2 is polled", "ok : 2 health checks were run, and prove that OCTO1 and OCTO2 are polled"}},
		{"one does not, and does later", []HealthCheck{by("OCTO1", false, "Unavailable"), by("OCTO1", true, "Healthy"), by("OCTO2", true, "Healthy")}, nil,
			[]string{"ok OCTO1: OCTO1 is polled", "ok OCTO2: OCTO2 is polled", "ok : 3 health checks were run, and prove that OCTO1 and OCTO2 are polled"}},
		{"one does not", []HealthCheck{by("OCTO1", true, "Healthy"), by("OCTO2", false, "Unavailable")}, nil,
			[]string{"ok OCTO1: OCTO1 is polled", "problem OCTO2: the health check ServerTasks-OCTO2, run by OCTO2, did not reach this Tentacle"}},
		{"one finds it unhealthy", []HealthCheck{by("OCTO1", true, "Healthy"), by("OCTO2", false, "Unhealthy")}, nil,
			[]string{"ok OCTO1: OCTO1 is polled", "warning OCTO2: the health check ServerTasks-OCTO2, run by OCTO2, does not tell whether"}},
		{"one node runs none", []HealthCheck{by("OCTO1", true, "Healthy"), by("OCTO1", true, "Healthy")}, nil,
			[]string{"ok OCTO1: OCTO1 is polled", "warning OCTO2: 1 of 2 nodes that hand out work is proved to be polled; not proved: OCTO2"}},
		{"broken off", []HealthCheck{by("OCTO1", true, "Healthy")}, errors.New("x"),
			[]string{"ok OCTO1: OCTO1 is polled", "warning OCTO2: 1 of 2 nodes", "warning : 1 health check was run, and then no more"}},
		{"none was started", nil, errors.New("x"), []string{"warning : 0 of 2 nodes", "skipped : no health check was started"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := unproved()
			s.Proving = &Proving{Nodes: []string{"OCTO1", "OCTO2"}, Checks: c.checks, Err: c.err}
			for _, check := range c.checks {
				if check.Reached() {
					s.API.HealthChecks = append(s.API.HealthChecks, check.Task)
				}
			}
			found := slices.DeleteFunc(s.Findings(), func(f Finding) bool { return f.ID != idNodes && f.ID != idProve })
			if len(found) != len(c.want) {
				t.Fatalf("%+v", found)
			}
			for i, f := range found {
				if got := f.Level.String() + " " + f.Node + ": " + f.What; !strings.HasPrefix(got, c.want[i]) {
					t.Errorf("got %q, want %q", got, c.want[i])
				}
				if strings.Contains(f.Fix, "--prove") {
					t.Errorf("what was just done is suggested: %s", f.Fix)
				}
			}
		})
	}
}

func TestAHealthCheckThatWasJustStartedProvesItsNodeInSpiteOfADeadPort(t *testing.T) {
	s := goodSnapshot()
	s.setServers("https://octopus:10943", "https://octopus:10944")
	s.Ports[1].Err = &octoapi.PortError{Address: s.Ports[1].Address, Reason: octoapi.Refused}
	s.API.HealthChecks = []octoapi.Task{{ID: "ServerTasks-1", ServerNode: "OCTO1"}, {ID: "ServerTasks-2", ServerNode: "OCTO2"}}
	s.Proving = &Proving{Checks: []HealthCheck{{Task: s.API.HealthChecks[1]}}}
	if nodes := s.Coverage().Nodes; len(nodes[0].Proof) > 0 || len(nodes[1].Proof) == 0 {
		t.Errorf("%+v", nodes)
	}
}

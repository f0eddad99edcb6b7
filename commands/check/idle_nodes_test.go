package check

import (
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// TestANodeThatHandsOutNoWorkMayBeDown has the nodes, of which a - is drained, and the
// polled hosts, of which a ! does not respond.
func TestANodeThatHandsOutNoWorkMayBeDown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		nodes, hosts string
		want         Level
		says         string
	}{
		"called like it":             {"octo1 octo2 -octo3", "octo1 octo2 !octo3", Warning, "octo3 is drained: no work waits there"},
		"called like a working one":  {"octo1 octo2 -octo3", "octo1 !octo2 octo3", Problem, "waits until the Tentacle reaches it"},
		"both":                       {"octo1 -octo2 -octo3", "octo1 !octo2 !octo3", Warning, " is drained"},
		"all of them":                {"-octo1 -octo2", "!octo1 !octo2", Warning, " is drained"},
		"no drained node":            {"octo1 octo2 octo3", "octo1 octo2 !octo3", Problem, "waits until"},
		"called otherwise":           {"n1 n2 -n3", "a b !c", Warning, "n3 is drained"},
		"called otherwise, two down": {"n1 n2 -n3", "a !b !c", Problem, "waits until"},
		"a new node is missed":       {"n1 n2 n4 -n3", "a b !c", Problem, "waits until"},
		"nodes that are not known":   {"", "a b !c", Problem, "waits until"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := goodSnapshot()
			s.API.Nodes = nil
			for _, node := range strings.Fields(test.nodes) {
				s.API.Nodes = append(s.API.Nodes, octoapi.Node{Name: strings.TrimPrefix(node, "-"), InMaintenanceMode: strings.HasPrefix(node, "-")})
			}
			var addresses []string
			for _, host := range strings.Fields(test.hosts) {
				addresses = append(addresses, "https://"+strings.TrimPrefix(host, "!")+".example.com:10943")
			}
			s.setServers(addresses...)
			for i, host := range strings.Fields(test.hosts) {
				if strings.HasPrefix(host, "!") {
					s.Ports[i].Err = &octoapi.PortError{Address: addresses[i], Cause: "nothing listens", Reason: octoapi.Refused}
				}
			}
			for _, f := range s.Findings() {
				if f.ID == idPollingPort && f.Level != OK && (f.Level != test.want || !strings.Contains(f.Why, test.says)) {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func TestWhyANodeHandsOutNoWorkIsSaid(t *testing.T) {
	t.Parallel()
	for want, node := range map[string]octoapi.Node{
		"is offline": {Offline: true, InMaintenanceMode: true},
		"is offline, last seen at 2026-08-01T10:00:00Z": {Offline: true, LastSeen: checkedAt},
		"is drained":    {InMaintenanceMode: true},
		"runs no tasks": {WebOnly: true},
		"":              {LastSeen: checkedAt},
	} {
		if got := stateOf(node); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestASilentNodeMayNotShareItsQueues says no more than the nodes that could be asked.
func TestASilentNodeMayNotShareItsQueues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		unasked []string
		says    string
	}{
		{nil, "no work waits there: the nodes share their queues"},
		{[]string{"OCTO2.example.com"}, "no work waits there if this node shares its queues as the others do"},
		{[]string{"octo1.example.com"}, "no work waits there: the nodes share their queues"},
	} {
		s := goodSnapshot()
		s.API.Queues = coverage.Queues{State: coverage.Shared, Unasked: test.unasked}
		s.Ports[1].Err = &octoapi.PortError{Address: s.Ports[1].Address, Cause: "nothing listens", Reason: octoapi.Refused}
		for _, f := range s.Findings() {
			if f.ID == idPollingPort && f.Level != OK && (f.Level != Warning || !strings.HasPrefix(f.Why, test.says)) {
				t.Errorf("%q: %+v", test.unasked, f)
			}
		}
	}
}

// TestAPortAtWhichSomethingElseRespondsIsAProblem whatever its node does.
func TestAPortAtWhichSomethingElseRespondsIsAProblem(t *testing.T) {
	t.Parallel()
	s := goodSnapshot()
	s.API.Nodes[1].InMaintenanceMode = true
	s.Ports[1].Err = &octoapi.PortError{Address: s.Ports[1].Address, Cause: "404", Reason: octoapi.WebServer}
	for _, f := range s.Findings() {
		if f.ID == idPollingPort && strings.Contains(f.What, "octo2") && f.Level != Problem {
			t.Errorf("%+v", f)
		}
	}
}

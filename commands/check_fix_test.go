package commands_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// TestTheFixOfARegistrationLosesNothing runs the commands that check names for registrations of
// this Tentacle, and looks at the cluster afterwards. Another Tentacle's are never touched.
func TestTheFixOfARegistrationLosesNothing(t *testing.T) {
	t.Parallel()
	host := commands.HostName()
	own := octotest.Machine{Name: host, Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription,
		Environments: []string{"Production"}, Roles: []string{"web", "api"}, Tenants: []string{"Globex"}, Policy: "Transient machines"}
	with := func(change func(*octotest.Machine)) octotest.Machine {
		m := own
		change(&m)
		return m
	}
	fleet := with(func(m *octotest.Machine) { m.Name, m.Subscription = "another-of-the-fleet", "poll://another/" })
	clone := with(func(m *octotest.Machine) { m.Name, m.Thumbprint = "clone", strings.Repeat("D", 40) })
	for name, test := range map[string]struct {
		registered []octotest.Machine
		id         string // of the finding
		commands   int    // in its fix
	}{
		"another subscription": {registered: []octotest.Machine{with(func(m *octotest.Machine) { m.Subscription = "poll://other/" }), fleet},
			id: "registration", commands: 1},
		"registered as listening":       {registered: []octotest.Machine{with(func(m *octotest.Machine) { m.Subscription = "" }), fleet}, id: "registration", commands: 3},
		"a clone with the subscription": {registered: []octotest.Machine{own, clone, fleet}, id: "identity", commands: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "Tentacle", octotest.Options{NodeCount: 1})
			for _, m := range test.registered {
				if err := s.cluster.AddMachine(m); err != nil {
					t.Fatal(err)
				}
			}
			before := registeredByName(s.cluster)
			commands := strings.Split(s.fixOf(t, test.id), " && ")
			if len(commands) != test.commands {
				t.Fatalf("%q", commands)
			}
			for _, command := range commands {
				s.run(t, 0, append(strings.Fields(command)[1:], "--no-restart")...)
			}
			if again := s.fixOf(t, test.id); again != "" {
				t.Errorf("then %q", again)
			}
			after := registeredByName(s.cluster)
			if len(before) != len(after) {
				t.Errorf("registered are\n%v\nnot\n%v", after, before)
			}
			for name, was := range before {
				is := after[name]
				if name == host { // how it is reached may differ, and one that replaces another has an ID of its own
					is.URI, is.Style, is.ID = was.URI, was.Style, was.ID
				}
				if is.String() != was.String() {
					t.Errorf("%s was\n%v\nand is\n%v", name, was, is)
				}
			}
		})
	}
}

func registeredByName(cluster *octotest.Cluster) map[string]octotest.Registration {
	all := map[string]octotest.Registration{}
	for _, registration := range cluster.Registrations() {
		all[registration.Name] = registration
	}
	return all
}

// fixOf is the command that check names for the first finding with one of these IDs that is not
// good; "" if all are.
func (s *scene) fixOf(t *testing.T, ids ...string) string {
	t.Helper()
	cmd := s.command("check", "--format=json")
	cmd.Dir = s.home
	out, _ := cmd.Output() // other findings are problems, too
	var result struct {
		Findings []struct{ Level, ID, What, Fix string }
	}
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, found := range result.Findings {
		if found.Level != "ok" && slices.Contains(ids, found.ID) {
			if found.Fix == "" || strings.ContainsAny(found.Fix, `'"`) {
				t.Fatalf("%s: the fix is %q", found.What, found.Fix)
			}
			return found.Fix
		}
	}
	return ""
}

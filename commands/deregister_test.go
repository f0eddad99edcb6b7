package commands_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// inThreeSpaces is a Tentacle that polls two nodes, and is a deployment target, a worker and an
// agent in three spaces, beside others with the same certificate.
func inThreeSpaces(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, "Tentacle", octotest.Options{ThirdSpace: true})
	pollsTwo(t, s)
	const others = "poll://aaaaaaaaaaaaaaaaaaaa/"
	for _, m := range []octotest.Machine{
		{Name: "web01", Subscription: sceneSubscription},
		{Name: "vm-a", Subscription: others},
		{Name: "vm-a", Subscription: others, Worker: true, Space: "Finance Department"},
		{Name: "wk01", Subscription: sceneSubscription, Worker: true, Space: "Finance Department"},
		{Name: "agent", Subscription: sceneSubscription, Kubernetes: true, Space: "Research"},
		{Name: "listens", Space: "Research"},
		{Name: "host", SSH: true, Space: "Research"},
	} {
		if m.Thumbprint = tentacleThumbprint(); m.SSH {
			m.Thumbprint = ""
		}
		if err := s.cluster.AddMachine(m); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// machines are the kinds and names of what is registered.
func (s *scene) machines() (names []string) {
	for _, r := range s.cluster.Registrations() {
		names = append(names, r.Kind+" "+r.Name)
	}
	return names
}

func (s *scene) has(t *testing.T, want ...string) {
	t.Helper()
	if got := s.machines(); !slices.Equal(got, want) {
		t.Errorf("registered are %q, not %q", got, want)
	}
}

func TestDeregisteringInEverySpaceLeavesOtherKindsAndOtherTentacles(t *testing.T) {
	t.Parallel()
	s := inThreeSpaces(t)
	all := s.machines()
	for _, arguments := range [][]string{{"deregister-from", "--all-spaces", "--remove-trust"}, {"deregister-from", "--all-spaces", "--remove-trust", "--dry-run"}} {
		if _, stderr := s.run(t, 1, arguments...); !strings.Contains(stderr, "also registered as worker wk01 (Workers-104) in space Finance Department\n") {
			t.Errorf("%q: %s", arguments, stderr)
		}
	}
	s.has(t, all...)
	s.run(t, 0, "deregister-worker", "--all-spaces")
	s.has(t, "target web01", "target vm-a", "worker vm-a", "target agent", "target listens", "target host")
	s.run(t, 0, "deregister-from", "--all-spaces", "--remove-trust")
	s.has(t, "target vm-a", "worker vm-a", "target listens", "target host")
	if left := s.addresses(t); len(left) > 0 {
		t.Errorf("still polls %q", left)
	}
	for _, command := range []string{"deregister-worker", "deregister-from"} {
		if stdout, _ := s.run(t, 0, command, "--all-spaces", "--remove-trust"); !strings.Contains(stdout, "Nothing to change.") {
			t.Errorf("a second %s: %s", command, stdout)
		}
	}
	s.has(t, "target vm-a", "worker vm-a", "target listens", "target host")
}

// TestAnAccountThatSeesOneSpaceDeletesThere: what it does not see does not exist for it.
func TestAnAccountThatSeesOneSpaceDeletesThere(t *testing.T) {
	t.Parallel()
	s := inThreeSpaces(t)
	s.run(t, 0, "deregister-from", "--all-spaces", "--apikey="+octotest.LimitedAPIKey)
	s.has(t, "target vm-a", "worker vm-a", "worker wk01", "target agent", "target listens", "target host")
	if _, stderr := s.run(t, 1, "deregister-from", "--apikey="+octotest.LimitedAPIKey); strings.Contains(stderr, "wk01") || strings.Contains(stderr, "agent") {
		t.Error(stderr)
	}
}

// TestWhetherTrustIsStillNeededIsAskedMeanwhile: it costs no round trip more.
func TestWhetherTrustIsStillNeededIsAskedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newScene(t, "Tentacle", octotest.Options{ThirdSpace: true})
	registered(false)(t, s)
	s.cluster.AnswerTogether("/api/Spaces-1", "/Spaces-1/machines/all", "/Spaces-1/workers/all", "/Spaces-2/machines/all", "/Spaces-3/workers/all")
	s.run(t, 0, "deregister-from", "--remove-trust", "--timeout=30s")
	s.has(t)
}

//go:build linux

package commands_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// newPollingService is a registered Tentacle whose service polls these nodes, from 0, of three.
func newPollingService(t *testing.T, nodes ...int) *systemdScene {
	t.Helper()
	return newPollingServiceOf(t, 3, nodes...)
}

// newPollingServiceOf is newPollingService in a cluster of so many nodes.
func newPollingServiceOf(t *testing.T, count int, nodes ...int) *systemdScene {
	t.Helper()
	s := newSystemdSceneOf(t, octotest.Options{HandsOutWork: true, NodeCount: count})
	if err := s.cluster.AddMachine(octotest.Machine{Name: "web1", Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription}); err != nil {
		t.Fatal(err)
	}
	if err := makeTentacle(s.home, "Octo Tentacle Test", s.config, s.entries(nodes...)); err != nil {
		t.Fatal(err)
	}
	s.writeFile(t, filepath.Join(s.folder, "polls"), s.config, 0o600)
	return s
}

// ofThreeAndFive runs a test in clusters of three and of five nodes. It is given the nodes, from 0.
func ofThreeAndFive(t *testing.T, test func(t *testing.T, all []int)) {
	for _, count := range []int{3, 5} {
		t.Run(fmt.Sprintf("%d nodes", count), func(t *testing.T) {
			all := make([]int, count)
			for i := range all {
				all[i] = i
			}
			test(t, all)
		})
	}
}

func (s *scene) entries(nodes ...int) (entries []tentacleconfig.TrustedServer) {
	for _, node := range nodes {
		entries = append(entries, s.entry(node))
	}
	return entries
}

// gotWork says whether the running Tentacle takes work from these nodes, from 0.
func (s *scene) gotWork(t *testing.T, nodes ...int) {
	t.Helper()
	for _, node := range nodes {
		select {
		case <-s.cluster.Queue(node+1, sceneSubscription):
		case <-time.After(30 * time.Second):
			t.Errorf("node %d hands out no work", node)
		}
	}
}

func TestSystemdTentacleIsConnectedToEachAddress(t *testing.T) {
	s := newPollingService(t, 0, 1, 2)
	s.start(t)
	s.gotWork(t, 0, 1, 2)
	if got := s.check(t); got.finding("connections") != "ok the running Tentacle is connected to 3 of 3 addresses" || got.Summary.Problems > 0 {
		t.Errorf("%+v", got.Findings)
	}

	// A connection that was lost just now is there again soon.
	s.cluster.Restart(2, 0)
	if got := s.check(t).finding("connections"); got != "ok the running Tentacle is connected to 3 of 3 addresses" {
		t.Errorf("a node was restarted: %s", got)
	}
}

// Only the process itself says what it polls: the file is as it should be.
func TestSystemdTentacleThatStillPollsAnOldListIsFound(t *testing.T) {
	ofThreeAndFive(t, func(t *testing.T, all []int) {
		last := len(all) - 1
		s := newPollingServiceOf(t, len(all), all[:last]...)
		s.start(t)
		s.gotWork(t, all[:last]...)
		nodes := s.cluster.Addresses()
		s.run(t, 0, "poll-server", "--server-comms-address="+nodes[last], "--no-restart")
		s.run(t, 0, "remove-server", "--force", nodes[0], "--no-restart")
		got := s.check(t)
		if want := "problem the running Tentacle is not connected to " + nodes[last]; got.finding("connections") != want {
			t.Errorf("%s", got.finding("connections"))
		}
		s.paste(t, 0, got.fix("connections"))
		s.gotWork(t, all[1:]...)
		if got := s.check(t).finding("connections"); got != fmt.Sprintf("ok the running Tentacle is connected to %[1]d of %[1]d addresses", last) {
			t.Errorf("after the fix: %s", got)
		}
	})
}

func TestSystemdTentacleThatPollsARemovedAddressIsFound(t *testing.T) {
	s := newPollingService(t, 0, 1, 2)
	s.start(t)
	s.gotWork(t, 0, 1, 2)
	nodes := s.cluster.Addresses()
	s.run(t, 0, "remove-server", "--force", nodes[0], "--no-restart")
	got := s.check(t)
	if want := "ok the running Tentacle is connected to 2 of 2 addresses\nwarning the running Tentacle is also connected to " +
		strings.TrimPrefix(nodes[0], "https://") + ", where none of its addresses leads"; got.finding("connections") != want {
		t.Errorf("%s", got.finding("connections"))
	}
	s.paste(t, 0, got.fix("connections"))
	s.gotWork(t, 1, 2)
	if got := s.check(t).finding("connections"); got != "ok the running Tentacle is connected to 2 of 2 addresses" {
		t.Errorf("after the fix: %s", got)
	}
}

// A person who writes into the file right after the start is not noticed by its times: the Tentacle
// itself may write then.
func TestSystemdTentacleThatDoesNotKnowAnAddressYetIsFound(t *testing.T) {
	s := newPollingService(t, 0, 1)
	s.start(t)
	s.gotWork(t, 0, 1)
	document, err := tentacleconfig.Read(s.config)
	if err != nil {
		t.Fatal(err)
	}
	document.Set(tentacleconfig.KeyTrustedServers, tentacleconfig.FormatTrustedServers(s.entries(0, 1, 2)))
	if err := os.WriteFile(s.config, document.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got := s.check(t)
	want := "warning the running Tentacle is not connected to " + s.cluster.Addresses()[2] + " yet"
	if !strings.HasPrefix(got.finding("restart"), "ok ") || got.finding("connections") != want {
		t.Errorf("%s\n%s", got.finding("restart"), got.finding("connections"))
	}
}

func TestSystemdOverrideThatLacksANodeIsFound(t *testing.T) {
	ofThreeAndFive(t, func(t *testing.T, all []int) {
		last := len(all) - 1
		s := newPollingServiceOf(t, len(all), all...)
		list := strings.ReplaceAll(tentacleconfig.FormatTrustedServers(s.entries(all[:last]...)), `"`, `\"`)
		s.withEnvironment(t, "Environment=OCTOPUS_CONTRIBUTE_ENV_SETTINGS=true \"TENTACLE_TRUSTED_SERVERS="+list+"\"\n")
		s.start(t)
		s.gotWork(t, all[:last]...)
		got := s.check(t)
		if want := "problem the running Tentacle is not connected to " + s.cluster.Addresses()[last]; got.finding("connections") != want {
			t.Errorf("%s", got.finding("connections"))
		}
		s.paste(t, 0, got.fix("environment"))
		s.gotWork(t, all...)
		want := fmt.Sprintf("ok the running Tentacle is connected to %[1]d of %[1]d addresses", len(all))
		if got := s.check(t); got.finding("connections") != want || !strings.HasPrefix(got.finding("environment"), "ok ") {
			t.Errorf("after the fix: %s\n%s", got.finding("connections"), got.finding("environment"))
		}
	})
}

// The finding about the service says it all.
func TestSystemdServiceThatDoesNotStayUpIsNotAskedForConnections(t *testing.T) {
	ofThreeAndFive(t, func(t *testing.T, all []int) {
		s := newPollingServiceOf(t, len(all), all...)
		s.writeFile(t, filepath.Join(s.folder, "short-lived"), s.config+"\n<", 0o600)
		s.start(t)
		for end := time.Now().Add(30 * time.Second); s.starts(t) < 2 && time.Now().Before(end); {
			time.Sleep(50 * time.Millisecond)
		}
		for range 4 {
			got := s.check(t)
			if !strings.HasPrefix(got.finding("service"), "problem service Octo-Tentacle-Test does not stay up") || got.finding("connections") != "" || got.finding("restart") != "" {
				t.Errorf("%s\n%s\n%s", got.finding("service"), got.finding("connections"), got.finding("restart"))
			}
			time.Sleep(800 * time.Millisecond)
		}
	})
}

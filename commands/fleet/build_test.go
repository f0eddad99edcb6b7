package fleet

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

var clusterThumbprint = strings.Repeat("B", 40)

// cluster is evidence of three nodes, each at an address of its name, as seen from here.
func cluster(machines ...Evident) Evidence {
	e := Evidence{
		Now: time.Unix(0, 0), Thumbprint: clusterThumbprint, Queues: coverage.Queues{State: coverage.NotShared},
		Addresses: map[string]Seen{}, Machines: machines, Spaces: []string{"Default"},
	}
	for n := 1; n <= 3; n++ {
		node := octoapi.Node{ID: fmt.Sprintf("OctopusServerNodes-octo%d", n), Name: fmt.Sprintf("octo%d", n)}
		e.Nodes = append(e.Nodes, node)
		remote := fmt.Sprintf("10.0.0.%d:10943", n)
		e.Addresses[at(n)] = Seen{Address: coverage.Address{
			URL: at(n), Answers: true, Remote: remote,
			Host: octoapi.NodeAtHost{Node: node, Verified: true, Remote: fmt.Sprintf("10.0.0.%d:443", n)},
		}}
	}
	return e
}

func at(n int) string { return fmt.Sprintf("https://octo%d:10943", n) }

// tentacle is one that answered: it polls these addresses.
func tentacle(name string, addresses ...string) Evident {
	id := "Machines-" + name
	subscription := "poll://" + (name + "00000000000000000000")[:20] + "/"
	m := Evident{
		Inventoried: octoapi.Inventoried{ID: id, Name: name, HealthStatus: "Healthy", Version: "8.3.100",
			Endpoint: octoapi.Endpoint{CommunicationStyle: octoapi.Polling, Thumbprint: "OWN" + name, URI: subscription}},
		Space: octoapi.Named{ID: "Spaces-1", Name: "Default"}, State: Answered, Node: "OctopusServerNodes-octo1",
	}
	for _, address := range addresses {
		m.Servers = append(m.Servers, tentacleconfig.TrustedServer{
			Thumbprint: clusterThumbprint, Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: subscription[:len("poll://")+cutSubscription] + "/"})
	}
	return m
}

// shown is a report in short: the Tentacles, the worst first, then the findings.
func shown(r *Report) (lines []string) {
	for _, m := range r.Machines {
		var cells []string
		for _, c := range m.Nodes {
			cells = append(cells, string(c))
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s", m.Name, m.Level, strings.Join(cells, " ")))
	}
	for _, f := range r.Findings {
		names := make([]string, len(f.Machines))
		for i, key := range f.Machines {
			names[i] = strings.TrimPrefix(key, "Spaces-1/Machines-")
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s: %s %v", f.Level, f.ID, f.What, names)))
	}
	return lines
}

func compare(t *testing.T, r *Report, want ...string) {
	t.Helper()
	if got := shown(r); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwanted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhoMissesANodeComesFirst(t *testing.T) {
	t.Parallel()
	r := Build(cluster(tentacle("well", at(1), at(2), at(3)), tentacle("one", at(1)), tentacle("two", at(1), at(3)), tentacle("also", at(3), at(1))))
	compare(t, r,
		"one problem: polled missing missing", "also problem: polled missing polled", "two problem: polled missing polled", "well ok: polled polled polled",
		"problem missing-node: octo2 is not polled [one two also]", "problem missing-node: octo3 is not polled [one]")
	s := r.Summary
	if s.Machines != 4 || s.OK != 1 || s.Problems != 3 || s.AllPolled != 1 || s.MissesNode != 3 || r.Nodes[1].Missing != 3 || r.Nodes[0].Polled != 4 {
		t.Errorf("%+v %+v", s, r.Nodes)
	}
	if r.Worst() != Problem || !r.Looked() {
		t.Errorf("worst %s, looked %v", r.Worst(), r.Looked())
	}
}

// TestOneAddressIsANodesOwnWhereTheFleetProvesIt, and not where it is all that is polled, since it
// may be that of a load balancer.
func TestOneAddressIsANodesOwnWhereTheFleetProvesIt(t *testing.T) {
	t.Parallel()
	ip := func(n int) string { return fmt.Sprintf("https://10.0.0.%d:10943", n) }
	known := func(e Evidence) Evidence {
		for n := 1; n <= 3; n++ {
			seen := e.Addresses[at(n)]
			seen.URL, seen.Remote, seen.Host.Remote = ip(n), fmt.Sprintf("10.0.0.%d:10943", n), fmt.Sprintf("10.0.0.%d:443", n)
			delete(e.Addresses, at(n))
			for _, m := range e.Machines {
				if tentacleconfig.ContainsAddress(polledAt(m), ip(n)) {
					e.Addresses[ip(n)] = seen
				}
			}
		}
		return e
	}
	compare(t, Build(known(cluster(tentacle("one", ip(1))))),
		"one problem: polled unknown unknown", "problem missing-nodes: 2 of these nodes are not polled: octo2, octo3 [one]")
	compare(t, Build(known(cluster(tentacle("one", ip(1)), tentacle("well", ip(1), ip(2), ip(3))))),
		"one problem: polled missing missing", "well ok: polled polled polled",
		"problem missing-node: octo2 is not polled [one]", "problem missing-node: octo3 is not polled [one]")
}

func polledAt(m Evident) (addresses []string) {
	for _, s := range m.Servers {
		addresses = append(addresses, s.Address)
	}
	return addresses
}

func TestOneAddressIsEnoughWhereTheQueuesAreShared(t *testing.T) {
	t.Parallel()
	e := cluster(tentacle("one", at(1)))
	e.Queues.State = coverage.Shared
	compare(t, Build(e), "one ok: polled unknown unknown")

	e.Queues.Unasked = []string{"octo3"}
	r := Build(e)
	if r.Looked() || r.Queues != UnknownQueues {
		t.Errorf("it is believed without having asked octo3: %q", shown(r))
	}
}

func TestAMissedNodeIsAWarningWhereItIsNotKnownWhetherQueuesAreShared(t *testing.T) {
	t.Parallel()
	e := cluster(tentacle("two", at(1), at(2)))
	e.Queues.State = coverage.Unknown
	compare(t, Build(e), "two warning: polled polled missing", "warning missing-node: octo3 is not polled [two]")
}

func TestADrainedNodeIsAWarningAndOneThatIsOffIsNone(t *testing.T) {
	t.Parallel()
	e := cluster(tentacle("two", at(1), at(2)))
	e.Nodes[2].InMaintenanceMode = true
	compare(t, Build(e), "two warning: polled polled missing", "warning drained-node: octo3 is not polled; it is drained [two]")
	e.Nodes[2].Offline = true
	compare(t, Build(e), "two ok: polled polled unknown")
}

// TestANodeIsKnownWhereNothingAnswersFromHere, by its name and by the task that it ran, as where a
// desk is not let through to the polling ports.
func TestANodeIsKnownWhereNothingAnswersFromHere(t *testing.T) {
	t.Parallel()
	e := cluster(tentacle("two", at(1), at(2)), tentacle("well", at(1), at(2), at(3)))
	for address := range e.Addresses {
		e.Addresses[address] = Seen{Address: coverage.Address{URL: address, Silent: true}}
	}
	compare(t, Build(e), "two problem: polled perhaps missing", "well ok: polled perhaps perhaps", "problem missing-node: octo3 is not polled [two]")
}

func TestAddressesThatTellNothingAreNotCountedAsNodes(t *testing.T) {
	t.Parallel()
	nat := func(port int) string { return fmt.Sprintf("https://gateway:%d", port) }
	e := cluster(tentacle("a", nat(1), nat(2), nat(3)), tentacle("b", nat(3), nat(2), nat(1)), tentacle("c", nat(1), nat(2), nat(3)), tentacle("d", nat(1), nat(2)))
	for n := 1; n <= 3; n++ {
		e.Addresses[nat(n)] = Seen{Address: coverage.Address{URL: nat(n), Answers: true, Remote: fmt.Sprintf("10.0.0.9:%d", n)}}
	}
	compare(t, Build(e),
		"d problem: polled unknown unknown", "a skipped: polled unknown unknown", "b skipped: polled unknown unknown", "c skipped: polled unknown unknown",
		"problem missing-nodes: one of these nodes is not polled: octo2, octo3 [d]",
		"warning unusual-addresses: does not poll https://gateway:3, which 3 of 4 poll [d]",
		"skipped unproved-node: it is not known whether it polls octo2, octo3 [a b c]")
	if Build(e).Looked() {
		t.Error("it says that all was looked at")
	}
}

func TestWhoDidNotAnswerIsNeverWell(t *testing.T) {
	t.Parallel()
	silent := func(name string, state State, why string) Evident {
		m := tentacle(name)
		m.State, m.Why = state, why
		return m
	}
	unavailable := silent("off", Unavailable, "the server does not reach it")
	unavailable.HealthStatus = "Unavailable"
	r := Build(cluster(silent("silent", NoAnswer, ""), silent("broken", Unreadable, "its answer was cut off"), silent("unasked", NotAsked, "no permission"), unavailable, silent("unused", Disabled, "it is disabled")))
	compare(t, r,
		"off warning: unknown unknown unknown", "broken skipped: unknown unknown unknown", "silent skipped: unknown unknown unknown",
		"unasked skipped: unknown unknown unknown", "unused skipped: unknown unknown unknown",
		"warning unhealthy: the server reports it as unavailable [off]",
		"skipped left-out: left out: it is disabled [unused]",
		"skipped left-out: left out: the server does not reach it [off]",
		"skipped no-answer: did not answer the script that octo1 ran [silent]",
		"skipped not-asked: what it polls is not known: no permission [unasked]",
		"skipped unreadable: what it polls could not be read: its answer was cut off [broken]")
	if s := r.Summary; r.Looked() || s.OK != 0 || s.NoAnswer != 2 || s.NotAsked != 1 || s.LeftOut != 2 || s.LeftOutBy[Disabled] != 1 {
		t.Errorf("%+v", s)
	}
	if why := r.Findings[3].Why; !strings.Contains(why, "octo1") {
		t.Errorf("it does not say that octo1 may not be polled: %q", why)
	}
	left := Build(cluster(tentacle("well", at(1), at(2), at(3)), silent("unused", Disabled, "it is disabled")))
	if !left.Looked() {
		t.Errorf("what is left out on purpose counts as not looked at: %q", shown(left))
	}
}

func TestTentaclesThatCannotBeToldApart(t *testing.T) {
	t.Parallel()
	all := []string{at(1), at(2), at(3)}
	clone, double := tentacle("clone", all...), tentacle("double", all...)
	original := tentacle("original", all...)
	clone.Endpoint.URI = original.Endpoint.URI
	clone.Servers = original.Servers
	double.Endpoint.Thumbprint = strings.ToLower(original.Endpoint.Thumbprint)
	// One Tentacle as a worker, too, and in another space, is no clone.
	worker, elsewhere, twice := tentacle("x", all...), tentacle("x", all...), tentacle("x", all...)
	first := tentacle("x", all...)
	worker.ID, worker.Kind = "Workers-x", octoapi.Worker
	elsewhere.Space = octoapi.Named{ID: "Spaces-2", Name: "Finance"}
	compare(t, Build(cluster(first, worker, elsewhere)), "x ok: polled polled polled", "x ok: polled polled polled", "x ok: polled polled polled")
	twice.ID, twice.Name = "Machines-y", "y"
	r := Build(cluster(original, clone, double, first, twice))
	compare(t, r,
		"clone problem: polled polled polled", "original problem: polled polled polled", "double warning: polled polled polled", "x warning: polled polled polled", "y warning: polled polled polled",
		"problem duplicate-subscription: 2 registrations with different certificates have one subscription [original clone]",
		"warning duplicate-registration: one Tentacle is registered 2 times in the space Default, or machines were cloned [x y]",
		"warning duplicate-thumbprint: 2 registrations of several Tentacles have one certificate [original double]")
}

func TestAnAnswerOfAClonedTentacleProvesNothing(t *testing.T) {
	t.Parallel()
	e := cluster(tentacle("original", "https://unseen:10943"), tentacle("clone", "https://unseen:10943"))
	e.Machines[1].Endpoint.URI, e.Machines[1].Servers = e.Machines[0].Endpoint.URI, e.Machines[0].Servers
	for _, m := range Build(e).Machines {
		if m.Nodes[0] == Polled {
			t.Errorf("%s: %v", m.Name, m.Nodes)
		}
	}
}

func TestWhatATentaclePollsIsComparedWithItsRegistration(t *testing.T) {
	t.Parallel()
	other := tentacle("other", at(1), at(2), at(3))
	other.Endpoint.URI = "poll://anotherone0000000000/"
	elsewhere := tentacle("elsewhere", at(1))
	elsewhere.Servers[0].Thumbprint, elsewhere.Servers[0].SubscriptionID = strings.Repeat("C", 40), "poll://unrelate/"
	renewed := tentacle("renewed", at(1), at(2), at(3))
	for i := range renewed.Servers {
		renewed.Servers[i].Thumbprint = strings.Repeat("C", 40) // the cluster's former certificate
	}
	variable := tentacle("variable", at(1), at(2), at(3))
	variable.Overridden = true
	lost := tentacle("lost", at(1), at(2), at(3), "https://octo9:10943")
	e := cluster(other, elsewhere, renewed, variable, lost)
	e.Addresses["https://octo9:10943"] = Seen{Other: strings.Repeat("D", 40), Address: coverage.Address{URL: "https://octo9:10943"}}
	compare(t, Build(e),
		"elsewhere problem: unknown unknown unknown", "other problem: polled polled polled",
		"lost warning: polled polled polled", "variable warning: polled polled polled", "renewed ok: polled polled polled",
		"problem not-polling: its configuration has no entry that polls this cluster [elsewhere]",
		"problem other-subscription: polls with another subscription than the one that is registered [other]",
		"warning environment: a variable of its service overrides its configuration [variable]",
		"warning unknown-address: https://octo9:10943 presents another certificate, as seen from here: "+strings.Repeat("D", 40)+" [lost]")
}

func TestHealthThatDependsOnTheNode(t *testing.T) {
	t.Parallel()
	check := func(node int, well bool, machines int) octoapi.HealthTask {
		return octoapi.HealthTask{Machines: machines, Task: octoapi.Task{Succeeded: well, Warned: !well, ServerNode: fmt.Sprintf("OctopusServerNodes-octo%d", node)}}
	}
	for _, c := range []struct {
		name   string
		checks []octoapi.HealthTask
		flaps  bool
	}{
		{"none", nil, false},
		{"well on all", []octoapi.HealthTask{check(1, true, 1), check(2, true, 1)}, false},
		{"ill on all", []octoapi.HealthTask{check(1, false, 1), check(2, false, 1)}, false},
		{"ill on one", []octoapi.HealthTask{check(1, true, 1), check(2, false, 1)}, true},
		{"ill on one, once, with others", []octoapi.HealthTask{check(1, true, 9), check(2, false, 9)}, false},
		{"ill on one, always, with others", []octoapi.HealthTask{check(1, true, 0), check(2, false, 0), check(2, false, 0)}, true},
		{"ill on one, and well before", []octoapi.HealthTask{check(1, true, 1), check(2, false, 1), check(2, true, 1)}, false},
	} {
		m := tentacle("web", at(1), at(2), at(3))
		m.Checks = c.checks
		if got := slices.ContainsFunc(Build(cluster(m)).Findings, func(f Finding) bool {
			return f.ID == Flapping && f.What == "health checks that octo1 ran succeed, and those that octo2 ran do not"
		}); got != c.flaps {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestWithoutNodesOrTentaclesNothingWasLookedAt(t *testing.T) {
	t.Parallel()
	e := cluster(tentacle("one", at(1)))
	e.Nodes, e.NodesWhy = nil, "the account may not see the nodes"
	compare(t, Build(e), "one ok: ", "skipped nodes: the nodes of the cluster are not known []")
	compare(t, Build(cluster()), "skipped none: there is no polling Tentacle that fits, or the account may not see it []")
	for _, empty := range []Evidence{e, cluster()} {
		if Build(empty).Looked() {
			t.Errorf("%q", shown(Build(empty)))
		}
	}
}

func TestVersionsAreComparedByTheirNumbers(t *testing.T) {
	t.Parallel()
	list := []string{"", "6.2.50", "8.3.3166", "8.10.1", "8.3.3166-pr", "10.0", "8.3", "v1"}
	slices.SortFunc(list, compareVersions)
	if got := strings.Join(list, " "); got != " v1 6.2.50 8.3 8.3.3166 8.3.3166-pr 8.10.1 10.0" {
		t.Errorf("%q", got)
	}
}

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
	warned := check(2, true, 1)
	warned.Warned = true
	for _, c := range []struct {
		name   string
		checks []octoapi.HealthTask
		flaps  bool
	}{
		{"none", nil, false},
		{"well on all", []octoapi.HealthTask{check(1, true, 1), check(2, true, 1)}, false},
		{"ill on all", []octoapi.HealthTask{check(1, false, 1), check(2, false, 1)}, false},
		{"ill on one", []octoapi.HealthTask{check(1, true, 1), check(2, false, 1)}, true},
		{"well on one, with warnings on the other", []octoapi.HealthTask{check(1, true, 1), warned}, true},
		{"by nobody knows whom", []octoapi.HealthTask{check(1, true, 1), {Machines: 1}}, false},
		{"ill on one, once, with others", []octoapi.HealthTask{check(1, true, 9), check(2, false, 9)}, false},
		{"ill on one, always, with others", []octoapi.HealthTask{check(1, true, 0), check(2, false, 0), check(2, false, 0)}, true},
		{"ill on one, and well before", []octoapi.HealthTask{check(1, true, 1), check(2, false, 1), check(2, true, 1)}, false},
	} {
		m := tentacle("web", at(1), at(2), at(3))
		m.Checks = c.checks
		want := []string{"web ok: polled polled polled"}
		if c.flaps {
			want = []string{"web warning: polled polled polled", "warning flapping: health checks that octo1 ran succeed, and those that octo2 ran do not [web]"}
		}
		compare(t, Build(cluster(m)), want...)
	}
}

func TestTheStatesOfNodesAndQueuesAreThoseOfListNodes(t *testing.T) {
	t.Parallel()
	e := cluster(tentacle("one", at(1)))
	e.Nodes[1].InMaintenanceMode = true
	e.Nodes[2].WebOnly = true
	e.Nodes = append(e.Nodes, octoapi.Node{Name: "octo4", Offline: true, InMaintenanceMode: true, WebOnly: true})
	e.Tasks = []Task{{ID: "ServerTasks-1", Node: "OctopusServerNodes-octo2"}, {ID: "ServerTasks-2", Node: "OctopusServerNodes-gone"}}
	r := Build(e)
	var states, ran []string
	for _, n := range r.Nodes {
		states = append(states, n.State)
	}
	for _, task := range r.Tasks {
		ran = append(ran, task.Node)
	}
	if !slices.Equal(states, []string{"works", "drained", "ui-only", "offline"}) || !slices.Equal(ran, []string{"octo2", "OctopusServerNodes-gone"}) || e.Tasks[0].Node == "octo2" {
		t.Errorf("%q, %q", states, ran)
	}
	for state, want := range map[coverage.Sharing]Queues{
		coverage.Shared: SharedQueues, coverage.NotShared: OwnQueues, coverage.PartlyShared: OwnQueues, coverage.Unknown: UnknownQueues,
	} {
		e.Queues.State = state
		if got := Build(e).Queues; got != want {
			t.Errorf("%v: %s, and not %s", state, got, want)
		}
	}
}

func TestEachAddressIsListedWithWhatIsWrongThere(t *testing.T) {
	t.Parallel()
	const old, unseen, foreign, down = "https://old:10943", "https://unseen:10943", "https://foreign:10943", "https://down:10943"
	e := cluster(tentacle("all", at(1), at(2), at(3), old, unseen, foreign, down), tentacle("well", at(1), at(2), at(3)), tentacle("two", at(1), at(2)))
	e.Nodes[2].Offline = true
	replaced := e.Addresses[at(3)]
	replaced.URL, replaced.Remote, replaced.Host = old, "10.0.0.9:10943", octoapi.NodeAtHost{Node: octoapi.Node{Name: "octo9"}, Verified: true, Remote: "10.0.0.9:443"}
	e.Addresses[old] = replaced
	e.Addresses[foreign] = Seen{Other: "DDDD", Address: coverage.Address{URL: foreign}}
	e.Addresses[down] = Seen{Address: coverage.Address{URL: down, Silent: true}}
	silent := e.Addresses[at(2)]
	silent.Answers, silent.Silent, silent.Remote, silent.Host = false, true, "", octoapi.NodeAtHost{}
	e.Addresses[at(2)] = silent

	r := Build(e)
	var got []string
	for _, a := range r.Addresses {
		got = append(got, fmt.Sprintf("%d %s %s %v: %s", a.Machines, a.URL, a.Node, a.Proved, a.Note))
	}
	want := []string{
		"3 https://octo1:10943 octo1 true: ",
		"3 https://octo2:10943 octo2 false: does not answer from here",
		"2 https://octo3:10943 octo3 true: leads to a node that the cluster calls offline",
		"1 https://down:10943  false: does not answer from here",
		"1 https://foreign:10943  false: presents another certificate",
		"1 https://old:10943  false: leads to octo9, which is no node of the cluster",
		"1 https://unseen:10943  false: not looked at",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwanted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, m := range r.Machines {
		if m.Name == "all" && !slices.Equal(m.Unmatched, []string{old, unseen, foreign, down}) || m.Name != "all" && len(m.Unmatched) > 0 {
			t.Errorf("%s: %q", m.Name, m.Unmatched)
		}
	}
	var unknown []string
	for _, f := range r.Findings {
		if f.ID == UnknownAddress {
			unknown = append(unknown, f.Address+" "+f.What)
		}
	}
	if want := []string{foreign + " " + foreign + " presents another certificate, as seen from here: DDDD", old + " " + old + " leads to octo9, which is no node of the cluster"}; !slices.Equal(unknown, want) {
		t.Errorf("%q", unknown)
	}

	e.Nodes = nil
	for _, a := range Build(e).Addresses {
		if a.URL == at(1) && (a.Node != "octo1" || !a.Proved) {
			t.Errorf("where the nodes are not known, the web port is not believed: %+v", a)
		}
	}
}

// TestWhoDoesNotPollWhatMostDoIsNamed where nodes are not told apart: at least three, and more than
// half of those that answered, poll the address.
func TestWhoDoesNotPollWhatMostDoIsNamed(t *testing.T) {
	t.Parallel()
	nat := func(port int) string { return fmt.Sprintf("https://gateway:%d", port) }
	gateway := func(queues coverage.Sharing, with, without int) Evidence {
		var machines []Evident
		for i := range with + without {
			m := tentacle(fmt.Sprintf("m%d", i), nat(1))
			if i < with {
				m = tentacle(fmt.Sprintf("m%d", i), nat(1), nat(2))
			}
			machines = append(machines, m)
		}
		silent := tentacle("silent")
		silent.State, silent.Servers = NoAnswer, nil
		e := cluster(append(machines, silent)...)
		e.Queues.State = queues
		for n := 1; n <= 2; n++ {
			e.Addresses[nat(n)] = Seen{Address: coverage.Address{URL: nat(n), Answers: true, Remote: fmt.Sprintf("10.0.0.9:%d", n)}}
		}
		return e
	}
	for _, c := range []struct {
		queues        coverage.Sharing
		with, without int
		unusual       bool
	}{
		{coverage.NotShared, 3, 2, true},
		{coverage.Unknown, 3, 2, true},
		{coverage.NotShared, 3, 3, false},
		{coverage.NotShared, 2, 1, false},
		{coverage.NotShared, 4, 0, false},
		{coverage.Shared, 4, 1, false},
	} {
		var got []string
		for _, f := range Build(gateway(c.queues, c.with, c.without)).Findings {
			if f.ID == UnusualAddresses {
				got = append(got, f.Address)
				if len(f.Machines) != c.without {
					t.Errorf("%+v: %q", c, f.Machines)
				}
			}
		}
		if want := []string{nat(2)}; c.unusual && !slices.Equal(got, want) || !c.unusual && len(got) > 0 {
			t.Errorf("%+v: %q", c, got)
		}
	}
	named := Build(cluster(tentacle("a", at(1), at(2)), tentacle("b", at(1), at(2)), tentacle("c", at(1), at(2)), tentacle("d", at(1))))
	if slices.ContainsFunc(named.Findings, func(f Finding) bool { return f.ID == UnusualAddresses }) {
		t.Errorf("the node is known: %q", shown(named))
	}
}

func TestASummaryCountsEachTentacleOnce(t *testing.T) {
	t.Parallel()
	state := func(name string, s State, version string) Evident {
		m := tentacle(name)
		m.State, m.Servers, m.Version = s, nil, version
		return m
	}
	ill := tentacle("ill", at(1), at(2), at(3))
	ill.HealthStatus = "Unhealthy"
	old := tentacle("old", at(1), at(2), at(3))
	old.UpgradeRequired, old.Version = true, "6.2.50"
	off := state("off", Disabled, "")
	off.IsDisabled, off.HealthStatus = true, "Unavailable" // which nobody wonders about
	r := Build(cluster(tentacle("well", at(1), at(2), at(3)), tentacle("one", at(1)), ill, old, off,
		state("k8s", Kubernetes, "9.1.0"), state("mute", NoAnswer, "9.1.0"), state("garbled", Unreadable, ""), state("later", NotAsked, "")))
	s := r.Summary
	for what, counts := range map[string][2]int{
		"machines": {s.Machines, 9}, "ok": {s.OK, 1}, "skipped": {s.Skipped, 5}, "warnings": {s.Warnings, 2}, "problems": {s.Problems, 1},
		"answered": {s.Answered, 4}, "no answer": {s.NoAnswer, 2}, "not asked": {s.NotAsked, 1}, "left out": {s.LeftOut, 2},
		"disabled": {s.LeftOutBy[Disabled], 1}, "agents": {s.LeftOutBy[Kubernetes], 1}, "all polled": {s.AllPolled, 3}, "misses a node": {s.MissesNode, 1},
		"octo2 polled": {r.Nodes[1].Polled, 3}, "octo2 missing": {r.Nodes[1].Missing, 1}, "octo2 unknown": {r.Nodes[1].Unknown, 5},
	} {
		if counts[0] != counts[1] {
			t.Errorf("%s: %d, and not %d", what, counts[0], counts[1])
		}
	}
	if want := []Version{{"9.1.0", 2}, {"8.3.100", 3}, {"6.2.50", 1}, {"", 3}}; !slices.Equal(s.Versions, want) {
		t.Errorf("%v", s.Versions)
	}
	var upgrade []string
	for _, f := range r.Findings {
		if f.ID == OldVersion || f.ID == Unhealthy {
			upgrade = append(upgrade, fmt.Sprint(f.What, f.Machines))
		}
	}
	if want := []string{"the server reports it as unhealthy[Spaces-1/Machines-ill]", "the server says that Tentacle 6.2.50 must be upgraded[Spaces-1/Machines-old]"}; !slices.Equal(upgrade, want) {
		t.Errorf("%q", upgrade)
	}
}

func TestWhySomebodyIsSilentDependsOnTheQueues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		queues          coverage.Sharing
		why, node, want string
	}{
		{coverage.NotShared, "", "octo2", "it may be off, busy, or not reached, or not poll octo2"},
		{coverage.Unknown, "", "OctopusServerNodes-octo2", "it may be off, busy, or not reached, or not poll octo2"},
		{coverage.Shared, "", "octo2", "it may be off, busy, or not reached"},
		{coverage.NotShared, "", "", "it may be off, busy, or not reached"},
		{coverage.NotShared, "the task was cancelled", "octo2", "the task was cancelled, or not poll octo2"},
	} {
		m := tentacle("mute")
		m.State, m.Servers, m.Why, m.Node = NoAnswer, nil, c.why, c.node
		e := cluster(m)
		e.Queues.State = c.queues
		if f := Build(e).Findings[0]; f.ID != UnansweredScript || f.Why != c.want {
			t.Errorf("%+v: %+v", c, f)
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

package coverage_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// nodes reads names of nodes: one after a - is in maintenance, after a ! offline, after a _ for the
// web alone, and after several of them all of that.
func nodes(text string) (list []octoapi.Node) {
	for _, name := range strings.Fields(text) {
		bare := strings.TrimLeft(name, "-!_")
		is := func(mark string) bool { return strings.Contains(strings.TrimSuffix(name, bare), mark) }
		list = append(list, octoapi.Node{
			ID: "OctopusServerNodes-" + bare, Name: bare,
			InMaintenanceMode: is("-"), Offline: is("!"), WebOnly: is("_"),
		})
	}
	return list
}

// addresses reads a line for each: a host with or without a port, and what is known:
//
//	is=NODE     its host's web port says so, and can be believed
//	maybe=NODE  it says so, but its certificate is not trusted
//	at=HOST     the polling port ends there, on port 10943; by default at 10.0.0.N for line N
//	to=PORT     it ends at this port
//	web=HOST    the web port ends there, on port 443; by default where the polling port is
//	nowhere     through a proxy: it is not known where the ports end
//	silent      nothing responds
//	wrong       something else responds
//	accepts, refuses, mute
func addresses(text string) (list []coverage.Address) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fields := strings.Fields(line)
		ip := fmt.Sprintf("10.0.0.%d", len(list)+1)
		host := fields[0]
		if !strings.Contains(host, ":") {
			host += ":10943"
		}
		a := coverage.Address{URL: "https://" + host, Answers: true, Remote: ip + ":10943"}
		for _, field := range fields[1:] {
			is, value, _ := strings.Cut(field, "=")
			switch is {
			case "is", "maybe":
				a.Host = octoapi.NodeAtHost{Node: octoapi.Node{Name: value}, Verified: is == "is", Remote: ip + ":443"}
			case "at":
				ip, a.Remote = value, value+":10943"
			case "to":
				a.Remote = ip + ":" + value
			case "web":
				a.Host.Remote = value + ":443"
			case "nowhere":
				a.Remote, a.Host.Remote = "", ""
			case "silent":
				a.Answers, a.Silent, a.Remote = false, true, ""
			case "mute":
				a.Mute = true
			case "wrong":
				a.Answers = false
			case "accepts":
				a.Trust = octoapi.Trusted
			case "refuses":
				a.Trust = octoapi.NotTrusted
			default:
				panic(line)
			}
		}
		list = append(list, a)
	}
	return list
}

// checked are successful health checks that these nodes ran.
func checked(nodes ...string) (tasks []octoapi.Task) {
	for _, node := range nodes {
		tasks = append(tasks, octoapi.Task{ID: "ServerTasks-" + node, ServerNode: node, Succeeded: true})
	}
	return tasks
}

// text is a result, a line for each node, and one for each thing that is wrong.
func text(r coverage.Result) string {
	var b strings.Builder
	short := func(list []string) string {
		return strings.NewReplacer("https://", "", ":10943", "").Replace(strings.Join(list, " "))
	}
	for _, n := range r.Nodes {
		fmt.Fprintf(&b, "%s:", n.Name)
		if len(n.PolledAt) > 0 {
			fmt.Fprintf(&b, " at %s", short(n.PolledAt))
		}
		if len(n.Perhaps) > 0 {
			fmt.Fprintf(&b, " perhaps %s", short(n.Perhaps))
		}
		for _, proof := range n.Proof {
			fmt.Fprintf(&b, " %s", proof)
		}
		fmt.Fprint(&b, map[octoapi.Trust]string{octoapi.Trusted: " accepts", octoapi.NotTrusted: " refuses"}[n.Accepted])
		if n.Unpolled {
			fmt.Fprint(&b, " UNPOLLED")
		}
		fmt.Fprintln(&b)
	}
	for _, same := range r.Same {
		fmt.Fprintf(&b, "same: %s (%s %s)\n", short(same.Addresses), same.Remote, same.Node)
	}
	for _, p := range r.Places {
		if p.Lost != coverage.NotLost {
			fmt.Fprintf(&b, "lost: %s %s\n", short([]string{p.URL}), p.Node)
		}
	}
	if r.Unpolled > 0 && !r.Named() {
		fmt.Fprintf(&b, "unpolled: %d\n", r.Unpolled)
	}
	if len(r.Drained) > 0 {
		fmt.Fprintf(&b, "drained: %d\n", len(r.Drained))
	}
	if r.Balanced {
		fmt.Fprintln(&b, "balanced")
	}
	return b.String()
}

func lines(list ...string) string { return strings.Join(list, "\n") + "\n" }

func TestWhichNodeIsPolledIsSaidWhereItIsProved(t *testing.T) {
	t.Parallel()
	unique := "octo1 is=node1\nocto2 is=node2\nocto3 is=node3"
	for _, test := range []struct {
		name, nodes, addresses string
		queues                 coverage.Sharing
		checks, fresh          []octoapi.Task
		cloned                 bool
		want                   string
	}{
		{name: "each host names its node", nodes: "node1 node2 node3", addresses: unique,
			want: lines("node1: at octo1 web-port", "node2: at octo2 web-port", "node3: at octo3 web-port")},
		{name: "names differ in case", nodes: "NODE1 NODE2", addresses: "a is=node1\nb is=OctopusServerNodes-node2",
			want: lines("NODE1: at a web-port", "NODE2: at b web-port")},
		{name: "as many addresses as nodes prove nothing", nodes: "node1 node2", addresses: "a\nb",
			want: lines("node1:", "node2:")},
		{name: "two names of one node", nodes: "node1 node2 node3", addresses: "octo1 is=node1\nocto2 at=10.0.0.1 is=node1\nocto3 is=node3",
			want: lines("node1: at octo1 octo2 web-port", "node2: UNPOLLED", "node3: at octo3 web-port", "same: octo1 octo2 (10.0.0.1:10943 node1)")},
		{name: "two names of one node, of which one says so", nodes: "node1 node2 node3", addresses: "octo1 is=node1\nocto2 at=10.0.0.1\nocto3 is=node3",
			want: lines("node1: at octo1 octo2 web-port", "node2: UNPOLLED", "node3: at octo3 web-port", "same: octo1 octo2 (10.0.0.1:10943 node1)")},
		{name: "two names of one port, and nothing else", nodes: "node1 node2", addresses: "a\nb at=10.0.0.1",
			want: lines("node1:", "node2:", "same: a b (10.0.0.1:10943 )", "unpolled: 1")},
		{name: "two names of one port, without nodes", addresses: "a\nb at=10.0.0.1\nc",
			want: lines("same: a b (10.0.0.1:10943 )")},
		{name: "two names of each of two ports, without nodes", addresses: "a\nb at=10.0.0.1\nc\nd at=10.0.0.3",
			want: lines("same: a b (10.0.0.1:10943 )", "same: c d (10.0.0.3:10943 )")},
		{name: "two IP addresses of one node", nodes: "node1 node2", addresses: "octo1 is=node1\nocto2 is=node1",
			want: lines("node1: at octo1 octo2 web-port", "node2: UNPOLLED", "same: octo1 octo2 ( node1)")},
		{name: "one name from web ports that may be one", nodes: "node1 node2", addresses: "a is=node1 nowhere\nb is=node1 nowhere",
			want: lines("node1:", "node2:")},
		{name: "through a proxy, each host names its node", nodes: "node1 node2", addresses: "octo1 is=node1 nowhere\nocto2 is=node2 nowhere",
			want: lines("node1: at octo1 web-port", "node2: at octo2 web-port")},
		{name: "through a proxy that the web ports do not need", nodes: "node1 node2", addresses: "octo1 is=node1 nowhere web=10.9.9.1\nocto2 is=node2 nowhere web=10.9.9.2",
			want: lines("node1: at octo1 web-port", "node2: at octo2 web-port")},
		{name: "one port names two nodes", nodes: "node1 node2", addresses: "a is=node1\nb at=10.0.0.1 is=node2\nc",
			want: lines("node1:", "node2:", "same: a b (10.0.0.1:10943 )")},
		{name: "behind NAT, with one host", nodes: "node1 node2 node3", addresses: "octopus:10943 is=node1\noctopus:10944 is=node1\noctopus:10945 is=node1",
			want: lines("node1:", "node2:", "node3:")},
		{name: "behind NAT, with a port where nothing responds", nodes: "node1 node2", addresses: "octopus:10943 is=node1\noctopus:10944 silent is=node1",
			want: lines("node1:", "node2:")},
		{name: "behind NAT, with a host for each", nodes: "node1 node2", addresses: "octo1 is=node1 web=10.9.9.9\nocto2:10944 is=node1 web=10.9.9.9",
			want: lines("node1:", "node2:")},
		{name: "behind NAT, with two names", nodes: "node1 node2", addresses: "octopus:10943\nnat2:10944 at=10.0.0.1 to=10944 is=node1",
			want: lines("node1:", "node2:")},
		{name: "one front door for the web", nodes: "node1 node2", addresses: "a is=node2 web=10.9.9.9\nb is=node2 web=10.9.9.9",
			want: lines("node1:", "node2:")},
		{name: "another host for the web", nodes: "node1 node2", addresses: "a is=node1\nb is=node2 web=10.9.9.9",
			want: lines("node1: at a web-port", "node2: perhaps b")},
		{name: "IPv6", nodes: "node1 node2", addresses: "a at=[::ffff:10.0.0.8] is=node1 web=10.0.0.8\nb is=node2",
			want: lines("node1: at a web-port", "node2: at b web-port")},
		{name: "a web port that cannot be believed", nodes: "node1 node2", addresses: "a is=node1\nb maybe=node2",
			want: lines("node1: at a web-port", "node2: perhaps b")},
		{name: "one address, that names a node", nodes: "node1 node2 node3", addresses: "octopus is=node2",
			want: lines("node1:", "node2: perhaps octopus", "node3:", "unpolled: 2")},
		{name: "two names of one balancer", nodes: "node1 node2", addresses: "octopus is=node2\noctopus.example.com at=10.0.0.1 is=node2",
			want: lines("node1:", "node2: perhaps octopus octopus.example.com", "same: octopus octopus.example.com (10.0.0.1:10943 )", "unpolled: 1")},
		{name: "one address, called like its node", nodes: "octo1 octo2", addresses: "octo1.example.com is=octo1",
			want: lines("octo1: at octo1.example.com web-port", "octo2: UNPOLLED")},
		{name: "the only node", nodes: "node1", addresses: "octopus",
			want: lines("node1: at octopus only-node")},
		{name: "the only node, at two addresses", nodes: "node1", addresses: "a accepts\nb accepts",
			want: lines("node1: at a b only-node accepts", "same: a b ( node1)")},
		{name: "the only node, replaced", nodes: "node2", addresses: "a is=node1",
			want: lines("node2: UNPOLLED", "lost: a node1")},
		{name: "the only node does not answer", nodes: "node1", addresses: "a silent",
			want: lines("node1:")},
		{name: "a node that is new", nodes: "node1 node2 node3 node4", addresses: unique,
			want: lines("node1: at octo1 web-port", "node2: at octo2 web-port", "node3: at octo3 web-port", "node4: UNPOLLED")},
		{name: "a node that was replaced, and runs on", nodes: "node1 node2 node4", addresses: unique,
			want: lines("node1: at octo1 web-port", "node2: at octo2 web-port", "node4: UNPOLLED", "lost: octo3 node3")},
		{name: "a node that was replaced, and is gone", nodes: "node1 node2 node4", addresses: "octo1 is=node1\nocto2 is=node2\nocto3 silent",
			want: lines("node1: at octo1 web-port", "node2: at octo2 web-port", "node4:")},
		{name: "a node that was replaced, and is gone, with names that tell", nodes: "octo1 octo2 octo4", addresses: "octo1 is=octo1\nocto2 is=octo2\nocto3 silent",
			want: lines("octo1: at octo1 web-port", "octo2: at octo2 web-port", "octo4: UNPOLLED")},
		{name: "a node down, whose host still says who it is", nodes: "node1 node2 node4", addresses: "a is=node1\nb is=node2\nc silent is=node3",
			want: lines("node1: at a web-port", "node2: at b web-port", "node4: UNPOLLED")},
		{name: "a node down", nodes: "octo1 octo2", addresses: "octo1 is=octo1\nocto2 silent",
			want: lines("octo1: at octo1 web-port", "octo2: perhaps octo2")},
		{name: "another certificate", nodes: "node1 node2", addresses: "a is=node1\nb is=node2 wrong",
			want: lines("node1: at a web-port", "node2: perhaps b")},
		{name: "an address that is none", nodes: "octo1 octo2", addresses: "octo1 is=octo1\nocto%2 wrong",
			want: lines("octo1: at octo1 web-port", "octo2:")},
		{name: "an offline node that answers", nodes: "node1 !node2", addresses: "a is=node1\nb is=node2",
			want: lines("node1: at a web-port", "node2: at b web-port", "lost: b node2")},
		{name: "nodes that hand out no work, not polled", nodes: "node1 -node2 !node3 _node4", addresses: "node1 is=node1\nb at=10.0.0.1",
			want: lines("node1: at node1 b web-port", "node2: UNPOLLED", "node3:", "node4:", "same: node1 b (10.0.0.1:10943 node1)")},
		{name: "a node in maintenance has no address left", nodes: "node1 node2 -node3", addresses: "a\nb",
			want: lines("node1:", "node2:", "node3:", "drained: 1")},
		{name: "there may be an address for a node in maintenance", nodes: "node1 -node2", addresses: "a\nb",
			want: lines("node1:", "node2:")},
		{name: "a node that hands out work is not polled, let alone one in maintenance", nodes: "node1 node2 -node3", addresses: "a",
			want: lines("node1:", "node2:", "node3:", "unpolled: 1")},
		{name: "a node in maintenance that is offline", nodes: "node1 -!node2", addresses: "node1 is=node1\nb at=10.0.0.1",
			want: lines("node1: at node1 b web-port", "node2:", "same: node1 b (10.0.0.1:10943 node1)")},
		{name: "a node in maintenance is polled", nodes: "node1 -node2", addresses: "a is=node1\nb is=node2",
			want: lines("node1: at a web-port", "node2: at b web-port")},
		{name: "a node that refuses", nodes: "node1 node2", addresses: "a is=node1 accepts\nb is=node2 refuses",
			want: lines("node1: at a web-port accepts", "node2: at b refuses")},
		{name: "a node that refuses at one of its addresses", nodes: "node1 node2", addresses: "a is=node1 accepts\nb is=node2 accepts\nc at=10.0.0.1 refuses",
			want: lines("node1: at a c refuses", "node2: at b web-port accepts", "same: a c (10.0.0.1:10943 node1)")},
		{name: "a node that does not say whether it accepts", nodes: "node1 node2", addresses: "a is=node1 accepts\nb is=node2 mute",
			queues: coverage.NotShared, checks: checked("node2"),
			want: lines("node1: at a web-port accepts", "node2: at b")},
		{name: "a node that does not say so, and has just checked the health", nodes: "node1 node2", addresses: "a is=node1 accepts\nb is=node2 mute",
			queues: coverage.NotShared, fresh: checked("node2"),
			want: lines("node1: at a web-port accepts", "node2: at b health-check")},
		{name: "a node that was not asked at one of its addresses", nodes: "node1 node2", addresses: "a is=node1 accepts\nb is=node2 accepts\nc at=10.0.0.1",
			want: lines("node1: at a c web-port", "node2: at b web-port accepts", "same: a c (10.0.0.1:10943 node1)")},

		{name: "health checks prove nodes behind NAT", nodes: "node1 node2 node3", addresses: "octopus:10943\noctopus:10944\noctopus:10945",
			queues: coverage.NotShared, checks: checked("node1", "OctopusServerNodes-NODE3"),
			want: lines("node1: health-check", "node2:", "node3: health-check")},
		{name: "health checks leave no port for a node", nodes: "node1 node2 node3", addresses: "octopus:10943\noctopus:10944",
			queues: coverage.NotShared, checks: checked("node1", "node2"),
			want: lines("node1: health-check", "node2: health-check", "node3: UNPOLLED")},
		{name: "two ports, one of which leads elsewhere", nodes: "node1 node2", addresses: "octopus:10943\noctopus:10944",
			queues: coverage.NotShared, checks: checked("node1", "node1"),
			want: lines("node1: health-check", "node2:")},
		{name: "both kinds of proof", nodes: "node1 node2", addresses: "a is=node1\nb",
			queues: coverage.NotShared, checks: checked("node1", "node2"),
			want: lines("node1: at a web-port health-check", "node2: health-check")},
		{name: "a health check with shared queues proves nothing", nodes: "node1 node2", addresses: "a\nb",
			queues: coverage.Shared, checks: checked("node1"),
			want: lines("node1:", "node2:")},
		{name: "nor where some share them", nodes: "node1 node2", addresses: "a\nb",
			queues: coverage.PartlyShared, checks: checked("node1"),
			want: lines("node1:", "node2:")},
		{name: "nor where that is not known", nodes: "node1 node2", addresses: "a\nb",
			checks: checked("node1"),
			want:   lines("node1:", "node2:")},
		{name: "nor of a clone", nodes: "node1 node2", addresses: "a\nb",
			queues: coverage.NotShared, checks: checked("node1"), cloned: true,
			want: lines("node1:", "node2:")},
		{name: "nor where nothing answers", nodes: "node1", addresses: "a silent",
			queues: coverage.NotShared, checks: checked("node1"),
			want: lines("node1:")},
		{name: "nor where nothing answers any more", nodes: "node1 node2", addresses: "a silent",
			queues: coverage.NotShared, fresh: checked("node1"),
			want: lines("node1:", "node2:", "unpolled: 1")},
		{name: "nor from before the node went down", nodes: "octo1 octo2", addresses: "octo1 is=octo1\nocto2 silent",
			queues: coverage.NotShared, checks: checked("octo2"),
			want: lines("octo1: at octo1 web-port", "octo2: perhaps octo2")},
		{name: "nor from before the port died of a node that is not known", nodes: "node1 node2", addresses: "octopus:10943\noctopus:10944 silent",
			queues: coverage.NotShared, checks: checked("node1", "node2"),
			want: lines("node1:", "node2:")},
		{name: "one from after that", nodes: "node1 node2", addresses: "octopus:10943\noctopus:10944 silent",
			queues: coverage.NotShared, checks: checked("node1", "node2"), fresh: checked("node1"),
			want: lines("node1: health-check", "node2:")},
		{name: "one from before the port died of a node that is gone", nodes: "octo1 octo2", addresses: "octo1 is=octo1\na\nocto3 silent",
			queues: coverage.NotShared, checks: checked("octo2"),
			want: lines("octo1: at octo1 web-port", "octo2: health-check")},
		{name: "through a balancer, all nodes were reached", nodes: "node1 node2", addresses: "octopus",
			queues: coverage.NotShared, checks: checked("node1", "node2"),
			want: lines("node1: health-check", "node2: health-check", "balanced")},
		{name: "through what may be a balancer, one node was reached", nodes: "node1 node2 node3", addresses: "octopus",
			queues: coverage.NotShared, checks: checked("node1"),
			want: lines("node1: health-check", "node2:", "node3:", "unpolled: 2")},
		{name: "through a balancer, some nodes were reached", nodes: "node1 node2 node3", addresses: "octopus",
			queues: coverage.NotShared, checks: checked("node1", "node2"),
			want: lines("node1: health-check", "node2: health-check", "node3:", "unpolled: 1", "balanced")},
		{name: "shared queues", nodes: "node1 node2 node3", addresses: "octopus",
			queues: coverage.Shared,
			want:   lines("node1:", "node2:", "node3:")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := coverage.Judge(coverage.Evidence{
				Nodes: nodes(test.nodes), Addresses: addresses(test.addresses), Queues: coverage.Queues{State: test.queues},
				HealthChecks: test.checks, Fresh: test.fresh, Cloned: test.cloned,
			})
			if diff := cmp.Diff(test.want, text(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhoIsAtASilentAddressIsSaidIfThatMissesNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, nodes, addresses, want string }{
		{"the node in maintenance", "node1 node2 -node3", "a is=node1\nb is=node2\nc silent", "c: node3"},
		{"one of two, which are as many as the addresses", "node1 -node2 !node3", "a is=node1\nb silent\nc silent", "b: node2 node3, c: node2 node3"},
		{"more addresses than such nodes", "node1 -node2", "a is=node1\nb silent\nc silent", ""},
		{"a node that hands out work may be there", "node1 node2 -node3", "a is=node1\nb silent", ""},
		{"it may be where something answers", "node1 -node2", "a\nb silent", "b: node2"},
		{"a node in maintenance that is polled is elsewhere", "node1 -node2 !node3", "a is=node1\nb is=node2\nc silent", "c: node3"},
		{"a node with a silent address of its own is there", "node1 -octo2 -node3", "a is=node1\nocto2 silent\nb silent", "octo2: octo2, b: node3"},
		{"the address of a node that hands out work", "octo1 octo2 -octo3", "octo1 is=octo1\nocto2 silent", ""},
		{"the address of a node that is gone", "node1 -node2", "a is=node1\nb silent is=node3", ""},
		{"something else responds", "node1 -node2", "a is=node1\nb wrong", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := coverage.Judge(coverage.Evidence{Nodes: nodes(test.nodes), Addresses: addresses(test.addresses)})
			var got []string
			for _, p := range r.Places {
				host := strings.TrimSuffix(strings.TrimPrefix(p.URL, "https://"), ":10943")
				if idle := r.Idle(p); len(idle) > 0 {
					var names []string
					for _, n := range idle {
						names = append(names, n.Name)
					}
					got = append(got, host+": "+strings.Join(names, " "))
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingWaitsIfSharedQueuesAreServedOrEachNodeIsProvedToBePolled(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, nodes, addresses string
		queues                 coverage.Sharing
		enough, proved         bool
	}{
		{"shared queues, one address", "node1 node2", "a", coverage.Shared, true, false},
		{"shared queues, one address of two", "node1 node2", "a silent\nb", coverage.Shared, true, false},
		{"shared queues, and nothing answers", "node1 node2", "a silent", coverage.Shared, false, false},
		{"shared queues, and what answers refuses", "node1 node2", "a refuses", coverage.Shared, false, false},
		{"shared queues, and what answers hands out nothing", "node1 node2", "a mute", coverage.Shared, false, false},
		{"queues of their own", "node1 node2", "a", coverage.NotShared, false, false},
		{"each node is proved", "node1 node2", "a is=node1\nb is=node2", coverage.NotShared, false, true},
		{"one of two is proved", "node1 node2", "a is=node1\nb", coverage.NotShared, false, false},
		{"the one that is not proved hands out nothing", "node1 -node2", "a is=node1\nb", coverage.NotShared, false, true},
		{"none hands out work", "-node1", "a is=node1", coverage.NotShared, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := coverage.Judge(coverage.Evidence{Nodes: nodes(test.nodes), Addresses: addresses(test.addresses), Queues: coverage.Queues{State: test.queues}})
			if r.Enough() != test.enough || r.Proved() != test.proved {
				t.Errorf("enough: %v, proved: %v", r.Enough(), r.Proved())
			}
		})
	}
}

func TestAnAddressMayBeCalledLikeANode(t *testing.T) {
	t.Parallel()
	for address, alike := range map[string]bool{
		"https://octo1:10943": true, "https://OCTO1.example.com:10943": true, "octo1:10943": true, "octo1.example.com": true,
		"https://octo10:10943": false, "https://10.0.0.1:10943": false, "https://octo%1": false, "": false,
	} {
		if got := coverage.Alike(address, "Octo1.internal"); got != alike {
			t.Errorf("%q: %v", address, got)
		}
	}
	if coverage.Alike("https://10.0.0.1:10943", "10") || !coverage.Alike("https://[2001:db8::1]:10943", "2001:db8::1") {
		t.Error("the label of an IP address is all of it")
	}
}

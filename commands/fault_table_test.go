package commands_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// fault is something that is wrong with how a Tentacle polls a cluster, and what check says then.
type fault struct {
	what    string
	nodes   []int // with so many; nil: with three and with five
	options octotest.Options
	with    func(*testing.T, *faultScene) // begins with a Tentacle that is right
	key     string                        // of the account; "-" for none
	unsaid  []int                         // the nodes that are not said to be polled
	want    []string                      // the findings that are not ok: level, ID, node and N of the address
}

// faultScene is a scene whose Tentacle polls every node and is registered.
type faultScene struct {
	*scene
	addresses []string // N in a finding is the one at N-1
}

// polls makes the Tentacle poll these addresses, since an hour ago.
func (s *faultScene) polls(t *testing.T, addresses ...string) {
	t.Helper()
	s.addresses = addresses
	var entries []tentacleconfig.TrustedServer
	for _, address := range addresses {
		entry := s.entry(0)
		entry.Address = address
		entries = append(entries, entry)
	}
	s.trusts(t, entries...)
	before := time.Now().Add(-time.Hour)
	if err := os.Chtimes(s.config, before, before); err != nil {
		t.Fatal(err)
	}
}

func (s *faultScene) machine(t *testing.T, change func(*octotest.Machine)) {
	t.Helper()
	m := octotest.Machine{Name: "web1", Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription}
	if change != nil {
		change(&m)
	}
	if err := s.cluster.AddMachine(m); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// at is a host of the cluster's network at which nothing is.
func (s *faultScene) at(last int) string {
	host, _, _ := net.SplitHostPort(strings.TrimPrefix(s.cluster.Addresses()[0], "https://"))
	return host[:strings.LastIndex(host, ".")+1] + fmt.Sprint(last)
}

// otherName is another name of a node's host.
func otherName(address string) string {
	host, port, _ := net.SplitHostPort(strings.TrimPrefix(address, "https://"))
	return fmt.Sprintf("https://[::ffff:%s]:%s", host, port)
}

// forward passes connections to an address on, each to the next target, as NAT and load balancers
// do.
func forward(t *testing.T, address string, targets ...string) {
	t.Helper()
	hostPort := func(address string) string {
		u, err := url.Parse(address)
		must(t, err)
		return u.Host
	}
	l, err := net.Listen("tcp", hostPort(address))
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for n := 0; ; n++ {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = from.Close() }()
				to, err := net.Dial("tcp", hostPort(targets[n%len(targets)]))
				if err != nil {
					return
				}
				defer func() { _ = to.Close() }()
				go func() {
					_, _ = io.Copy(to, from)
					_ = to.(*net.TCPConn).CloseWrite()
				}()
				_, _ = io.Copy(from, to)
			}()
		}
	}()
}

// webAt is the address of the API at another host.
func (s *faultScene) webAt(host string) string {
	u, _ := url.Parse(s.cluster.URL())
	return u.Scheme + "://" + net.JoinHostPort(host, u.Port())
}

func isDown(t *testing.T, s *faultScene, n int) { must(t, s.cluster.SetDown(n, true)) }

// state is a fault that the API tells of the third node, and whether it answers.
func state(is octotest.ServerNode, answers bool) func(*testing.T, *faultScene) {
	return func(t *testing.T, s *faultScene) {
		s.cluster.SetServerNode(3, is)
		if !answers {
			isDown(t, s, 3)
		}
	}
}

// unpolledState is state for a node that is polled at no address.
func unpolledState(is octotest.ServerNode) func(*testing.T, *faultScene) {
	return func(t *testing.T, s *faultScene) {
		s.cluster.SetServerNode(3, is)
		s.polls(t, slices.Delete(s.cluster.Addresses(), 2, 3)...)
	}
}

// balanced makes the Tentacle poll one address that leads to all nodes in turn.
func balanced(also func(*octotest.Cluster)) func(*testing.T, *faultScene) {
	return func(t *testing.T, s *faultScene) {
		address := "https://" + s.at(200) + ":10943"
		forward(t, address, s.cluster.Addresses()...)
		s.polls(t, address)
		if also != nil {
			also(s.cluster)
		}
	}
}

// checkedBy has those of these nodes that there are check the Tentacle's health.
func checkedBy(s *faultScene, nodes ...int) {
	for _, n := range nodes {
		if n <= len(s.cluster.Addresses()) {
			s.cluster.AddHealthCheck(n, time.Minute, false)
		}
	}
}

// seesNothing makes the account see neither nodes nor registrations.
func seesNothing(s *faultScene) {
	hidden := regexp.MustCompile(`nodes/summary|machines|workers|tasks`)
	s.cluster.SetForbidden(func(_, path string) bool { return hidden.MatchString(path) })
}

// oneTwice makes the Tentacle poll the first node under two names, and the second under none.
func oneTwice(t *testing.T, s *faultScene) {
	t.Helper()
	all := s.cluster.Addresses()
	all[1] = otherName(all[0])
	s.polls(t, all...)
}

var faults = []fault{
	{what: "nothing", nodes: []int{1, 3, 5}},
	{what: "two names of one node",
		with: oneTwice, unsaid: []int{2}, want: []string{"problem nodes node2", "problem same-node node1"}},
	{what: "two names of one node, and the others",
		with: func(t *testing.T, s *faultScene) {
			s.polls(t, append(s.cluster.Addresses(), otherName(s.cluster.Addresses()[0]))...)
		}, want: []string{"warning same-node node1"}},
	{what: "NAT to the wrong node",
		with: func(t *testing.T, s *faultScene) {
			all := s.cluster.Addresses()
			forward(t, "https://"+s.at(103)+":10943", all[1])
			all[2] = "https://" + s.at(103) + ":10943"
			s.polls(t, all...)
			s.cluster.SetNodeTasks(3, octotest.NodeTasks{Fails: true})
		}, unsaid: []int{3}, want: []string{"warning nodes node3"}},
	{what: "NAT to the wrong node, for its web port, too",
		with: func(t *testing.T, s *faultScene) {
			all := s.cluster.Addresses()
			forward(t, "https://"+s.at(103)+":10943", all[1])
			forward(t, s.webAt(s.at(103)), s.webAt(s.at(2)))
			all[2] = "https://" + s.at(103) + ":10943"
			s.polls(t, all...)
		}, unsaid: []int{3}, want: []string{"problem nodes node3", "problem same-node node2"}},
	{what: "NAT, and nothing is proved", options: octotest.Options{NAT: true},
		unsaid: []int{1, 2, 3, 4, 5}, want: []string{"warning nodes"}},
	{what: "NAT, and each node checked the health", options: octotest.Options{NAT: true},
		with: func(_ *testing.T, s *faultScene) { checkedBy(s, 1, 2, 3, 4, 5) }},
	{what: "NAT, and each node checked the health before a port died", nodes: []int{3}, options: octotest.Options{NAT: true},
		with: func(t *testing.T, s *faultScene) {
			checkedBy(s, 1, 2, 3)
			must(t, s.cluster.SetNodeFault(3, octotest.NodeFault{Closed: true}))
		}, unsaid: []int{1, 2, 3}, want: []string{"problem polling-port @3", "warning nodes"}},
	{what: "NAT with two names, and a web port", nodes: []int{3},
		with: func(t *testing.T, s *faultScene) {
			all, host := s.cluster.Addresses(), s.at(103)
			for n := range all {
				address := fmt.Sprintf("https://%s:%d", host, 10943+n)
				forward(t, address, all[n])
				all[n] = address
			}
			forward(t, s.webAt(host), s.webAt(s.at(1)))
			all[2] = otherName(all[2])
			s.polls(t, all...)
		}, unsaid: []int{1, 2, 3}, want: []string{"warning nodes"}},
	{what: "NAT, with a port too few", options: octotest.Options{NAT: true},
		with: func(t *testing.T, s *faultScene) {
			s.polls(t, slices.Delete(s.cluster.Addresses(), 2, 3)...)
			checkedBy(s, 1, 2, 4, 5)
		}, unsaid: []int{3}, want: []string{"problem nodes node3"}},
	{what: "NAT with one port that leads to the wrong node", options: octotest.Options{NAT: true},
		with: func(t *testing.T, s *faultScene) {
			all := s.cluster.Addresses()
			all[2] = strings.Replace(all[2], ":10945", ":10999", 1)
			forward(t, all[2], all[1])
			s.polls(t, all...)
			checkedBy(s, 1, 2, 4, 5)
			s.cluster.SetNodeTasks(3, octotest.NodeTasks{Fails: true})
		}, unsaid: []int{3}, want: []string{"warning nodes node3"}},

	{what: "a node was added",
		with: func(t *testing.T, s *faultScene) {
			s.polls(t, slices.Delete(s.cluster.Addresses(), 2, 3)...)
		}, unsaid: []int{3}, want: []string{"problem nodes node3"}},
	{what: "a node was replaced, and its port is dead", nodes: []int{4, 6},
		with: func(t *testing.T, s *faultScene) {
			s.polls(t, slices.Delete(s.cluster.Addresses(), 3, 4)...)
			s.cluster.SetServerNode(3, octotest.ServerNode{Gone: true})
			isDown(t, s, 3)
		}, unsaid: []int{3, 4}, want: []string{"problem polling-port @3", "warning nodes node4"}},
	{what: "a node was replaced, and its process runs on", nodes: []int{4, 6}, // by the fourth
		with: func(t *testing.T, s *faultScene) {
			s.polls(t, slices.Delete(s.cluster.Addresses(), 3, 4)...)
			s.cluster.SetServerNode(3, octotest.ServerNode{Gone: true})
		}, unsaid: []int{3, 4}, want: []string{"problem nodes node3 @3", "problem nodes node4"}},
	{what: "a node was removed, and is polled still",
		with: func(_ *testing.T, s *faultScene) {
			s.cluster.SetServerNode(3, octotest.ServerNode{Gone: true})
		}, unsaid: []int{3}, want: []string{"warning nodes node3 @3"}},
	{what: "a node was removed, and is down",
		with: func(t *testing.T, s *faultScene) {
			s.cluster.SetServerNode(3, octotest.ServerNode{Gone: true})
			isDown(t, s, 3)
		}, unsaid: []int{3}, want: []string{"problem polling-port @3", "warning nodes @3"}},

	{what: "a node is down",
		with: func(t *testing.T, s *faultScene) { isDown(t, s, 3) }, unsaid: []int{3}, want: []string{"problem polling-port @3", "warning nodes node3"}},
	{what: "the polling port of a node is closed",
		with: func(t *testing.T, s *faultScene) {
			must(t, s.cluster.SetNodeFault(3, octotest.NodeFault{Closed: true}))
		}, unsaid: []int{3}, want: []string{"problem polling-port @3", "warning nodes node3"}},
	{what: "drained, and answers", with: state(octotest.ServerNode{Maintenance: true}, true)},
	{what: "drained, and does not answer", with: state(octotest.ServerNode{Maintenance: true}, false), unsaid: []int{3}, want: []string{"warning polling-port @3"}},
	{what: "drained, and not polled", with: unpolledState(octotest.ServerNode{Maintenance: true}), unsaid: []int{3}, want: []string{"warning nodes node3"}},
	{what: "offline, and answers", with: state(octotest.ServerNode{Offline: true}, true), unsaid: []int{3}, want: []string{"warning nodes node3 @3"}},
	{what: "offline, and does not answer", with: state(octotest.ServerNode{Offline: true}, false), unsaid: []int{3}, want: []string{"warning polling-port @3"}},
	{what: "offline, and not polled", with: unpolledState(octotest.ServerNode{Offline: true}), unsaid: []int{3}},
	{what: "UI only, and answers", with: state(octotest.ServerNode{WebOnly: true}, true)},
	{what: "UI only, and does not answer", with: state(octotest.ServerNode{WebOnly: true}, false), unsaid: []int{3}, want: []string{"warning polling-port @3"}},
	{what: "UI only, and not polled", with: unpolledState(octotest.ServerNode{WebOnly: true}), unsaid: []int{3}},

	{what: "another certificate",
		with: func(t *testing.T, s *faultScene) {
			other := newScene(t, "Tentacle", octotest.Options{NodeCount: 1}).cluster
			s.polls(t, append(s.cluster.Addresses()[1:], other.Addresses()...)...)
		}, unsaid: []int{1}, want: []string{"problem polling-port @last", "warning nodes node1"}},
	{what: "TLS ended in between",
		with: func(t *testing.T, s *faultScene) {
			must(t, s.cluster.SetNodeFault(3, octotest.NodeFault{OtherCertificate: true}))
		}, unsaid: []int{3}, want: []string{"problem polling-port @3", "warning nodes node3"}},
	{what: "a renewal half way",
		with: func(t *testing.T, s *faultScene) {
			must(t, s.cluster.Renew())
			s.cluster.Restart(1, 0)
			var both []tentacleconfig.TrustedServer
			entries, err := read(t, s.config).TrustedServers()
			must(t, err)
			for _, one := range entries {
				renewed := one
				renewed.Thumbprint = s.cluster.Thumbprint()
				both = append(both, one, renewed)
			}
			s.trusts(t, both...)
		}, want: []string{"warning renewal"}},
	{what: "a renewal half way, of which the Tentacle does not know",
		with: func(t *testing.T, s *faultScene) {
			must(t, s.cluster.Renew())
			s.cluster.Restart(1, 0)
		}, unsaid: []int{1}, want: []string{"problem cluster-thumbprint", "problem polling-port @1", "warning nodes node1"}},

	{what: "balanced, with shared queues", options: octotest.Options{Balanced: true, SharedQueues: true}, with: balanced(nil), unsaid: []int{1, 2, 3, 4, 5}},
	{what: "balanced, without", options: octotest.Options{Balanced: true}, with: balanced(nil), unsaid: []int{1, 2, 3, 4, 5}, want: []string{"problem nodes"}},
	{what: "balanced, and one node shares no queues", options: octotest.Options{Balanced: true, SharedQueues: true},
		with: balanced(func(c *octotest.Cluster) { c.SetNodeQueues(2, 404) }), unsaid: []int{1, 2, 3, 4, 5}, want: []string{"problem nodes"}},
	{what: "balanced, and nobody says whether queues are shared", options: octotest.Options{Balanced: true},
		with: balanced(func(c *octotest.Cluster) {
			for n := range c.Addresses() {
				c.SetNodeQueues(n+1, 403)
			}
		}), unsaid: []int{1, 2, 3, 4, 5}, want: []string{"warning nodes"}},
	{what: "balanced, and reached by each node", options: octotest.Options{Balanced: true},
		with: func(t *testing.T, s *faultScene) {
			balanced(nil)(t, s)
			checkedBy(s, 1, 2, 3, 4, 5)
		}, want: []string{"warning nodes"}},
	{what: "two load balancers, with web ports", nodes: []int{3},
		with: func(t *testing.T, s *faultScene) {
			var polled []string
			for _, last := range []int{201, 202} {
				polled = append(polled, "https://"+s.at(last)+":10943")
				forward(t, polled[len(polled)-1], s.cluster.Addresses()...)
				forward(t, s.webAt(s.at(last)), s.webAt(s.at(1)), s.webAt(s.at(2)), s.webAt(s.at(3)))
			}
			s.polls(t, polled...)
		}, unsaid: []int{1, 2, 3}, want: []string{"problem nodes"}},
	{what: "balanced, with shared queues, and nothing answers", options: octotest.Options{Balanced: true, SharedQueues: true},
		with: func(t *testing.T, s *faultScene) { s.polls(t, "https://"+s.at(200)+":10943") }, unsaid: []int{1, 2, 3, 4, 5}, want: []string{"problem nodes", "problem polling-port @1"}},
	{what: "unique addresses, with shared queues", options: octotest.Options{SharedQueues: true}, unsaid: []int{1, 2, 3, 4, 5}},

	{what: "one is not polled, and the others share their queues", options: octotest.Options{SharedQueues: true},
		with: func(t *testing.T, s *faultScene) {
			s.polls(t, slices.Delete(s.cluster.Addresses(), 2, 3)...)
			s.cluster.SetNodeQueues(3, 404)
		}, unsaid: []int{1, 2, 3, 4, 5}, want: []string{"warning nodes"}},
	{what: "unique addresses, with shared queues, and a node is down", options: octotest.Options{SharedQueues: true},
		with: func(t *testing.T, s *faultScene) { isDown(t, s, 3) }, unsaid: []int{1, 2, 3, 4, 5}, want: []string{"warning polling-port @3"}},

	{what: "unique addresses, with shared queues, but not those of the node that is not polled", nodes: []int{3}, options: octotest.Options{SharedQueues: true, Balanced: true},
		with: func(t *testing.T, s *faultScene) {
			s.polls(t, s.cluster.Addresses()[:2]...)
			s.cluster.SetNodeQueues(3, 404)
		}, unsaid: []int{3}, want: []string{"problem nodes node3"}},
	{what: "unique addresses, with shared queues, and the node that is not polled cannot be asked", nodes: []int{3}, options: octotest.Options{SharedQueues: true},
		with: func(t *testing.T, s *faultScene) {
			s.polls(t, s.cluster.Addresses()[:2]...)
			s.cluster.SetNodeQueues(3, 404)
		}, unsaid: []int{1, 2, 3}, want: []string{"warning nodes"}},
	{what: "two names of one node, in a cluster that is not asked", nodes: []int{3},
		with: func(t *testing.T, s *faultScene) {
			other := newScene(t, "Tentacle", octotest.Options{NodeCount: 1})
			must(t, other.cluster.AddMachine(octotest.Machine{Name: "web1", Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription}))
			entries, err := read(t, s.config).TrustedServers()
			must(t, err)
			for _, address := range []string{other.cluster.Addresses()[0], otherName(other.cluster.Addresses()[0])} {
				beside := other.entry(0)
				beside.Address = address
				entries = append(entries, beside)
			}
			s.trusts(t, entries...)
		}, want: []string{"problem same-node"}},
	{what: "a node that does not know the Tentacle yet",
		with: func(t *testing.T, s *faultScene) {
			s.machine(t, func(m *octotest.Machine) { m.Thumbprint = strings.Repeat("F", 40) })
			must(t, s.cluster.SetNodeFault(3, octotest.NodeFault{CachedTrust: true}))
			s.machine(t, nil)
		}, unsaid: []int{3}, want: []string{"problem accepted node3 @3"}},
	{what: "web ports that are closed", nodes: []int{3},
		with: func(t *testing.T, s *faultScene) {
			for _, n := range []int{2, 3} {
				must(t, s.cluster.SetWebPort(n, octotest.WebPort{Closed: true}))
			}
		}, unsaid: []int{2, 3}, want: []string{"warning nodes"}},
	{what: "web ports that are closed, and health checks", nodes: []int{3},
		with: func(t *testing.T, s *faultScene) {
			for _, n := range []int{2, 3} {
				must(t, s.cluster.SetWebPort(n, octotest.WebPort{Closed: true}))
			}
			checkedBy(s, 2, 3)
		}},
	{what: "nodes that do not say who they are", nodes: []int{3}, options: octotest.Options{NoNodeHeader: true},
		unsaid: []int{1, 2, 3}, want: []string{"warning nodes"}},
	{what: "a web port that is another program's", with: func(t *testing.T, s *faultScene) {
		must(t, s.cluster.SetWebPort(3, octotest.WebPort{NotOctopus: true}))
	}, unsaid: []int{3}, want: []string{"warning nodes node3"}},

	{what: "a clone with another machine ID",
		with: func(t *testing.T, s *faultScene) {
			s.machine(t, func(m *octotest.Machine) { m.Name, m.Thumbprint = "clone", strings.Repeat("D", 40) })
		}, want: []string{"problem identity"}},
	{what: "a clone, and health checks", options: octotest.Options{NAT: true},
		with: func(t *testing.T, s *faultScene) {
			s.machine(t, func(m *octotest.Machine) { m.Name, m.Thumbprint = "clone", strings.Repeat("D", 40) })
			checkedBy(s, 1, 2, 3, 4, 5)
		}, unsaid: []int{1, 2, 3, 4, 5}, want: []string{"problem identity", "warning nodes"}},
	{what: "a clone with the same machine ID, registered under its name", options: octotest.Options{NAT: true},
		with: func(t *testing.T, s *faultScene) {
			s.machine(t, func(m *octotest.Machine) { m.Name = "clone" })
			checkedBy(s, 1, 2, 3, 4, 5)
		}, unsaid: []int{1, 2, 3, 4, 5}, want: []string{"warning identity", "warning nodes"}},

	{what: "a cluster beside, which does not answer", nodes: []int{3},
		with: func(t *testing.T, s *faultScene) {
			beside := s.entry(0)
			beside.Address, beside.Thumbprint = "https://"+s.at(250)+":10943", strings.Repeat("E", 40)
			entries, err := read(t, s.config).TrustedServers()
			must(t, err)
			s.trusts(t, append(entries, beside)...)
			s.addresses = append(s.addresses, beside.Address)
		}, want: []string{"problem polling-port @4"}},

	{what: "registered no longer", nodes: []int{3},
		with: func(t *testing.T, s *faultScene) {
			s.machine(t, func(m *octotest.Machine) {
				m.Thumbprint, m.Subscription = strings.Repeat("F", 40), "poll://aaaaaaaaaaaaaaaaaaaa/"
			})
		}, unsaid: []int{1, 2, 3}, want: []string{"problem registration", "warning accepted node1 @1", "warning accepted node2 @2", "warning accepted node3 @3"}},
	{what: "disabled", with: func(t *testing.T, s *faultScene) { s.machine(t, func(m *octotest.Machine) { m.Disabled = true }) }, want: []string{"warning registration"}},
	{what: "unavailable", with: func(t *testing.T, s *faultScene) {
		s.machine(t, func(m *octotest.Machine) { m.Health = "Unavailable" })
	}, want: []string{"problem registration"}},
	{what: "another subscription", with: func(t *testing.T, s *faultScene) {
		s.machine(t, func(m *octotest.Machine) { m.Subscription = "poll://aaaaaaaaaaaaaaaaaaaa/" })
	}, want: []string{"problem registration"}},
	{what: "registered as one that listens", with: func(t *testing.T, s *faultScene) {
		s.machine(t, func(m *octotest.Machine) { m.Subscription = "" })
	}, want: []string{"problem registration"}},
	{what: "an account that does not see the space", key: octotest.LimitedAPIKey,
		with: func(t *testing.T, s *faultScene) {
			s.machine(t, func(m *octotest.Machine) {
				m.Thumbprint, m.Subscription = strings.Repeat("F", 40), "poll://aaaaaaaaaaaaaaaaaaaa/"
			})
			s.machine(t, func(m *octotest.Machine) { m.Space = "Spaces-2" })
		}, want: []string{"problem registration"}},
	{what: "an account that sees nothing, and two names of one node",
		with: func(t *testing.T, s *faultScene) {
			oneTwice(t, s)
			seesNothing(s)
		}, unsaid: []int{1, 2, 3, 4, 5}, want: []string{"problem same-node node1", "skipped nodes", "skipped registration"}},
	{what: "an account that sees nothing",
		with: func(_ *testing.T, s *faultScene) { seesNothing(s) }, unsaid: []int{1, 2, 3, 4, 5}, want: []string{"skipped nodes", "skipped registration"}},
	{what: "no account, and two names of one node", key: "-",
		with: oneTwice, unsaid: []int{1, 2, 3, 4, 5}, want: []string{"problem same-node", "skipped api", "skipped nodes", "skipped registration"}},
}

// TestEachFaultIsFoundAndNothingElse breaks a cluster, or how it is polled, and compares all
// findings that are not ok with the expected ones, and the nodes that are said to be polled with
// those that are. Each complete fix is pasted, and ends its finding. The nodes log no error.
func TestEachFaultIsFoundAndNothingElse(t *testing.T) {
	t.Parallel()
	commands.TriesEverything(t)
	if runtime.GOOS == "darwin" {
		t.Skip("each node needs a loopback address of its own")
	}
	for _, f := range faults {
		for _, n := range f.counts() {
			t.Run(fmt.Sprintf("%s, %d nodes", f.what, n), func(t *testing.T) {
				t.Parallel()
				f.test(t, n)
			})
		}
	}
}

func (f fault) counts() []int {
	switch {
	case f.nodes != nil:
		return f.nodes
	case runtime.GOOS == "windows": // Wine takes its time for a process
		return []int{3}
	}
	return []int{3, 5}
}

func (f fault) test(t *testing.T, nodes int) {
	o := f.options
	o.NodeCount = nodes
	s := &faultScene{scene: newScene(t, "Tentacle", o)}
	s.machine(t, nil)
	s.polls(t, s.cluster.Addresses()...)
	s.cluster.SetTaskNode(octotest.EachNode)
	if f.with != nil {
		f.with(t, s)
	}
	found := f.check(t, s)
	got, said := s.summary(found)
	var polled []string
	for n := range nodes {
		if !slices.Contains(f.unsaid, n+1) {
			polled = append(polled, fmt.Sprintf("node%d", n+1))
		}
	}
	want := slices.Clone(f.want)
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "@last", fmt.Sprintf("@%d", len(s.addresses)))
	}
	if !slices.Equal(got, want) || !slices.Equal(said, polled) {
		t.Fatalf("found\n%q, not\n%q\nsaid to be polled are\n%q, not\n%q\n%s", got, want, said, polled, texts(found))
	}
	for _, one := range found {
		if one.Complete && one.Level != "ok" && runtime.GOOS != "windows" {
			f.repair(t, s, one)
		}
	}
	if logged := s.cluster.LoggedErrors(); len(logged) > 0 {
		t.Errorf("the nodes logged %q", logged)
	}
}

type faultFinding struct {
	Level, ID, What, Why, Fix, Node, Address string
	Complete                                 bool
	Polled                                   *bool
}

// says is whether a finding's text says that its node is polled; nil if it says neither.
func (f faultFinding) says() *bool {
	switch {
	case f.ID != "nodes" || f.Node == "":
		return nil
	case strings.HasPrefix(f.What, f.Node+" is polled"):
		return new(true)
	case strings.HasPrefix(f.What, f.Node+" is not polled"):
		return new(false)
	}
	return nil
}

func (f fault) check(t *testing.T, s *faultScene) []faultFinding {
	t.Helper()
	cmd := s.command("check", "--format=json")
	switch f.key {
	case "":
	case "-":
		cmd.Env = append(cmd.Env, "OCTOPUS_URL=", "OCTOPUS_API_KEY=")
	default:
		cmd.Env = append(cmd.Env, "OCTOPUS_API_KEY="+f.key)
	}
	cmd.Dir = s.home
	out, _ := cmd.Output() // the exit code is compared
	var result struct{ Findings []faultFinding }
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	problem := slices.ContainsFunc(result.Findings, func(f faultFinding) bool { return f.Level == "problem" })
	if code := cmd.ProcessState.ExitCode(); problem != (code == 1) || code > 1 {
		t.Errorf("exit code %d\n%s", code, texts(result.Findings))
	}
	return result.Findings
}

var firstAddress = regexp.MustCompile(`^https://\S+`)

// summary is what is wrong, sorted, and which nodes are said to be polled. What the service is like
// depends on the machine.
func (s *faultScene) summary(found []faultFinding) (wrong, polled []string) {
	for _, f := range found {
		if says := f.says(); (says == nil) != (f.Polled == nil) || says != nil && *says != *f.Polled {
			wrong = append(wrong, "JSON says something else than: "+f.What)
		}
		switch {
		case f.ID == "service" || f.ID == "restart" || f.ID == "environment" || f.ID == "connections":
			continue
		case f.Level == "ok" && f.Polled != nil && *f.Polled:
			polled = append(polled, f.Node)
		case f.Level != "ok":
			text := f.Level + " " + f.ID
			if f.ID == "nodes" || f.ID == "same-node" || f.ID == "accepted" {
				text += " " + f.Node
			}
			address := f.Address
			if f.ID == "polling-port" {
				address = cmp.Or(address, firstAddress.FindString(f.What))
			}
			if i := slices.Index(s.addresses, address); i >= 0 {
				text += fmt.Sprintf(" @%d", i+1)
			}
			wrong = append(wrong, strings.Join(strings.Fields(text), " "))
		}
	}
	slices.Sort(wrong)
	return wrong, polled
}

func texts(found []faultFinding) string {
	var text strings.Builder
	for _, f := range found {
		fmt.Fprintf(&text, "%-7s %s: %s\n", f.Level, f.ID, f.What)
		if f.Level != "ok" {
			fmt.Fprintf(&text, "        %s\n        %s (%t)\n", strings.ReplaceAll(f.Why, "\n", "\n        "), f.Fix, f.Complete)
		}
	}
	return text.String()
}

// repair pastes the fix of a finding, which ends it. What is to prove that a node is polled may
// find that it is not.
func (f fault) repair(t *testing.T, s *faultScene, one faultFinding) {
	t.Helper()
	cmd := exec.Command("sh", "-c", one.Fix)
	cmd.Env, cmd.Dir = s.command().Env, s.home
	out, err := cmd.CombinedOutput()
	if strings.Contains(one.Fix, " --prove ") && strings.Contains(string(out), "run by "+one.Node+", did not reach this Tentacle") {
		return
	}
	if err != nil {
		t.Fatalf("%s\n%s\n%v: %s", one.What, one.Fix, err, out)
	}
	for _, again := range f.check(t, s) {
		if again.ID == one.ID && again.What == one.What && again.Fix == one.Fix && again.Level != "ok" {
			t.Errorf("%s\n%s\nends nothing: %s", one.What, one.Fix, out)
		}
	}
}

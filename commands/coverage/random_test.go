package coverage_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// truth is where addresses lead, which nobody sees.
type truth struct {
	random *rand.Rand
	nodes  []octoapi.Node // of the cluster, and then those that are gone
	listed int            // how many the API lists
	leads  [][]int        // of each address: its node, or all those behind a load balancer; none for nothing

	evidence coverage.Evidence
}

// newTruth makes a cluster, and what can be seen of it.
func newTruth(random *rand.Rand) *truth {
	w := &truth{random: random}
	w.listed = 1 + random.IntN(5)
	gone := random.IntN(2)
	if w.listed == 1 {
		gone = 0 // whatever has the certificate of a cluster of one node is taken for that node
	}
	for n := range w.listed + gone {
		node := octoapi.Node{ID: fmt.Sprintf("OctopusServerNodes-n%d", n), Name: fmt.Sprintf("n%d", n)}
		switch random.IntN(8) {
		case 0:
			node.InMaintenanceMode = true
		case 1:
			node.Offline = true
		case 2:
			node.WebOnly = true
		}
		w.nodes = append(w.nodes, node)
	}
	w.evidence.Nodes = w.nodes[:w.listed]
	w.evidence.Queues.State = one(random, coverage.NotShared, coverage.NotShared, coverage.Unknown, coverage.PartlyShared)
	switch random.IntN(3) {
	case 0:
		w.nat()
	default:
		w.unique()
	}
	for n := range w.nodes {
		if random.IntN(2) == 0 && w.reaches(n) {
			w.evidence.HealthChecks = append(w.evidence.HealthChecks, octoapi.Task{ServerNode: one(random, w.nodes[n].ID, w.nodes[n].Name)})
		}
	}
	return w
}

func one[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

// nat polls ports of one host, which lead anywhere: perhaps, one port alone, to all of them.
func (w *truth) nat() {
	for i := range 1 + w.random.IntN(4) {
		a := coverage.Address{URL: fmt.Sprintf("https://octopus:%d", 10943+i), Answers: true, Remote: fmt.Sprintf("10.1.0.1:%d", 10943+i)}
		leads := []int{w.random.IntN(len(w.nodes))}
		if i == 0 && w.random.IntN(4) == 0 {
			leads = nil
			for n := range w.nodes {
				leads = append(leads, n)
			}
		}
		w.add(a, leads, w.web("10.1.0.1", w.random.IntN(len(w.nodes))))
		if len(leads) > 1 {
			return
		}
	}
}

// unique polls hosts, of which some are called like nodes, and lead anywhere.
func (w *truth) unique() {
	for i := range 1 + w.random.IntN(5) {
		n := w.random.IntN(len(w.nodes))
		a := coverage.Address{URL: fmt.Sprintf("https://h%d.example.com:10943", i), Answers: true, Remote: fmt.Sprintf("10.0.0.%d:10943", n)}
		web := w.web(fmt.Sprintf("10.0.0.%d", n), n)
		switch w.random.IntN(6) {
		case 0: // another IP address of the node
			a.Remote = strings.Replace(a.Remote, "10.0.0.", "10.0.1.", 1)
			web = w.web(fmt.Sprintf("10.0.1.%d", n), n)
		case 1: // NAT, with a web port of another node
			a.Remote = fmt.Sprintf("10.9.0.1:%d", 20000+i)
			web = w.web("10.9.0.2", w.random.IntN(len(w.nodes)))
		case 2: // a proxy
			a.Remote, web.Remote = "", ""
		}
		if w.random.IntN(3) == 0 && !w.isUsed(n) {
			a.URL = "https://" + w.nodes[n].Name + ":10943"
		}
		w.add(a, []int{n}, web)
	}
}

func (w *truth) isUsed(n int) bool {
	return slices.ContainsFunc(w.evidence.Addresses, func(a coverage.Address) bool { return coverage.Alike(a.URL, w.nodes[n].Name) })
}

// web is what the web port of node n says, if it says something.
func (w *truth) web(ip string, n int) (said octoapi.NodeAtHost) {
	if w.random.IntN(3) == 0 {
		return said
	}
	said = octoapi.NodeAtHost{Node: octoapi.Node{Name: w.nodes[n].Name}, Verified: true, Remote: ip + ":443"}
	if w.random.IntN(4) == 0 { // whoever it is: its certificate is not trusted
		said.Verified, said.Node.Name = false, w.nodes[w.random.IntN(len(w.nodes))].Name
	}
	return said
}

// add adds an address, which perhaps does not answer.
func (w *truth) add(a coverage.Address, leads []int, web octoapi.NodeAtHost) {
	a.Host = web
	a.Trust = one(w.random, octoapi.NoAnswer, octoapi.Trusted, octoapi.Trusted)
	if w.random.IntN(5) == 0 {
		a.Answers, a.Silent, a.Remote, a.Trust, leads = false, w.random.IntN(2) == 0, "", octoapi.NoAnswer, nil
	}
	w.evidence.Addresses = append(w.evidence.Addresses, a)
	w.leads = append(w.leads, leads)
}

// reaches says whether an address leads to node n.
func (w *truth) reaches(n int) bool {
	return slices.ContainsFunc(w.leads, func(leads []int) bool { return slices.Contains(leads, n) })
}

// TestNothingIsSaidThatIsNotTrue compares what is said with what is true, for clusters that are
// broken in any number of ways at once.
func TestNothingIsSaidThatIsNotTrue(t *testing.T) {
	t.Parallel()
	proved, unpolled, same, lost, idle := 0, 0, 0, 0, 0
	for seed := range uint64(20_000) {
		w := newTruth(rand.New(rand.NewPCG(seed, 0)))
		r := coverage.Judge(w.evidence)
		wrong := func(format string, a ...any) {
			t.Helper()
			t.Fatalf("%d: %s\nnodes: %+v\naddresses: %+v\nlead to %v\nsaid is\n%s", seed, fmt.Sprintf(format, a...), w.nodes, w.evidence.Addresses, w.leads, text(r))
		}
		missed := 0
		for n, node := range r.Nodes {
			if len(node.Proof) > 0 {
				if proved++; !w.reaches(n) {
					wrong("%s is not polled", node.Name)
				}
			}
			if node.Unpolled {
				if unpolled++; w.reaches(n) {
					wrong("%s is polled", node.Name)
				}
			}
			if node.TakesTasks() && !w.reaches(n) {
				missed++
			}
		}
		balanced := slices.ContainsFunc(w.leads, func(leads []int) bool { return len(leads) > 1 })
		if r.Unpolled > missed && !balanced {
			wrong("no more than %d nodes are not polled", missed)
		}
		for _, one := range r.Same {
			same++
			var nodes []string
			for i, a := range w.evidence.Addresses {
				if slices.Contains(one.Addresses, a.URL) {
					nodes = append(nodes, fmt.Sprint(w.leads[i]))
				}
			}
			if len(slices.Compact(nodes)) > 1 {
				wrong("%v are not the same node", one.Addresses)
			}
		}
		for i, p := range r.Places {
			switch {
			case p.Lost == coverage.NotListed:
				if lost++; len(w.leads[i]) != 1 || w.leads[i][0] < w.listed {
					wrong("%s leads to the cluster", p.URL)
				}
			case p.Node != "" && (len(w.leads[i]) != 1 || w.nodes[w.leads[i][0]].Name != p.Node):
				wrong("%s does not lead to %s", p.URL, p.Node)
			}
			for _, node := range r.Idle(p) {
				if idle++; node.TakesTasks() || p.Answers {
					wrong("%s is not idle", node.Name)
				}
			}
		}
	}
	for what, n := range map[string]int{"proved": proved, "not polled": unpolled, "the same": same, "lost": lost, "idle": idle} {
		if n < 200 {
			t.Errorf("only %d times something is said to be %s", n, what)
		}
	}
}

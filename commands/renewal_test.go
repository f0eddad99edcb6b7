package commands_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// The part of docs/renewal.md that the tests of a renewal make.
const (
	renewalPage  = "../docs/renewal.md"
	renewalBegin = "<!-- Generated from commands/renewal_test.go: go test ./commands -run Renewal -update -->\n"
	renewalEnd   = "<!-- End of what is generated. -->\n"
)

const (
	// queueTimeout is how long a request waits for a polling Tentacle, unless the machine policy
	// says otherwise (PollingRequestQueueTimeout in
	// Halibut, HalibutTimeoutsAndLimits.cs).
	queueTimeout = 2 * time.Minute
	// restartTime is how long a node is down when it is restarted.
	restartTime = 40 * time.Second
	fleetSize   = 12
)

// fleet are Tentacles that poll the three nodes of a cluster. Its clock is that of synctest: the
// connections have no sockets, so that hours pass in no time, and each figure is exact.
type fleet struct {
	*testing.T
	cluster   *octotest.Cluster
	old       string
	tentacles []*scene
	agents    []*agent
	rows      [][]string // of the table
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{T: t}
	var err error
	if f.cluster, err = octotest.Start(octotest.Options{HandsOutWork: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.cluster.Close)
	f.old = f.cluster.Thumbprint()
	if err := f.cluster.AddMachine(octotest.Machine{Name: "web", Thumbprint: tentacleThumbprint(), Subscription: f.subscription(0)}); err != nil {
		t.Fatal(err)
	}
	pfx, err := commands.OnePFX()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tentacleconfig.ParsePFX(pfx, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range fleetSize {
		folder := t.TempDir()
		s := &scene{cluster: f.cluster, home: filepath.Join(folder, "home"), config: filepath.Join(folder, "Tentacle.config")}
		var servers []tentacleconfig.TrustedServer
		for _, address := range f.cluster.Addresses() {
			servers = append(servers, tentacleconfig.TrustedServer{Thumbprint: f.old, Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: f.subscription(i)})
		}
		if err := writeMachineID(folder); err != nil {
			t.Fatal(err)
		}
		if err := makeTentacle(s.home, "Tentacle", s.config, servers); err != nil {
			t.Fatal(err)
		}
		f.tentacles = append(f.tentacles, s)
		f.agents = append(f.agents, &agent{Tentacle: octotest.Tentacle{Certificate: certificate.TLS(), Dial: f.cluster.Dial}, config: s.config})
	}
	return f
}

func (f *fleet) subscription(i int) string { return fmt.Sprintf("poll://agent%d/", i) }

// start starts all agents at different times, so that they try again at different times. Then it
// waits until they try again as seldom as they ever do.
func (f *fleet) start() {
	for _, a := range f.agents {
		if err := a.start(); err != nil {
			f.Fatal(err)
		}
		time.Sleep(10300 * time.Millisecond)
	}
	f.settle()
}

func (f *fleet) settle() { time.Sleep(10 * time.Minute) }

func (f *fleet) close() {
	for _, a := range f.agents {
		a.Stop()
	}
}

// renew gives the cluster a new certificate.
func (f *fleet) renew() (renewed string) {
	if err := f.cluster.Renew(); err != nil {
		f.Fatal(err)
	}
	return f.cluster.Thumbprint()
}

// run runs a command line on every machine.
func (f *fleet) run(code int, arguments ...string) {
	f.Helper()
	for _, s := range f.tentacles {
		s.run(f.T, code, arguments...)
	}
}

// work queues a request for each Tentacle at each node, and notes how long they wait, as a row of
// the table. It says how many expire at each node.
func (f *fleet) work(step string) (expired [3]int) {
	var all sync.WaitGroup
	var waited [3][fleetSize]time.Duration
	began := time.Now()
	for node := range waited {
		for i := range f.tentacles {
			done := f.cluster.Queue(node+1, f.subscription(i))
			all.Go(func() {
				select {
				case <-done:
				case <-time.After(queueTimeout):
				}
				waited[node][i] = time.Since(began)
			})
		}
	}
	all.Wait()
	row := []string{step}
	for node := range waited {
		text := ""
		switch shortest, longest := slices.Min(waited[node][:]), slices.Max(waited[node][:]); {
		case shortest >= queueTimeout:
			text = "**none is collected**"
		case longest == 0:
			text = "at once"
		default:
			text = fmt.Sprintf("after %d to %d s", shortest/time.Second, longest/time.Second)
		}
		for _, one := range waited[node] {
			if one >= queueTimeout {
				expired[node]++
			}
		}
		row = append(row, text)
	}
	f.rows = append(f.rows, row)
	return expired
}

// collected is work where no request may expire.
func (f *fleet) collected(step string) {
	f.Helper()
	if expired := f.work(step); expired != [3]int{} {
		f.Errorf("%s: requests expire at the nodes: %v", step, expired)
	}
}

// lost is work where every request at these nodes expires, and no other.
func (f *fleet) lost(step string, nodes ...int) {
	f.Helper()
	var want [3]int
	for _, n := range nodes {
		want[n-1] = fleetSize
	}
	if expired := f.work(step); expired != want {
		f.Errorf("%s: requests expire at the nodes: %v, not %v", step, expired, want)
	}
}

func (f *fleet) table() string {
	text := "\n| | node 1 | node 2 | node 3 |\n|---|---|---|---|\n"
	for _, row := range f.rows {
		text += "| " + strings.Join(row, " | ") + " |\n"
	}
	return text
}

// TestNoQueuedRequestExpiresInARenewal does what docs/renewal.md says, and then what it warns of.
// The page shows how long requests wait.
func TestNoQueuedRequestExpiresInARenewal(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the clock and the agents are the same on every system, and this starts a process for each step and Tentacle, slowly there")
	}
	var tables [2]string
	for i, course := range []func(*fleet){renewedWithBoth, renewedUnprepared} {
		f := newFleet(t)
		synctest.Test(t, func(t *testing.T) {
			f.T = t
			defer f.close()
			course(f)
		})
		tables[i] = f.table()
	}
	made := "\nBoth thumbprints are trusted beforehand:\n" + tables[0] +
		"\nNothing was done beforehand:\n" + tables[1] + "\n"
	t.Log(made)
	commands.ComparePart(t, renewalPage, renewalBegin, renewalEnd, made)
}

func renewedWithBoth(f *fleet) {
	f.start()
	f.collected("the old one is trusted")
	renewed := f.renew()
	f.run(0, "update-trust", "--keep-old", "--oldThumbprint="+f.old, "--newThumbprint="+renewed)
	f.start()
	f.collected("both are trusted, and the Tentacles were restarted")
	for node := 1; node <= 3; node++ {
		f.refusesToRetire()
		f.cluster.Restart(node, restartTime)
		f.collected(fmt.Sprintf("node %d was just restarted with the new certificate", node))
		f.settle()
		f.collected("ten minutes later")
	}
	f.run(0, "update-trust", "--retire")
	for _, a := range f.agents {
		if err := a.start(); err != nil {
			f.Fatal(err)
		}
	}
	f.collected("the old one was retired, and the Tentacles were restarted a moment ago")
	for _, s := range f.tentacles {
		if text, err := os.ReadFile(s.config); err != nil || bytes.Contains(text, []byte(f.old)) {
			f.Errorf("the old thumbprint is still there (%v): %s", err, text)
		}
	}
}

// refusesToRetire tries too early to retire the old thumbprint.
func (f *fleet) refusesToRetire() {
	before, err := os.ReadFile(f.tentacles[0].config)
	if err != nil {
		f.Fatal(err)
	}
	f.tentacles[0].run(f.T, 1, "update-trust", "--retire")
	if after, err := os.ReadFile(f.tentacles[0].config); err != nil || !bytes.Equal(before, after) {
		f.Errorf("the configuration was changed (%v)", err)
	}
}

func renewedUnprepared(f *fleet) {
	f.start()
	f.collected("the old one is trusted")
	renewed := f.renew()
	f.cluster.Restart(1, restartTime)
	f.lost("node 1 was just restarted with the new certificate", 1)
	f.settle()
	f.lost("ten minutes later, and for ever", 1)
	before := map[string][]byte{}
	for _, s := range f.tentacles {
		text, err := os.ReadFile(s.config)
		if err != nil {
			f.Fatal(err)
		}
		before[s.config] = text
	}
	f.run(0, "update-trust", "--force", "--oldThumbprint="+f.old, "--newThumbprint="+renewed)
	f.start()
	f.lost("the old one was replaced with `--force`, as the Tentacle CLI does it", 2, 3)
	for config, text := range before {
		if err := os.WriteFile(config, text, 0o600); err != nil {
			f.Fatal(err)
		}
	}
	f.run(0, "update-trust", "--oldThumbprint="+f.old, "--newThumbprint="+renewed)
	f.start()
	f.collected("instead, it was replaced without: both are trusted while a port presents the old certificate")
}

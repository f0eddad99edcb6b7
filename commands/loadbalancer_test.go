//go:build linux

package commands_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// The tests here put a real HAProxy in front of three nodes.

// balancedScene is a machine with a registered Tentacle, which polls https://HOST:10943 of
// a load balancer.
type balancedScene struct {
	*scene
	host string // of the load balancer
}

func newBalancedScene(t *testing.T, options octotest.Options) *balancedScene {
	t.Helper()
	if _, err := exec.LookPath(haproxy); err != nil {
		skipUnlessRequired(t, "haproxy", "HAProxy is not installed: apt-get install haproxy")
	}
	s := &balancedScene{scene: newScene(t, "Tentacle", options)}
	node := strings.TrimPrefix(s.cluster.Addresses()[0], "https://")
	s.host = node[:strings.LastIndex(node, ".")] + ".200" // of 127.0.0.0/8, as the nodes' are
	s.run(t, 0, "new-certificate")
	s.poll(t, s.at(10943))
	return s
}

// haproxy is where Debian has it, whatever the PATH.
const haproxy = "/usr/sbin/haproxy"

func (s *balancedScene) at(port int) string { return fmt.Sprintf("https://%s:%d", s.host, port) }

// poll makes the Tentacle poll this address alone, and registers it.
func (s *balancedScene) poll(t *testing.T, address string) {
	t.Helper()
	document, err := tentacleconfig.Read(s.config)
	if err != nil {
		t.Fatal(err)
	}
	document.SetTrustedServers([]tentacleconfig.TrustedServer{{
		Thumbprint: s.cluster.Thumbprint(), Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: sceneSubscription,
	}})
	if err := os.WriteFile(s.config, document.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := document.Thumbprint()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cluster.AddMachine(octotest.Machine{Name: "web1", Thumbprint: own, Subscription: sceneSubscription}); err != nil {
		t.Fatal(err)
	}
}

// start runs HAProxy with a configuration, until the test ends.
func (s *balancedScene) start(t *testing.T, configuration string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	cmd := exec.Command(haproxy, "-db", "-f", file)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.at(10943), "https://"))
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("HAProxy ended: %v\n%s", err, output.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("HAProxy does not start\n%s", output.String())
		}
	}
	s.cluster.ResetRequests()
}

// asked are the nodes that were asked since, each once, and never in the
// protocol that hands out work.
func (s *balancedScene) asked(t *testing.T) (nodes []string) {
	t.Helper()
	for _, request := range s.cluster.Requests() {
		if request.PollingPort == 0 {
			continue
		}
		if strings.HasPrefix(request.Line, "MX-SUBSCRIBER") {
			t.Errorf("%s was sent %q", request.Address, request.Line)
		}
		nodes = append(nodes, "https://"+request.Address)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

func (s *balancedScene) natConfiguration(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../testdata/haproxy/nat.cfg")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(content), "bind :", "bind "+s.host+":")
	for i, node := range s.cluster.Addresses() {
		name := fmt.Sprintf("octo%d.example.com:10943", i+1)
		if !strings.Contains(text, name) {
			t.Fatalf("nat.cfg has no %s", name)
		}
		text = strings.ReplaceAll(text, name, strings.TrimPrefix(node, "https://"))
	}
	return text
}

// balancedConfiguration spreads the connections to one port over the nodes.
func (s *balancedScene) balancedConfiguration() string {
	configuration := fmt.Sprintf(`
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
listen balanced
    bind %s:10943
    balance roundrobin
`, s.host)
	for i, node := range s.cluster.Addresses() {
		configuration += fmt.Sprintf("    server node%d %s\n", i+1, strings.TrimPrefix(node, "https://"))
	}
	return configuration
}

func TestALoadBalancerWithAPortForEachNodeIsRight(t *testing.T) {
	t.Parallel()
	s := newBalancedScene(t, octotest.Options{})
	s.start(t, s.natConfiguration(t))

	// One port so far: the nodes behind the others are missed, and the suggested fix works.
	got := s.check(t)
	if want := "problem only 1 address is polled for the 3 nodes that hand out work: node1, node2, node3"; got.finding("nodes") != want || got.Summary.Problems != 1 {
		t.Errorf("one port: %+v", got)
	}

	s.cluster.ResetRequests()
	s.run(t, 0, "poll-server", "--server-comms-address=https://"+s.host, "--server-comms-port=10943-10945")
	if got, want := s.addresses(t), []string{s.at(10943), s.at(10944), s.at(10945)}; !slices.Equal(got, want) {
		t.Errorf("polled: %v", got)
	}
	if nodes := s.asked(t); !slices.Equal(nodes, s.cluster.Addresses()) {
		t.Errorf("behind the ports are %v", nodes)
	}
	got = s.check(t)
	if want := "warning 0 of 3 nodes that hand out work are proved to be polled; not proved: node1, node2, node3"; got.finding("nodes") != want || got.Summary.Problems != 0 {
		t.Errorf("three ports: %+v", got)
	}

	// A node is down: HAProxy still listens for it.
	if err := s.cluster.SetNodeFault(2, octotest.NodeFault{Closed: true}); err != nil {
		t.Fatal(err)
	}
	got = s.check(t, "--timeout=5s")
	if text := got.finding("polling-port"); !strings.Contains(text, "problem "+s.at(10944)+" does not respond") || got.Summary.Problems != 1 {
		t.Errorf("a node down behind it: %s", text)
	}
}

func TestALoadBalancerThatBalancesOnePortIsAProblemUnlessQueuesAreShared(t *testing.T) {
	t.Parallel()
	s := newBalancedScene(t, octotest.Options{})
	s.start(t, s.balancedConfiguration())

	// Every node has the cluster's certificate, so the port is right by itself.
	got := s.check(t)
	if !strings.HasPrefix(got.finding("polling-port"), "ok ") || !strings.HasPrefix(got.finding("nodes"), "problem only 1 address is polled for the 3 nodes") {
		t.Errorf("without shared queues: %+v", got)
	}
	s.cluster.SetSharedQueues(true)
	if got := s.check(t); got.Summary.Problems != 0 || !strings.Contains(got.finding("nodes"), "the nodes share their queues") {
		t.Errorf("with shared queues: %+v", got)
	}

	// poll-server --replace moves to it, from all nodes; where that is not enough, by force only,
	// with a warning.
	for _, shared := range []bool{false, true} {
		s.cluster.SetSharedQueues(shared)
		s.poll(t, s.cluster.Addresses()[0])
		s.run(t, 0, "poll-server", "--server-comms-address="+strings.Join(s.cluster.Addresses(), ","))
		move := []string{"poll-server", "--replace", "--server-comms-address=" + s.at(10943)}
		if !shared {
			if _, refusal := s.run(t, 1, move...); !strings.Contains(refusal, "1 would be polled instead of 3") {
				t.Errorf("refused with %q", refusal)
			}
			move = append(move, "--force")
		}
		_, warning := s.run(t, 0, move...)
		if got := s.addresses(t); !slices.Equal(got, []string{s.at(10943)}) {
			t.Errorf("polled: %v", got)
		}
		if strings.Contains(warning, "do not share their queues") == shared {
			t.Errorf("shared queues: %v, warned: %q", shared, warning)
		}
	}
	if got := s.check(t); got.Summary.Problems != 0 {
		t.Errorf("%+v", got)
	}
}

func TestALoadBalancerThatEndsTLSIsRefused(t *testing.T) {
	t.Parallel()
	s := newBalancedScene(t, octotest.Options{})
	s.start(t, fmt.Sprintf(`
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
listen ending-tls
    bind %s:10943 ssl crt %s
    server node1 %s ssl verify none
`, s.host, ownCertificate(t), strings.TrimPrefix(s.cluster.Addresses()[0], "https://")))

	s.poll(t, s.cluster.Addresses()[0])
	before, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := s.run(t, 1, "poll-server", "--server-comms-address="+s.at(10943))
	for _, want := range []string{s.at(10943) + " presents ", s.cluster.Thumbprint(), "terminates TLS", "pass the port through as TCP"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("poll-server does not say %q: %s", want, stderr)
		}
	}
	after, err := os.ReadFile(s.config)
	if err != nil || !bytes.Equal(before, after) || stdout != "" {
		t.Errorf("changed, or something printed: %v %s", err, stdout)
	}

	s.poll(t, s.at(10943))
	got := s.check(t)
	if text := got.finding("polling-port"); !strings.HasPrefix(text, "problem "+s.at(10943)+" presents the certificate ") || !strings.Contains(text, "but "+s.cluster.Thumbprint()+" is trusted") {
		t.Errorf("check: %s", text)
	}
	s.asked(t)
}

// TestOnlyHealthChecksTellWhereALoadBalancerLeads has health checks handed out through it, to a
// stand-in for the running Tentacle.
func TestOnlyHealthChecksTellWhereALoadBalancerLeads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		leads  []int // the node, from 1, behind each of the ports
		missed []int // nodes that are not polled
	}{
		{"right", []int{1, 2, 3}, nil},
		{"two ports that lead to one node", []int{1, 1, 3}, []int{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newBalancedScene(t, octotest.Options{HandsOutWork: true})
			nodes := s.cluster.Addresses()
			configuration := s.natConfiguration(t)
			for i, node := range c.leads {
				configuration = strings.Replace(configuration, fmt.Sprintf("server node%d %s", i+1, strings.TrimPrefix(nodes[i], "https://")),
					"server there "+strings.TrimPrefix(nodes[node-1], "https://"), 1)
			}
			s.start(t, configuration)
			s.run(t, 0, "poll-server", "--server-comms-address=https://"+s.host, "--server-comms-port=10943-10945")
			s.startAgent(t)
			s.cluster.SetTaskNode(octotest.EachNode)

			got := s.check(t)
			if want := "warning 0 of 3 nodes that hand out work are proved to be polled; not proved: node1, node2, node3"; got.finding("nodes") != want || got.Summary.Problems != 0 {
				t.Errorf("without health checks: %+v", got)
			}
			got = s.check(t, "--prove")
			if len(c.missed) == 0 && got.Summary.Warnings+got.Summary.Problems > 0 {
				t.Errorf("with health checks: %+v", got)
			}
			for node := 1; node <= len(nodes); node++ {
				polled := got.says("ok", fmt.Sprintf("node%d is polled", node))
				missed := got.says("problem", fmt.Sprintf("run by node%d, did not reach this Tentacle", node))
				if missed != slices.Contains(c.missed, node) || polled == missed {
					t.Errorf("node%d is said to be polled: %v, and to be missed: %v", node, polled, missed)
				}
			}
		})
	}
}

// TestABalancedPortReachesOneNodeUnlessQueuesAreShared has health checks handed out through it: the
// running Tentacle has one connection.
func TestABalancedPortReachesOneNodeUnlessQueuesAreShared(t *testing.T) {
	t.Parallel()
	s := newBalancedScene(t, octotest.Options{HandsOutWork: true})
	s.start(t, s.balancedConfiguration())
	s.startAgent(t)
	s.cluster.SetTaskNode(octotest.EachNode)

	s.cluster.SetSharedQueues(true)
	got := s.check(t, "--prove")
	if got.Summary.Problems != 0 || got.finding("prove") != "skipped no health check was started" {
		t.Errorf("with shared queues: %+v", got)
	}
	if sent := s.written(); len(sent) > 0 {
		t.Errorf("sent %q", sent)
	}

	s.cluster.SetSharedQueues(false)
	got = s.check(t, "--prove")
	polled := 0
	for node := 1; node <= len(s.cluster.Addresses()); node++ {
		if got.says("ok", fmt.Sprintf("node%d is polled", node)) {
			polled++
		}
	}
	if polled > 1 || !got.says("problem", "did not reach this Tentacle") {
		t.Errorf("without shared queues, %d nodes are said to be polled: %+v", polled, got)
	}
}

// says says whether there is a finding of this level with the text.
func (r checkJSON) says(level, text string) bool {
	return slices.ContainsFunc(r.Findings, func(f struct{ Level, ID, What, Why, Fix string }) bool {
		return f.Level == level && strings.Contains(f.What, text)
	})
}

// startAgent starts a stand-in for the Tentacle, and waits until it is connected at every address.
func (s *balancedScene) startAgent(t *testing.T) {
	t.Helper()
	pfx, err := commands.OnePFX()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tentacleconfig.ParsePFX(pfx, "")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "own.pfx")
	if err := os.WriteFile(file, pfx, 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, 0, "import-certificate", "--from-file="+file)
	if err := s.cluster.AddMachine(octotest.Machine{Name: "web1", Thumbprint: certificate.Thumbprint(), Subscription: sceneSubscription}); err != nil {
		t.Fatal(err)
	}
	s.cluster.ResetRequests()
	a := &agent{Tentacle: octotest.Tentacle{Certificate: certificate.TLS()}, config: s.config}
	if err := a.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Stop)
	subscribes := func(r octotest.Request) bool { return strings.HasPrefix(r.Line, "MX-SUBSCRIBER") }
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		connected := len(slices.DeleteFunc(s.cluster.Requests(), func(r octotest.Request) bool { return !subscribes(r) }))
		if connected == len(s.addresses(t)) {
			s.cluster.ResetRequests()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it has %d connections", connected)
		}
	}
}

// ownCertificate is a file with a certificate and its key, as HAProxy reads it.
func ownCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "load-balancer.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "load-balancer.pem")
	content := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

package octoapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestEveryPortAnswersWithTheClustersThumbprint(t *testing.T) {
	cluster := startCluster(t, octotest.Options{Recorded: true})
	var done atomic.Int32
	ports, err := TryPorts(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick, Done: func(Port) { done.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range ports {
		if p.Address != cluster.Addresses()[i] || p.Thumbprint != cluster.Thumbprint() || p.Latency <= 0 {
			t.Errorf("port %d: %+v", i, p)
		}
	}
	if done.Load() != 5 {
		t.Errorf("Done was called %d times", done.Load())
	}
	if err := CheckThumbprints(ports, strings.ToLower(cluster.Thumbprint())); err != nil {
		t.Error(err)
	}
	requests := cluster.Requests()
	if len(requests) != 5 {
		t.Errorf("%d requests for 5 ports", len(requests))
	}
	for _, r := range requests {
		if r.Line != "POST /handshake HTTP/1.1" { // and so never MX-SUBSCRIBER
			t.Errorf("%s was sent %q", r.Address, r.Line)
		}
	}
}

func TestAFaultOfAPortIsNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault octotest.NodeFault
		want  []string
	}{
		"closed":     {octotest.NodeFault{Closed: true}, []string{"nothing listens", "refused", "tried"}},
		"hangs":      {octotest.NodeFault{Hangs: true}, []string{"accepted the connection, but did not respond within", "firewall"}},
		"plain HTTP": {octotest.NodeFault{PlainHTTP: true}, []string{"does not speak TLS", "10943"}},
		"a web site": {octotest.NodeFault{Status: 404}, []string{"responds with 404 Status, but Octopus responds with 200", "web server"}},
		"closes":     {octotest.NodeFault{ClosesFirst: 1 << 30}, []string{"closed the connection"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, octotest.Options{NodeCount: 1})
			if err := cluster.SetNodeFault(1, test.fault); err != nil {
				t.Fatal(err)
			}
			patient := quick
			patient.briefly = 2 * time.Second // a busy machine is slow, too
			_, err := TryPorts(deadline(t, 5*time.Second), cluster.Addresses(), PortOptions{timing: patient})
			mustSay(t, err, append(test.want, cluster.Addresses()[0])...)
		})
	}
}

func TestOneBadPortOfThreeIsNamedAndTheOthersAreNot(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	for n, f := range map[int]octotest.NodeFault{2: {Closed: true}} {
		if err := cluster.SetNodeFault(n, f); err != nil {
			t.Fatal(err)
		}
	}
	ports, err := TryPorts(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick})
	mustSay(t, err, cluster.Addresses()[1])
	if ports != nil || strings.Contains(err.Error(), cluster.Addresses()[0]) || strings.Contains(err.Error(), cluster.Addresses()[2]) {
		t.Errorf("%v, %v", ports, err)
	}
}

func TestAllBadPortsAreNamed(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	for n, f := range map[int]octotest.NodeFault{1: {Closed: true}, 3: {PlainHTTP: true}} {
		if err := cluster.SetNodeFault(n, f); err != nil {
			t.Fatal(err)
		}
	}
	_, err := TryPorts(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick})
	mustSay(t, err, cluster.Addresses()[0]+" is not responding as an Octopus polling port: nothing listens", cluster.Addresses()[2]+" is not responding as an Octopus polling port: it does not speak TLS")
}

func TestAnotherCertificateIsDetected(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	if err := cluster.SetNodeFault(2, octotest.NodeFault{OtherCertificate: true}); err != nil {
		t.Fatal(err)
	}
	ports, err := TryPorts(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick})
	if err != nil {
		t.Fatal(err)
	}
	err = CheckThumbprints(ports, cluster.Thumbprint())
	mustSay(t, err, cluster.Thumbprint(), cluster.Addresses()[1]+" presents "+ports[1].Thumbprint, "terminates TLS", "refuse", "TCP")
	if strings.Contains(err.Error(), cluster.Addresses()[0]) {
		t.Errorf("a good port is blamed: %v", err)
	}
}

func TestAPortThatRequiresAClientCertificateIsOpen(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 2})
	for n, f := range map[int]octotest.NodeFault{1: {RequireClient: true}, 2: {Status: 400}} {
		if err := cluster.SetNodeFault(n, f); err != nil {
			t.Fatal(err)
		}
	}
	ports, err := TryPorts(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick})
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckThumbprints(ports, cluster.Thumbprint()); err != nil {
		t.Error(err)
	}
}

func TestATryThatFailsIsRepeated(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	if err := cluster.SetNodeFault(1, octotest.NodeFault{ClosesFirst: 3}); err != nil {
		t.Fatal(err)
	}
	var waits atomic.Int32
	_, err := TryPorts(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick, Waiting: func(address, why string) {
		waits.Add(1)
		if address != cluster.Addresses()[0] || why == "" {
			t.Errorf("waiting for %q: %q", address, why)
		}
	}})
	if err != nil || waits.Load() != 3 {
		t.Errorf("%v after %d waits", err, waits.Load())
	}
}

func TestAPortThatOpensWhileWeWaitIsFound(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	if err := cluster.SetNodeFault(1, octotest.NodeFault{Closed: true}); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(30*time.Millisecond, func() { _ = cluster.SetNodeFault(1, octotest.NodeFault{}) })
	if _, err := TryPorts(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick}); err != nil {
		t.Error(err)
	}
}

func TestARefusedPortEndsLongBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	started := time.Now()
	_, err := TryPorts(deadline(t, time.Minute), []string{"https://" + freeAddress(t)}, PortOptions{timing: quick})
	mustSay(t, err, "refused")
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestAPortThatNobodyTypedIsMarked(t *testing.T) {
	for address, hinted := range map[string]bool{"https://octo1": true, "https://octo1:443": true, "https://octo1:10943": false, "wss://octo1/OctopusComms": false} {
		refused, is := errors.AsType[*PortError](portFailure(t.Context(), address, diagnosis{text: "nothing listens"}, nil, &attempts{}))
		if !is || refused.DefaultPort != hinted {
			t.Errorf("%s: %v", address, refused)
		}
		wrong, is := errors.AsType[*ThumbprintError](CheckThumbprints([]Port{{Address: address, Thumbprint: "A"}}, "B"))
		if is && wrong.DefaultPort() != hinted || is == strings.HasPrefix(address, "wss:") {
			t.Errorf("%s: %v", address, wrong)
		}
	}
}

func TestAWebSocketGivesItsThumbprintWithoutARequest(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	address := strings.Replace(cluster.Addresses()[0], "https:", "wss:", 1) + "/OctopusComms"
	ports, err := TryPorts(deadline(t, time.Minute), []string{address}, PortOptions{timing: quick})
	if err != nil {
		t.Fatal(err)
	}
	if ports[0].Thumbprint != cluster.Thumbprint() || len(cluster.Requests()) != 0 {
		t.Errorf("%+v, %v", ports, cluster.Requests())
	}
	if err := CheckThumbprints(ports, strings.Repeat("0", 40)); err != nil {
		t.Errorf("the web site's certificate is not the cluster's: %v", err)
	}
}

// TestTheCertificateOfAWebSocketStandsUpOnItsOwnOrIsExpected: the thumbprint of a web socket comes
// from the socket itself.
func TestTheCertificateOfAWebSocketStandsUpOnItsOwnOrIsExpected(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{NodeCount: 1, TLS: true})
	webSocket := func(url string, roots *x509.CertPool) Port {
		address := strings.Replace(url, "https:", "wss:", 1) + "/OctopusComms"
		ports, err := TryPorts(deadline(t, time.Minute), []string{address}, PortOptions{timing: quick, RootCAs: roots})
		if err != nil {
			t.Fatal(err)
		}
		return ports[0]
	}
	known, unknown := webSocket(cluster.URL(), pool(t, cluster)), webSocket(cluster.URL(), nil)
	own := webSocket(cluster.Addresses()[0], pool(t, cluster))
	another := strings.Repeat("0", 40)
	connection, err := tls.Dial("tcp", strings.TrimPrefix(cluster.URL(), "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	otherName := known
	otherName.Invalid = verify(connection.ConnectionState().PeerCertificates, "octopus.example.com", pool(t, cluster))
	for name, test := range map[string]struct {
		port     Port
		expected string
		want     []string // what the error says; none: it is trusted
	}{
		"a known issuer":                          {known, "", nil},
		"an unknown issuer":                       {unknown, "", []string{"the certificate of " + unknown.Address + " is not trusted: this machine does not know its issuer; its thumbprint is " + unknown.Thumbprint, "not that of the cluster"}},
		"another name":                            {otherName, "", []string{"is not trusted: it is for another name; its thumbprint is " + known.Thumbprint}},
		"a certificate of its own":                {own, "", []string{"its thumbprint is " + own.Thumbprint}},
		"an unknown issuer, expected":             {unknown, " " + strings.ToLower(unknown.Thumbprint) + " ", nil},
		"an unknown issuer, another one expected": {unknown, another, []string{unknown.Address + " presents a certificate with the thumbprint " + unknown.Thumbprint + ", not " + another}},
		"a known issuer, another one expected":    {known, another, []string{"not " + another, "something else responds there"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckWebSocket(test.port, test.expected)
			if len(test.want) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			mustSay(t, err, test.want...)
			if wrong, is := errors.AsType[*WebSocketError](err); !is || wrong.Port != test.port || wrong.Expected != test.expected {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestAnAddressThatIsNoPollingPortIsRefused(t *testing.T) {
	for _, address := range []string{"", "octo1:10943", "ftp://octo1", "https://", "https://user:Password01!@octo1:10943", "https://octo1:port"} {
		_, err := TryPorts(deadline(t, time.Second), []string{address}, PortOptions{timing: quick})
		mustSay(t, err, "https://octopus.example.com:10943")
	}
}

func TestTryingPortsIsInterruptedAtOnce(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	if err := cluster.SetNodeFault(1, octotest.NodeFault{Hangs: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	started := time.Now()
	_, err := TryPorts(ctx, cluster.Addresses(), PortOptions{timing: quick})
	mustSay(t, err, "interrupted")
	if took := time.Since(started); !errors.Is(err, context.Canceled) || took > 5*time.Second {
		t.Errorf("%v after %s", err, took)
	}
}

// answering listens until the test ends, and has each connection answered.
func answering(t *testing.T, answer func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return l.Addr().String()
}

func TestAPortThatTalksForeverIsNotReadForever(t *testing.T) {
	t.Parallel()
	address := answering(t, func(conn net.Conn) {
		for {
			if _, err := conn.Write([]byte("SSH-2.0-OpenSSH and so on and on ")); err != nil {
				return
			}
		}
	})
	_, err := TryPorts(deadline(t, time.Minute), []string{"https://" + address}, PortOptions{timing: quick})
	mustSay(t, err, "does not speak TLS")
}

// BenchmarkTryPorts shows that nodes are tried all at once: with 100 ms of latency each, 50 take
// hardly longer than one.
func BenchmarkTryPorts(b *testing.B) {
	for _, count := range []int{1, 3, 50} {
		b.Run(fmt.Sprintf("nodes=%d", count), func(b *testing.B) {
			cluster := startCluster(b, octotest.Options{NodeCount: count, Latency: 100 * time.Millisecond})
			for b.Loop() {
				if _, err := TryPorts(b.Context(), cluster.Addresses(), PortOptions{timing: quick}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

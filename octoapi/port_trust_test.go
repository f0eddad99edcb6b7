package octoapi

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// signedBy is an expired certificate of its own key, and its thumbprint.
func signedBy(t testing.TB, key crypto.Signer, algorithm x509.SignatureAlgorithm) (tls.Certificate, string) {
	t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: rand.Text()}, SerialNumber: big.NewInt(1),
		NotAfter: time.Now().Add(-time.Hour), SignatureAlgorithm: algorithm}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, thumbprint.Of(der)
}

func anyCertificate(t testing.TB) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signedBy(t, key, 0)
}

// registered is a certificate that the cluster trusts.
func registered(t testing.TB, cluster *octotest.Cluster) tls.Certificate {
	t.Helper()
	own, id := anyCertificate(t)
	if err := cluster.AddMachine(octotest.Machine{Name: "web1", Thumbprint: id}); err != nil {
		t.Fatal(err)
	}
	return own
}

func mustLogNothing(t testing.TB, cluster *octotest.Cluster) {
	t.Helper()
	if logged := cluster.LoggedErrors(); len(logged) > 0 {
		t.Errorf("the server logs errors: %q", logged)
	}
	for _, r := range cluster.Requests() {
		if r.Line != "MX-CLIENT 1.0" {
			t.Errorf("%s was sent %q", r.Address, r.Line)
		}
	}
}

func TestAPortTrustsWhoIsRegisteredAnywhere(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]octotest.Machine{
		"target":             {Subscription: "poll://a/"},
		"worker":             {Subscription: "poll://a/", Worker: true, Disabled: true},
		"in another space":   {Subscription: "poll://a/", Space: "Spaces-2"},
		"a listening one":    {},
		"a Kubernetes agent": {Subscription: "poll://a/", Kubernetes: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, octotest.Options{})
			own, id := anyCertificate(t)
			ask := func(want Trust) {
				t.Helper()
				for i, p := range AskTrust(deadline(t, time.Minute), cluster.Addresses(), own, PortOptions{timing: quick}) {
					address := cluster.Addresses()[i]
					if p != (PortTrust{Address: address, Trust: want, Thumbprint: cluster.Thumbprint(), Remote: strings.TrimPrefix(address, "https://")}) {
						t.Errorf("%+v", p)
					}
				}
			}
			ask(NotTrusted)
			m.Name, m.Thumbprint = "web1", strings.ToLower(id)
			if err := cluster.AddMachine(m); err != nil {
				t.Fatal(err)
			}
			ask(Trusted)
			if asked := len(cluster.Requests()); asked != 6 {
				t.Errorf("%d questions", asked)
			}
			mustLogNothing(t, cluster)
		})
	}
}

func TestWithoutACertificateNoPortTrusts(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	registered(t, cluster)
	if p := AskTrust(deadline(t, time.Minute), cluster.Addresses(), tls.Certificate{}, PortOptions{timing: quick})[0]; p.Trust != NotTrusted || p.Err != nil {
		t.Errorf("%+v", p)
	}
	mustLogNothing(t, cluster)
}

// securedBy answers with TLS, as something that is no polling port of octotest, after it has read
// something.
func securedBy(t *testing.T, config *tls.Config, answer func(conn *tls.Conn)) (address string) {
	t.Helper()
	server, _ := anyCertificate(t)
	config.Certificates = []tls.Certificate{server}
	return "https://" + answering(t, func(conn net.Conn) {
		secure := tls.Server(conn, config)
		if _, err := secure.Read(make([]byte, 100)); err == nil {
			answer(secure)
		}
		_, _ = io.Copy(io.Discard, conn) // what is unread would make the end a reset
	})
}

// TestAnOldCertificateIsPresentedWhateverTheServerAsksFor has a short key and a signature with
// SHA-1, as old Tentacles have, and a server that asks for the certificates of one authority, for
// which Go itself sends none.
func TestAnOldCertificateIsPresentedWhateverTheServerAsksFor(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	own, id := signedBy(t, key, x509.SHA1WithRSA)
	other, _ := anyCertificate(t)
	authority, err := x509.ParseCertificate(other.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		address := securedBy(t, &tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: pool, MaxVersion: version}, func(conn *tls.Conn) {
			presented := conn.ConnectionState().PeerCertificates
			if len(presented) == 1 && thumbprint.Of(presented[0].Raw) == id {
				_, _ = fmt.Fprint(conn, "MX-SERVER 1.0\r\n\r\n")
			}
			_ = conn.CloseWrite()
		})
		if p := AskTrust(deadline(t, time.Minute), []string{address}, own, PortOptions{timing: quick})[0]; p.Trust != Trusted || p.Err != nil {
			t.Errorf("TLS %x: %+v", version, p)
		}
	}
}

func TestAPortThatDoesNotAnswerSaysWhy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  octotest.NodeFault
		want   []string
		reason Reason
		secure bool // TLS got as far as the certificate
	}{
		"closed":     {octotest.NodeFault{Closed: true}, []string{"nothing listens", "refused", "tried"}, Refused, false},
		"hangs":      {octotest.NodeFault{Hangs: true}, []string{"accepted the connection, but did not respond within"}, TimedOut, false},
		"silent":     {octotest.NodeFault{Silent: true}, []string{"accepted the connection, but did not respond within", "firewall"}, TimedOut, true},
		"plain HTTP": {octotest.NodeFault{PlainHTTP: true}, []string{"does not speak TLS"}, NotTLS, false},
		"ends":       {octotest.NodeFault{ClosesFirst: 1 << 30}, []string{"closed the connection"}, Ended, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, octotest.Options{NodeCount: 1})
			own := registered(t, cluster)
			if err := cluster.SetNodeFault(1, test.fault); err != nil {
				t.Fatal(err)
			}
			patient := quick
			patient.briefly, patient.ending = 2*time.Second, 2*time.Second // a busy machine is slow, too
			p := AskTrust(deadline(t, 5*time.Second), cluster.Addresses(), own, PortOptions{timing: patient})[0]
			mustSay(t, p.Err, append(test.want, cluster.Addresses()[0])...)
			failed, is := errors.AsType[*PortError](p.Err)
			if p.Trust != NoAnswer || !is || failed.Reason != test.reason || (p.Thumbprint == cluster.Thumbprint()) != test.secure {
				t.Errorf("%+v", p)
			}
			if (p.Remote == "") != test.fault.Closed {
				t.Errorf("connected to %q", p.Remote)
			}
			mustLogNothing(t, cluster)
		})
	}
}

func TestOnlyACleanEndMeansNotTrusted(t *testing.T) {
	t.Parallel()
	own, _ := anyCertificate(t)
	for name, test := range map[string]struct {
		answer func(conn *tls.Conn)
		want   Trust
		reason Reason
	}{
		"closed by TLS":             {func(conn *tls.Conn) { _ = conn.CloseWrite() }, NotTrusted, 0},
		"closed by TCP":             {func(conn *tls.Conn) { _ = conn.NetConn().Close() }, NotTrusted, 0},
		"half a record":             {func(conn *tls.Conn) { _, _ = conn.NetConn().Write([]byte{23, 3, 3}); _ = conn.NetConn().Close() }, NoAnswer, Ended},
		"a web server":              {func(conn *tls.Conn) { _, _ = fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") }, NoAnswer, WebServer},
		"half a line":               {func(conn *tls.Conn) { _, _ = fmt.Fprint(conn, "MX"); _ = conn.CloseWrite() }, NoAnswer, WebServer},
		"an empty line":             {func(conn *tls.Conn) { _, _ = fmt.Fprint(conn, "\r\n") }, NoAnswer, WebServer},
		"endless":                   {func(conn *tls.Conn) { _, _ = conn.Write(make([]byte, 1<<20)) }, NoAnswer, WebServer},
		"trusted, closed":           {func(conn *tls.Conn) { _, _ = fmt.Fprint(conn, "MX-SERVER 1.0\r\n\r\n"); _ = conn.CloseWrite() }, Trusted, 0},
		"trusted, and then nothing": {func(conn *tls.Conn) { _, _ = fmt.Fprint(conn, "MX-SERVER 1.0\r\n\r\n") }, Trusted, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := securedBy(t, &tls.Config{ClientAuth: tls.RequestClientCert}, test.answer)
			p := AskTrust(deadline(t, 5*time.Second), []string{address}, own, PortOptions{timing: hasty(), FailFast: true})[0]
			failed, _ := errors.AsType[*PortError](p.Err)
			if p.Trust != test.want || (failed == nil) != (test.want != NoAnswer) || failed != nil && failed.Reason != test.reason {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestAPortThatRefusesTheCertificateInTLSHasNotAnswered(t *testing.T) {
	t.Parallel()
	own, _ := anyCertificate(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		address := securedBy(t, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(), MaxVersion: version}, func(*tls.Conn) {})
		p := AskTrust(deadline(t, time.Minute), []string{address}, own, PortOptions{timing: quick})[0]
		if p.Trust != NoAnswer {
			t.Errorf("TLS %x: %+v", version, p)
		}
		mustSay(t, p.Err, "ended TLS: ")
	}
}

func TestTheThumbprintOfSomethingInBetweenIsReturned(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	own := registered(t, cluster)
	if err := cluster.SetNodeFault(1, octotest.NodeFault{OtherCertificate: true}); err != nil {
		t.Fatal(err)
	}
	p := AskTrust(deadline(t, time.Minute), cluster.Addresses(), own, PortOptions{timing: quick})[0]
	if len(p.Thumbprint) != 40 || p.Thumbprint == cluster.Thumbprint() {
		t.Errorf("%+v", p)
	}
}

func TestTheQuestionIsAskedThroughTheProxy(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	own := registered(t, cluster)
	proxy := startProxy(t, 0)
	for _, p := range AskTrust(deadline(t, time.Minute), cluster.Addresses(), own, PortOptions{timing: quick, Proxy: throughProxy(proxy.Address(), proxyUser)}) {
		if p.Trust != Trusted || p.Remote != "" || !slices.Contains(proxy.Targets(), strings.TrimPrefix(p.Address, "https://")) {
			t.Errorf("%+v", p)
		}
	}
	mustLogNothing(t, cluster)
	refused := AskTrust(deadline(t, time.Minute), cluster.Addresses()[:1], own,
		PortOptions{timing: quick, Proxy: throughProxy(startProxy(t, 403).Address(), proxyUser)})[0]
	mustSay(t, refused.Err, "did not connect to", "403")
}

func TestAWebSocketIsNotAsked(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	own, _ := anyCertificate(t)
	address := strings.Replace(cluster.Addresses()[0], "https:", "wss:", 1) + "/OctopusComms"
	ports := AskTrust(deadline(t, time.Minute), []string{address, "octo1:10943"}, own, PortOptions{timing: quick})
	mustSay(t, ports[0].Err, address, "is a web socket", "cannot be asked")
	if ports[0].Trust != NoAnswer || !errors.Is(ports[0].Err, ErrWebSocket) || len(cluster.Requests()) != 0 {
		t.Errorf("%+v, %v", ports, cluster.Requests())
	}
	mustSay(t, ports[1].Err, "https://octopus.example.com:10943")
}

func TestAQuestionIsRepeatedUntilThereIsAnAnswer(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	own := registered(t, cluster)
	if err := cluster.SetNodeFault(1, octotest.NodeFault{ClosesFirst: 3}); err != nil {
		t.Fatal(err)
	}
	waits, done := 0, 0
	p := AskTrust(deadline(t, time.Minute), cluster.Addresses(), own, PortOptions{timing: quick,
		Waiting: func(string, string) { waits++ }, Done: func(Port) { done++ }})[0]
	if p.Trust != Trusted || waits != 3 || done != 1 {
		t.Errorf("%+v after %d waits", p, waits)
	}
}

func TestANodeThatLearnsLaterIsAskedAgainByTheCaller(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	if err := cluster.SetNodeFault(1, octotest.NodeFault{CachedTrust: true, CatchesUp: 1}); err != nil {
		t.Fatal(err)
	}
	own := registered(t, cluster)
	for _, want := range []Trust{NotTrusted, Trusted} {
		if p := AskTrust(deadline(t, time.Minute), cluster.Addresses(), own, PortOptions{timing: quick})[0]; p.Trust != want {
			t.Errorf("%+v", p)
		}
	}
}

func TestManyQuestionsAtOnceLeaveNoErrorInTheLog(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	own := registered(t, cluster)
	for _, p := range AskTrust(deadline(t, time.Minute), slices.Repeat(cluster.Addresses(), 20), own, PortOptions{timing: quick}) {
		if p.Trust != Trusted {
			t.Errorf("%+v", p)
		}
	}
	mustLogNothing(t, cluster)
}

// TestAQuestionThatWasAskedIsEndedWell interrupts it between the question and the answer.
func TestAQuestionThatWasAskedIsEndedWell(t *testing.T) {
	t.Parallel()
	own, _ := anyCertificate(t)
	ctx, interrupt := context.WithCancel(t.Context())
	received := make(chan string, 1)
	address := securedBy(t, &tls.Config{ClientAuth: tls.RequestClientCert}, func(conn *tls.Conn) {
		interrupt()
		time.Sleep(20 * time.Millisecond) // it is noticed now
		_, _ = fmt.Fprint(conn, "MX-SERVER 1.0\r\n\r\n")
		end := make([]byte, len(noRequest))
		_, _ = io.ReadFull(conn, end)
		_ = conn.CloseWrite()
		received <- string(end)
	})
	if p := AskTrust(ctx, []string{address}, own, PortOptions{timing: quick})[0]; p.Trust != Trusted {
		t.Errorf("%+v", p)
	}
	if end := <-received; end != noRequest {
		t.Errorf("it ended with %q", end)
	}
}

func TestAnInterruptedQuestionEndsSoonAndWell(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	own := registered(t, cluster)
	ask := func(after time.Duration, timing timing) PortTrust {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(after, cancel)
		return AskTrust(ctx, cluster.Addresses(), own, PortOptions{timing: timing})[0]
	}
	for i := range 40 { // somewhere in TLS, in the question, after it
		p := ask(time.Duration(i)*100*time.Microsecond, quick)
		if interrupted := errors.Is(p.Err, context.Canceled); interrupted == (p.Trust == Trusted) {
			t.Errorf("%+v", p)
		}
	}
	mustLogNothing(t, cluster)
	if err := cluster.SetNodeFault(1, octotest.NodeFault{Silent: true}); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	mustSay(t, ask(30*time.Millisecond, hasty()).Err, "interrupted")
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

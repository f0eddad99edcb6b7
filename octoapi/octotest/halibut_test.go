package octotest

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/testcertificate"
)

// client is a Tentacle's certificate, registered with the cluster if it is to be known.
func client(t *testing.T, c *Cluster, known bool) tls.Certificate {
	t.Helper()
	own, err := testcertificate.SelfSigned("Octopus Tentacle")
	if err != nil {
		t.Fatal(err)
	}
	if known {
		if err := c.AddMachine(Machine{Name: "web1", Thumbprint: strings.ToLower(thumbprintOf(own))}); err != nil {
			t.Fatal(err)
		}
	}
	return own
}

func dial(t *testing.T, address string, own ...tls.Certificate) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(address, "https://"),
		&tls.Config{InsecureSkipVerify: true, Certificates: own}) // #nosec G402: a test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// talk sends, and returns all that is answered until the server closes, with "…" at its end when it
// does not for a while.
func talk(t *testing.T, conn *tls.Conn, lines ...string) string {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
	for _, line := range lines {
		if _, err := io.WriteString(conn, line); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return string(answer) + "…"
	}
	return string(answer)
}

const (
	asClient = "MX\r\n\r\nMX-CLIENT 1.0\r\n\r\n"
	greeting = "MX-SERVER 1.0\r\n\r\n"
)

func TestAPortSpeaksHalibutWithATentacle(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		known  bool
		says   []string
		answer string
		logged string
		line   string
	}{
		"asks nothing":             {true, []string{asClient, noRequest}, greeting + greeting, "", "MX-CLIENT 1.0"},
		"in one write, from Linux": {true, []string{"MX\n\nMX-CLIENT 1.0\n\n" + noRequest}, greeting + greeting, "", "MX-CLIENT 1.0"},
		"does not end it":          {true, []string{asClient}, greeting + "…", "the connection ended without a request", "MX-CLIENT 1.0"},
		"ends it with END":         {true, []string{asClient, "END\r\n\r\n         "}, greeting, `not a request: "END\r\n\r\n         "`, "MX-CLIENT 1.0"},
		"asks for something":       {true, []string{asClient, strings.Repeat("x", 16)}, greeting, `not a request: "xxxxxxxxxxxxxxxx"`, "MX-CLIENT 1.0"},
		"is something else":        {true, []string{"MX\r\n\r\nMX-OTHER 1.0\r\n\r\n"}, "", `the client says that it is "MX-OTHER 1.0"`, "MX-OTHER 1.0"},
		"subscribes":               {true, []string{"MX\r\n\r\nMX-SUBSCRIBER 1.0 poll://a/\r\n\r\n"}, "", "MX-SUBSCRIBER 1.0 poll://a/", "MX-SUBSCRIBER 1.0 poll://a/"},
		"subscribes at once":       {true, []string{"MX-SUBSCRIBER 1.0 poll://a/\r\n\r\n"}, "", "MX-SUBSCRIBER 1.0 poll://a/", "MX-SUBSCRIBER 1.0 poll://a/"},
		"without the preface":      {true, []string{"MX-CLIENT 1.0\r\n\r\n"}, "…", "", "MX-CLIENT 1.0"},
		"unknown":                  {false, []string{asClient}, "", "", "MX-CLIENT 1.0"},
		"unknown, preface alone":   {false, []string{"MX\r\n\r\n"}, "", "", "MX"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, Options{NodeCount: 1})
			conn := dial(t, c.Addresses()[0], client(t, c, test.known))
			if got := talk(t, conn, test.says...); got != test.answer {
				t.Errorf("answered %q", got)
			}
			_ = conn.Close()
			want := test.logged
			if want != "" {
				want = strings.TrimPrefix(c.Addresses()[0], "https://") + ": " + want
			}
			if logged := strings.Join(c.LoggedErrors(), "\n"); logged != want {
				t.Errorf("logged %q", logged)
			}
			if r := c.Requests(); len(r) != 1 || r[0].Line != test.line || r[0].PollingPort == 0 {
				t.Errorf("remembered %+v", r)
			}
		})
	}
}

func TestAPortAnswersHTTPWithAndWithoutACertificate(t *testing.T) {
	c := start(t, Options{NodeCount: 1})
	for _, own := range [][]tls.Certificate{nil, {client(t, c, true)}} {
		answer := talk(t, dial(t, c.Addresses()[0], own...), "POST /handshake HTTP/1.1\r\nHost: a\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.0 200 OK\r\n") || !strings.HasSuffix(answer, handshakePage) {
			t.Errorf("%q", answer)
		}
	}
	if logged := c.LoggedErrors(); len(logged) > 0 {
		t.Errorf("logged %q", logged)
	}
}

func TestANodeLearnsOfATentacleLater(t *testing.T) {
	t.Parallel()
	c := start(t, Options{NodeCount: 2})
	before := client(t, c, true)
	for node, catchesUp := range map[int]int{1: 2, 2: 0} {
		if err := c.SetNodeFault(node, NodeFault{CachedTrust: true, CatchesUp: catchesUp}); err != nil {
			t.Fatal(err)
		}
	}
	later := client(t, c, false)
	if err := c.AddMachine(Machine{Name: "web2", Thumbprint: thumbprintOf(later), Subscription: "poll://a/"}); err != nil {
		t.Fatal(err)
	}
	trusts := func(node int, own tls.Certificate) bool {
		return talk(t, dial(t, c.Addresses()[node-1], own), asClient, noRequest) == greeting+greeting
	}
	for i, want := range []bool{false, false, true} {
		conn := dial(t, c.Addresses()[0], later)
		if got := talk(t, conn, asClient) != ""; got != want {
			t.Errorf("question %d: trusted: %v", i+1, got)
		}
	}
	if !trusts(2, before) {
		t.Error("the other node forgot one")
	}
	for range 3 {
		if talk(t, dial(t, c.Addresses()[1], later), asClient) != "" {
			t.Error("the other node learned of it")
		}
	}
	if err := c.SetNodeFault(2, NodeFault{}); err != nil {
		t.Fatal(err)
	}
	if !trusts(2, later) {
		t.Error("repaired, the node does not trust it")
	}
}

func TestASilentPortAnswersHTTPAlone(t *testing.T) {
	c := start(t, Options{NodeCount: 1})
	own := client(t, c, true)
	if err := c.SetNodeFault(1, NodeFault{Silent: true}); err != nil {
		t.Fatal(err)
	}
	if got := talk(t, dial(t, c.Addresses()[0], own), asClient); got != "…" {
		t.Errorf("answered %q", got)
	}
	if got := talk(t, dial(t, c.Addresses()[0], own), "GET / HTTP/1.1\r\n\r\n"); !strings.Contains(got, handshakePage) {
		t.Errorf("answered %q", got)
	}
}

func TestClosingAPortIsNoErrorOfItsClients(t *testing.T) {
	c := start(t, Options{NodeCount: 1})
	conn := dial(t, c.Addresses()[0], client(t, c, true))
	if got := talk(t, conn, asClient); got != greeting+"…" {
		t.Fatalf("answered %q", got)
	}
	if err := c.SetNodeFault(1, NodeFault{Closed: true}); err != nil {
		t.Fatal(err)
	}
	if logged := c.LoggedErrors(); len(logged) > 0 {
		t.Errorf("logged %q", logged)
	}
}

func TestEveryAnswerNamesTheNode(t *testing.T) {
	for _, test := range []struct {
		options Options
		fault   APIFault
		node    int
		want    string
	}{
		{want: "node1"},
		{node: 3, want: "node3"},
		{fault: APIFault{Status: 503}, want: "node1"},
		{fault: APIFault{HTML: true}},
		{fault: APIFault{RedirectTo: "http://127.0.0.1:1"}},
		{options: Options{NoNodeHeader: true}},
	} {
		c := start(t, test.options)
		c.SetAPIFault(test.fault)
		if test.node != 0 {
			c.SetAPINode(test.node)
		}
		answer, err := http.DefaultTransport.RoundTrip(request(t, c, "GET", "", ""))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if got := answer.Header.Get("Octopus-Node"); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

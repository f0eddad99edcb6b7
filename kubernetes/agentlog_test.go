package kubernetes

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const startOfLog = `Tentacle is already configured and registered with server.
Starting Octopus Deploy Kubernetes Tentacle
2026-11-26 10:00:01.1000 | INFO  | Agent will trust Octopus Servers with the thumbprint: A9A8E6B1F2C34D5E6F708192A3B4C5D6E7F80910
2026-11-26 10:00:01.2000 | INFO  | Agent will poll Octopus Server at https://octo1:10943 for subscription poll://abc/ expecting thumbprint A9A8E6B1F2C34D5E6F708192A3B4C5D6E7F80910
2026-11-26 10:00:01.3000 | INFO  | Starting 5 polling connections
2026-11-26 10:00:01.4000 | INFO  | Agent will poll Octopus Server at https://octo2:10943/ for subscription poll://abc/ expecting thumbprint A9A8E6B1F2C34D5E6F708192A3B4C5D6E7F80910
2026-11-26 10:00:02.0000 | INFO  | https://octo1:10943/              8  Secure connection established. Server at [::ffff:10.0.0.1]:10943 identified by thumbprint: A9A8E6B1F2C34D5E6F708192A3B4C5D6E7F80910, using protocol Tls13
`

func TestALogSaysWhatTheAgentPolls(t *testing.T) {
	t.Parallel()
	l := parseLog([]byte(startOfLog))
	want := []Poll{
		{"https://octo1:10943", "poll://abc/", "A9A8E6B1F2C34D5E6F708192A3B4C5D6E7F80910"},
		{"https://octo2:10943/", "poll://abc/", "A9A8E6B1F2C34D5E6F708192A3B4C5D6E7F80910"},
	}
	if diff := cmp.Diff(want, l.Polls); diff != "" || !l.Started {
		t.Errorf("started %v, polls (-want +got):\n%s", l.Started, diff)
	}
	for _, c := range []struct {
		name, log string
		started   bool
	}{
		{"the agent trusts nobody", "2026-11-26 10:00:01.1000 | INFO  | The agent is not configured to trust any Octopus Servers.\n", true},
		{"with the numbers of process and thread", "2026-11-26 10:00:01.1000      1      7  INFO  The agent is not configured to trust any Octopus Servers.\n", true},
		{"the container is being prepared", "Rehashing SSL/TLS certificates\n", false},
		{"the beginning is gone", "2026-11-26 10:00:02.0000 | INFO  | https://octo1:10943/    8  Secure connection established. Server at\n", false},
		{"empty", "", false},
	} {
		if l := parseLog([]byte(c.log)); l.Started != c.started || len(l.Polls) > 0 {
			t.Errorf("%s: started %v, polls %v", c.name, l.Started, l.Polls)
		}
	}
}

// The lines are those of Halibut 9, with the times that the API adds.
func TestALogSaysWhatGoesWrongAtANode(t *testing.T) {
	t.Parallel()
	const thumbprint = "1111111111111111111111111111111111111111"
	for _, c := range []struct {
		name, lines, want, presented string
		failures                     int
	}{
		{
			name: "refused",
			lines: `2026-11-26T10:00:05.1Z 2026-11-26 10:00:05.1000 | ERROR | https://octo2:10943/              9  The remote host at https://octo2:10943/ refused the connection. This may mean that the expected listening service is not running.
2026-11-26T10:00:05.2Z 2026-11-26 10:00:05.2000 | ERROR | https://octo2:10943/              9  Halibut client exception: An error occurred when sending a request to 'https://octo2:10943/', after the request began: Connection refused [::ffff:10.0.0.2]:10943. Retrying in 5.0 seconds
2026-11-26T10:00:05.2Z Halibut.HalibutClientException: An error occurred when sending a request to 'https://octo2:10943/'
2026-11-26T10:00:05.2Z  ---> System.Net.Sockets.SocketException (111): Connection refused
`,
			want: "Connection refused [::ffff:10.0.0.2]:10943", failures: 1,
		},
		{
			name:      "another certificate",
			lines:     "2026-11-26 10:00:05.2000 | ERROR | https://octo2:10943/   9  Halibut client exception: An error occurred when sending a request to 'https://octo2:10943/', before the request could begin: The server at https://octo2:10943/ presented an unexpected security certificate. We expected the server to present a certificate with the thumbprint 'A9A8E6B1F2C34D5E6F708192A3B4C5D6E7F80910'. Instead, it presented a certificate with a thumbprint of '" + thumbprint + "' and subject 'CN=Octopus Portal'. This usually happens. Retrying in 5.0 seconds\n",
			want:      "The server at https://octo2:10943/ presented an unexpected security certificate. We expected the server to present a certificate with the thumbprint 'A9A8E6B1F2C34D5E6F708192A3B4C5D6E7F80910'. Instead, it presented a certificate with a thumbprint of '" + thumbprint + "' and subject 'CN=Octopus Portal'. This usually happens",
			presented: thumbprint, failures: 1,
		},
		{
			name: "the cause is in the next line",
			lines: `2026-11-26 10:00:05.2000 | ERROR | https://octo2:10943/   9  Exception in the polling loop. Retrying in 5.0 seconds. This may be cause by a network error and usually rectifies itself.
System.InvalidOperationException: The connection is gone.
   at Halibut.Transport
2026-11-26 10:00:06.0000 | INFO  | Something else
`,
			want: "The connection is gone", failures: 1,
		},
		{
			name: "an older Halibut",
			lines: `2026-11-26 10:00:05.2000 | ERROR | https://octo2:10943/   9  Exception in the polling loop, sleeping for 5 seconds. This may be cause by a network error.
Halibut.HalibutClientException: An error occurred when sending a request to 'https://octo2:10943/', before the request could begin: No such host is known
2026-11-26 10:00:10.2000 | ERROR | https://octo2:10943/   9  Exception in the polling loop, sleeping for 5 seconds. This may be cause by a network error.
Halibut.HalibutClientException: An error occurred when sending a request to 'https://octo2:10943/', before the request could begin: No such host is known
`,
			want: "No such host is known", failures: 2,
		},
	} {
		l := parseLog([]byte(startOfLog + c.lines))
		n := l.Node("https://OCTO2:10943")
		if n == nil {
			t.Errorf("%s: nothing is known of the node", c.name)
			continue
		}
		if !n.Failing() || n.Error != c.want || n.Failures != c.failures || n.Presented != c.presented {
			t.Errorf("%s: failing %v, %d failures, presented %q, error\n%s, want\n%s", c.name, n.Failing(), n.Failures, n.Presented, n.Error, c.want)
		}
		if one := l.Node("https://octo1:10943/"); one == nil || one.Failing() || one.Connected.IsZero() {
			t.Errorf("%s: the node that is connected is %+v", c.name, one)
		}
	}
}

func TestANodeThatWasConnectedAgainDoesNotFail(t *testing.T) {
	t.Parallel()
	l := parseLog([]byte(`2026-11-26 10:00:05.2000 | ERROR | https://octo1:10943/   9  Halibut client exception: x. Retrying in 5.0 seconds
2026-11-26 10:00:11.0000 | INFO  | https://octo1:10943/   9  Secure connection established. Server at x
`))
	if n := l.Node("https://octo1:10943/"); n.Failing() || n.Failures != 1 {
		t.Errorf("%+v", n)
	}
}

func TestWhatTheEndOfALogRepeatsOfItsStartCountsOnce(t *testing.T) {
	t.Parallel()
	start := "2026-11-26T10:00:05.1Z 2026-11-26 10:00:05.1000 | ERROR | https://octo1:10943/   9  Halibut client exception: x. Retrying in 5.0 seconds\n"
	end := strings.ReplaceAll(start, "05.1", "06.1")
	if n := parseLog([]byte(start+end), []byte(start+end)).Node("https://octo1:10943/"); n.Failures != 2 {
		t.Errorf("%d failures, want 2", n.Failures)
	}
	n := parseLog([]byte(start), []byte(start+end)).Node("https://octo1:10943/")
	if want := time.Date(2026, 11, 26, 10, 0, 6, 100_000_000, time.UTC); n.Failures != 2 || !n.Failed.Equal(want) {
		t.Errorf("%d failures, the last at %v, want 2 and %v", n.Failures, n.Failed, want)
	}
}

func FuzzParseLog(f *testing.F) {
	f.Add([]byte(startOfLog))
	f.Add([]byte("2026-11-26T10:00:05.2Z 2026-11-26 10:00:05.2000 | ERROR | https://octo2:10943/   9  Exception in the polling loop, sleeping\nA.BException: C\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		l := parseLog(log)
		if !l.Started && len(l.Polls) > 0 {
			t.Errorf("polls %v, and did not start", l.Polls)
		}
		for _, n := range l.Nodes {
			if n.Failures == 0 && n.Error != "" {
				t.Errorf("%+v", n)
			}
		}
	})
}

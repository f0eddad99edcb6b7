package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

const ownSubscription = "poll://g3662re9njtelsyfhm7t/"

// startFor starts a cluster for a test. It skips the test where all nodes have one host, unless
// that is how it has to be.
func startFor(t *testing.T, o octotest.Options) *octotest.Cluster {
	t.Helper()
	cluster, err := octotest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	if hosts := hostsOf(cluster.Addresses()); !o.NAT && len(hosts) == 1 {
		t.Skip("all nodes have one host here")
	}
	return cluster
}

// snapshotOf is a snapshot of a Tentacle that polls these addresses, before anything was asked.
func snapshotOf(t *testing.T, cluster *octotest.Cluster, addresses ...string) *snapshot {
	t.Helper()
	s := &snapshot{}
	s.Now = time.Now()
	s.Tentacle = suggest.Tentacle{Service: "octo-tentacle-no-such-service"}
	s.place = filePlace{Tentacle: s.Tentacle}
	var err error
	if s.certificate, err = tentacleconfig.NewCertificate(s.Now); err != nil {
		t.Fatal(err)
	}
	s.Thumbprint = s.certificate.Thumbprint()
	for _, address := range addresses {
		s.Servers = append(s.Servers, tentacleconfig.TrustedServer{
			Thumbprint: cluster.Thumbprint(), Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: ownSubscription})
	}
	s.Ports = check.PortsOf(s.Servers)
	return s
}

// askedWith asks everything, with the API.
func (s *snapshot) askedWith(t *testing.T, cluster *octotest.Cluster, o octoapi.Options) *snapshot {
	t.Helper()
	c := newConsole(strings.NewReader(""), io.Discard, io.Discard)
	o.Server, o.Proxy = cmp.Or(o.Server, cluster.URL()), func(*url.URL) (*url.URL, error) { return nil, nil }
	options := o
	o.Credentials.APIKey = octotest.APIKey
	client, err := octoapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.server = &connection{Client: client, network: &network{console: c, timeout: time.Minute}, options: options}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.ask(ctx, func(octoapi.Port) {})
	return s
}

func TestCheckLearnsWhichNodeIsWhere(t *testing.T) {
	t.Parallel()
	for _, o := range []octotest.Options{{}, {TLS: true, Balanced: true, Path: "/octopus"}} {
		cluster := startFor(t, o)
		s := snapshotOf(t, cluster, cluster.Addresses()...)
		register := func(name, subscription string) {
			t.Helper()
			if err := cluster.AddMachine(octotest.Machine{Name: name, Thumbprint: s.Thumbprint, Subscription: subscription}); err != nil {
				t.Fatal(err)
			}
		}
		register("web1", ownSubscription)
		cluster.AddHealthCheck(3, time.Hour, false)
		register("twin", "poll://another0123456789012/")
		cluster.AddHealthCheck(2, 25*time.Hour, false)
		cluster.SetClock(5 * time.Minute)
		cluster.SetServerNode(2, octotest.ServerNode{Maintenance: true})
		cluster.ResetRequests()
		s.askedWith(t, cluster, octoapi.Options{IgnoreSSLErrors: true})

		for i, p := range s.Ports {
			name := fmt.Sprintf("node%d", i+1)
			if p.Err != nil || p.HostErr != nil || !p.AskedIt || p.Trust.Trust != octoapi.Trusted {
				t.Errorf("%+v: %+v", o, p)
			}
			if remote := strings.TrimPrefix(p.Address, "https://"); p.Answer.Remote != remote || p.Trust.Remote != remote {
				t.Errorf("%+v: %s leads to %q and %q", o, p.Address, p.Answer.Remote, p.Trust.Remote)
			}
			if p.Host.Node.Name != name || !p.Host.Verified || p.Host.Node.InMaintenanceMode != (i == 1) {
				t.Errorf("%+v: at %s there is %+v", o, p.Address, p.Host)
			}
		}
		if s.API.Err != nil || len(s.API.Nodes) != 3 || s.API.Queues.State != coverage.NotShared {
			t.Errorf("%+v: %+v", o, s.API)
		}
		if checks := s.API.HealthChecks; s.API.HealthChecksErr != nil || len(checks) != 1 || !s.API.Nodes[2].Is(checks[0].ServerNode) {
			t.Errorf("%+v: health checks %+v, %v", o, checks, s.API.HealthChecksErr)
		}
		if ahead := s.API.ClockAhead.Round(time.Minute); !s.API.ClockKnown || ahead != 5*time.Minute {
			t.Errorf("%+v: the clock is %v ahead", o, ahead)
		}
		mustAskOnce(t, cluster)
		if logged := cluster.LoggedErrors(); len(logged) > 0 {
			t.Errorf("%+v: %q", o, logged)
		}
	}
}

// mustAskOnce says that nothing was asked twice, and that the key went to the API alone.
func mustAskOnce(t *testing.T, cluster *octotest.Cluster) {
	t.Helper()
	seen := map[string]int{}
	for _, r := range cluster.Requests() {
		what := fmt.Sprint(r.Address, " ", r.Method, " ", r.Path, " ", r.Line, " ", r.Credential)
		most := 1
		if strings.HasSuffix(r.Path, "/ping") { // a load balancer leads to several nodes
			most = timesToAsk
		}
		if seen[what]++; seen[what] > most {
			t.Errorf("asked %d times: %s", seen[what], what)
		}
		if own := r.Method != "" && r.Address != "" || strings.HasSuffix(r.Path, "/ping"); own && len(r.Credential) > 0 {
			t.Errorf("a key was sent: %s", what)
		}
	}
}

func TestHostsAreAskedWhereTheAPIRedirects(t *testing.T) {
	t.Parallel()
	cluster := startFor(t, octotest.Options{TLS: true, Balanced: true})
	u, err := url.Parse(cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(u.Hostname(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	plain := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, cluster.URL()+r.URL.Path, http.StatusMovedPermanently)
	})}
	t.Cleanup(func() { _ = plain.Close() })
	go func() { _ = plain.Serve(l) }()
	s := snapshotOf(t, cluster, cluster.Addresses()...).askedWith(t, cluster, octoapi.Options{Server: "http://" + l.Addr().String(), IgnoreSSLErrors: true})
	for i, p := range s.Ports {
		if name := fmt.Sprintf("node%d", i+1); p.HostErr != nil || p.Host.Node.Name != name {
			t.Errorf("at %s there is %+v, %v", p.Address, p.Host, p.HostErr)
		}
	}
}

func TestWithoutAKeyTheHostsAreAskedOverHTTPSAndThePortsAsEver(t *testing.T) {
	t.Parallel()
	cluster := startFor(t, octotest.Options{})
	s := snapshotOf(t, cluster, cluster.Addresses()[0])
	s.certificate = nil
	s.ask(t.Context(), func(octoapi.Port) {})
	p := s.Ports[0]
	if p.Err != nil || p.Answer.Remote == "" || p.AskedIt {
		t.Errorf("%+v", p)
	}
	refused, is := errors.AsType[*octoapi.UnreachableError](p.HostErr)
	if host := hostsOf([]string{p.Address})[0]; !is || refused.Server != "https://"+host {
		t.Errorf("the host: %+v, %v", p.Host, p.HostErr)
	}
}

func TestAHostOfSeveralPortsIsNotAskedWhichNodeItIs(t *testing.T) {
	t.Parallel()
	cluster := startFor(t, octotest.Options{NAT: true})
	s := snapshotOf(t, cluster, cluster.Addresses()...).askedWith(t, cluster, octoapi.Options{})
	for _, p := range s.Ports {
		if !errors.Is(p.HostErr, errSharedHost) || p.Err != nil {
			t.Errorf("%+v", p)
		}
	}
	for _, r := range cluster.Requests() {
		if strings.HasSuffix(r.Path, "/ping") {
			t.Errorf("%s %s", r.Address, r.Path)
		}
	}
}

func TestEachNodeThatCanBeAskedSaysWhetherItsQueuesAreShared(t *testing.T) {
	t.Parallel()
	balanced := octotest.Options{Balanced: true, SharedQueues: true}
	for name, test := range map[string]struct {
		cluster octotest.Options
		oneHost bool // all polled addresses have one
		setup   func(*octotest.Cluster)
		want    coverage.Sharing
		why     string
		unasked string
	}{
		"none":                    {cluster: octotest.Options{Balanced: true}, want: coverage.NotShared, why: "do not share"},
		"all":                     {cluster: balanced, want: coverage.Shared},
		"some":                    {cluster: balanced, setup: func(c *octotest.Cluster) { c.SetNodeQueues(2, 404) }, want: coverage.PartlyShared, why: ".2 does not share"},
		"one refuses":             {cluster: octotest.Options{SharedQueues: true}, setup: func(c *octotest.Cluster) { c.SetNodeQueues(3, 403) }, want: coverage.Shared, unasked: ".3"},
		"the API refuses":         {cluster: balanced, setup: func(c *octotest.Cluster) { c.SetAPIFault(octotest.APIFault{Path: "/redis", Status: 403}) }, want: coverage.Unknown, why: "not known"},
		"a host is closed":        {cluster: octotest.Options{SharedQueues: true}, setup: closeWebPort(2), want: coverage.Shared, unasked: ".2"},
		"which is reached":        {cluster: balanced, setup: closeWebPort(2), want: coverage.Shared},
		"which is reached, alone": {cluster: balanced, setup: func(c *octotest.Cluster) { closeWebPort(2)(c); c.SetNodeQueues(2, 404) }, want: coverage.PartlyShared, why: "node2 does not share"},
		"behind one address":      {cluster: balanced, oneHost: true, want: coverage.Shared},
		"some behind it":          {cluster: balanced, oneHost: true, setup: func(c *octotest.Cluster) { c.SetNodeQueues(3, 404) }, want: coverage.PartlyShared, why: "node3 does not share"},
		"behind it one refuses":   {cluster: balanced, oneHost: true, setup: func(c *octotest.Cluster) { c.SetNodeQueues(3, 500) }, want: coverage.Shared, unasked: "node3"},
		"behind it is one":        {cluster: octotest.Options{SharedQueues: true}, oneHost: true, want: coverage.Shared, unasked: "node2, node3"},
		"of unknown nodes":        {cluster: octotest.Options{SharedQueues: true, NoNodeHeader: true}, oneHost: true, want: coverage.Shared},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startFor(t, test.cluster)
			polled := cluster.Addresses()
			if test.oneHost {
				polled = polled[:1]
			}
			if test.setup != nil {
				test.setup(cluster)
			}
			var got coverage.Queues
			for range 20 { // which node behind a load balancer answers first, and decides, is chance
				got = snapshotOf(t, cluster, polled...).askedWith(t, cluster, octoapi.Options{}).API.Queues
				if got.State == test.want {
					break
				}
			}
			unasked := slices.Clone(got.Unasked)
			for i, host := range unasked {
				if at := strings.LastIndex(host, "."); at >= 0 {
					unasked[i] = host[at:]
				}
			}
			if got.State != test.want || !strings.Contains(got.Why, test.why) || strings.Join(unasked, ", ") != test.unasked {
				t.Errorf("%+v", got)
			}
			for _, r := range cluster.Requests() {
				if strings.HasSuffix(r.Path, "/redis") && len(r.Credential) > 0 && r.Address != "" {
					t.Errorf("a key was sent to %s", r.Address)
				}
			}
		})
	}
}

func closeWebPort(n int) func(*octotest.Cluster) {
	return func(c *octotest.Cluster) { _ = c.SetWebPort(n, octotest.WebPort{Closed: true}) }
}

// TestAPortThatHangsIsWaitedForOnce: the two questions to it wait at the same time.
func TestAPortThatHangsIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	cluster := startFor(t, octotest.Options{})
	hanging, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	waiting, most := make(chan int), make(chan int)
	go func() {
		now, atOnce := 0, 0
		for change := range waiting {
			now += change
			atOnce = max(atOnce, now)
		}
		most <- atOnce
	}()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			connection, err := hanging.Accept()
			if err != nil {
				return
			}
			waiting <- +1
			all.Go(func() {
				_, _ = io.Copy(io.Discard, connection) // until the other side gives up
				waiting <- -1
			})
		}
	})
	s := snapshotOf(t, cluster, append(cluster.Addresses(), "https://"+hanging.Addr().String())...).askedWith(t, cluster, octoapi.Options{})
	hanging.Close()
	all.Wait()
	close(waiting)
	if n := <-most; n < 2 {
		t.Errorf("%d questions waited at the same time", n)
	}
	if hangs := s.Ports[len(s.Ports)-1]; hangs.Err == nil || hangs.Trust.Trust != octoapi.NoAnswer {
		t.Errorf("%+v", hangs)
	}
}

func TestOldHealthChecksProveNothing(t *testing.T) {
	now := time.Date(2026, 8, 2, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, test := range map[string]struct{ started, modified, want time.Time }{
		"nothing is known":         {want: ago(24 * time.Hour)},
		"a change after the start": {ago(3 * time.Hour), ago(time.Hour), ago(time.Hour)},
		"a restart after a change": {ago(time.Hour), ago(3 * time.Hour), ago(time.Hour)},
		"only the file":            {time.Time{}, ago(time.Hour), ago(time.Hour)},
		"both long ago":            {ago(100 * time.Hour), ago(200 * time.Hour), ago(24 * time.Hour)},
	} {
		if got := provesSince(now, test.started, test.modified); !got.Equal(test.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	s := &snapshot{}
	s.Now, s.Service.Started, s.API.ClockAhead = now, ago(time.Hour), 10*time.Minute
	kept := s.recent([]octoapi.Task{{ID: "after", Started: ago(40 * time.Minute)}, {ID: "before", Started: ago(55 * time.Minute)}, {ID: "unknown"}})
	if len(kept) != 1 || kept[0].ID != "after" {
		t.Errorf("by a clock that is ahead: %+v", kept)
	}
}

package octoapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestAFaultOfTheAPIIsNamed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault octotest.APIFault
		want  []string
		is    error
	}{
		"a proxy's login page": {octotest.APIFault{HTML: true}, []string{`a web page, "Sign in & continue - Example Proxy"`, "login page", "/api"}, ErrNotOctopus},
		"half an answer":       {octotest.APIFault{TruncatedJSON: true}, []string{"incomplete JSON", "bytes"}, nil},
		"500":                  {octotest.APIFault{Status: 500, ErrorMessage: "SQL is full"}, []string{"failed (500 Internal Server Error)", "SQL is full", "Diagnostics"}, nil},
		"404":                  {octotest.APIFault{Status: 404, ErrorMessage: "Nothing here"}, []string{"/api (404)", "Nothing here"}, ErrNotFound},
		"another program":      {octotest.APIFault{NotOctopus: true}, []string{"is not an Octopus Server"}, ErrNotOctopus},
		"version 2":            {octotest.APIFault{Version: "2.6.5.1010"}, []string{"version 2.6.5.1010", "too old", "3.0 or later"}, nil},
		"no version":           {octotest.APIFault{Version: "unknown"}, []string{"reports a version that is not one of Octopus Server", "unknown"}, ErrNotOctopus},
		"not permitted": {octotest.APIFault{Path: "certificate-global", MissingPermission: "CertificateView"},
			[]string{"does not let the account of the API key see the cluster's certificate (403 on GET /api/configuration/certificates/certificate-global)",
				"Missing permission: CertificateView", "role has CertificateView"}, ErrForbidden},
		"another thumbprint": {octotest.APIFault{Thumbprint: "not forty digits"}, []string{"not forty digits", "40 hexadecimal digits"}, nil},
		"no permission known": {octotest.APIFault{Path: "/users/me", Status: 403, ErrorMessage: "Go away"},
			[]string{"does not permit GET /api/users/me to the account of the API key (403): Go away", "role permits it"}, ErrForbidden},
		"a gateway's 403": {octotest.APIFault{Path: "/users/me", Status: 403, HTML: true},
			[]string{`refused GET /api/users/me (403), with the page "Sign in & continue - Example Proxy"`, "proxy or firewall"}, ErrForbidden},
		"a gateway's login": {octotest.APIFault{Status: 401, HTML: true},
			[]string{`does not accept the API key (401), with the page "Sign in & continue - Example Proxy"`, "may require credentials of its own"}, ErrUnauthorized},
		"408 without a text": {octotest.APIFault{Status: 408, Path: "/users/me"}, []string{"is not available (408 Request Timeout)"}, nil},
		"an odd status":      {octotest.APIFault{Status: 418}, []string{"418", "refused GET /api"}, nil},
		"the key repeated": {octotest.APIFault{Path: "me", Status: 500, ErrorMessage: "header X-Octopus-ApiKey: " + octotest.APIKey + " cut"},
			[]string{"X-Octopus-ApiKey: *** cut"}, nil},
		"the key in pieces": {octotest.APIFault{Path: "me", Status: 500, ErrorMessage: strings.Repeat("x", maxQuote-10) + octotest.APIKey}, []string{"xxx***"}, nil},
		"terminal escapes":  {octotest.APIFault{Status: 500, ErrorMessage: "\x1b[2Jgone\r\n\x00next\u202e"}, []string{"[2Jgone next"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, octotest.Options{})
			cluster.SetAPIFault(test.fault)
			limit := time.Minute
			if test.fault.Status == http.StatusRequestTimeout {
				limit = 2 * time.Second // repeated until then
			}
			err := ask(deadline(t, limit), newClient(t, Options{Server: cluster.URL()}))
			mustSay(t, err, test.want...)
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\x00\r\u202e") {
				t.Errorf("unprintable: %q", err)
			}
			if strings.Contains(err.Error(), octotest.APIKey[:10]) {
				t.Errorf("shows a part of the key: %v", err)
			}
		})
	}
}

func TestAWrongCredentialIsNamedWithItsKind(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	for kind, k := range map[CredentialKind]Credentials{
		WithAPIKey:      {APIKey: "NOKEY-WRONG"},
		WithBearerToken: {BearerToken: "wrong"},
		WithPassword:    {Username: "admin", Password: "wrong"},
	} {
		err := ask(t.Context(), newClient(t, Options{Server: cluster.URL(), Credentials: k}))
		mustSay(t, err, "401", cluster.URL(), "does not accept the "+k.String())
		if said := strings.Contains(withHints(err), "an API key begins with API-"); said != (kind == WithAPIKey) {
			t.Errorf("%s", withHints(err))
		}
		refused, is := errors.AsType[*StatusError](err)
		if !errors.Is(err, ErrUnauthorized) || !is || refused.Credential != kind {
			t.Errorf("%v is not ErrUnauthorized, of the %s", err, kind)
		}
	}
}

func TestAServerThatCannotBeReachedIsNamedWithTheCause(t *testing.T) {
	t.Parallel()
	tls := startCluster(t, octotest.Options{TLS: true})
	plain := startCluster(t, octotest.Options{})
	free := freeAddress(t)
	for name, test := range map[string]struct {
		server string
		reason Reason
		want   []string
	}{
		"nothing listens": {"http://" + free, Refused, []string{"nothing listens on " + free, "refused", "tried"}},
		"no such name":    {"http://octopus.invalid", NameNotFound, []string{"octopus.invalid", "DNS"}},
		"https to plain":  {strings.Replace(plain.URL(), "http:", "https:", 1), NotTLS, []string{"does not speak TLS"}},
		"http to TLS":     {strings.Replace(tls.URL(), "https:", "http:", 1), NeedsHTTPS, []string{"speaks https, not http"}},
		"a certificate unknown": {tls.URL(), Untrusted, []string{"is not trusted", "does not know its issuer", "subject CN=octotest API", "issuer CN=octotest CA",
			"names localhost", "thumbprint"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ask(deadline(t, time.Minute), newClient(t, Options{Server: test.server}))
			mustSay(t, err, test.want...)
			unreachable, is := errors.AsType[*UnreachableError](err)
			if !is || unreachable.Server != test.server || unreachable.Reason != test.reason {
				t.Errorf("%#v", err)
			}
			if is && unreachable.MaybeHTTPS {
				t.Errorf("not for what is known: %v", err)
			}
		})
	}
}

func TestACertificateForAnotherNameIsNamed(t *testing.T) {
	cluster := startCluster(t, octotest.Options{TLS: true})
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS() // for example.com and 127.0.0.1
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("only one loopback address here")
	}
	defer l.Close()
	go pipe(l, "127.0.0.1:"+port)
	p := pool(t, cluster)
	p.AddCert(server.Certificate())
	mustSay(t, ask(deadline(t, time.Minute), newClient(t, Options{Server: "https://" + l.Addr().String(), RootCAs: p})), "it is for another name", "names example.com")
}

// pipe passes connections on, as a load balancer does.
func pipe(l net.Listener, to string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			_ = in.Close()
			continue
		}
		go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
	}
}

func TestAnUntrustedCertificateCanBeTrustedOrIgnored(t *testing.T) {
	cluster := startCluster(t, octotest.Options{TLS: true})
	if err := ask(t.Context(), newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster)})); err != nil {
		t.Error(err)
	}
	if err := ask(t.Context(), newClient(t, Options{Server: cluster.URL(), IgnoreSSLErrors: true})); err != nil {
		t.Error(err)
	}
}

func TestAHangIsNamedWithItsTime(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	cluster.SetAPIFault(octotest.APIFault{Hang: true})
	err := ask(deadline(t, time.Second), newClient(t, Options{Server: cluster.URL()}))
	mustSay(t, err, "no response from", "within ")
	if late, is := errors.AsType[*UnreachableError](err); !is || late.Reason != TimedOut || !late.MaybeHTTPS {
		t.Errorf("%#v", err)
	}
}

func TestAnInterruptSaysSoAtOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]octotest.APIFault{
		"while nothing comes":          {Hang: true},
		"while waiting for a next try": {Status: 503, RetryAfter: "30"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := startCluster(t, octotest.Options{})
			cluster.SetAPIFault(fault)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			started := time.Now()
			err := ask(ctx, newClient(t, Options{Server: cluster.URL()}))
			mustSay(t, err, "interrupted")
			if took := time.Since(started); !errors.Is(err, context.Canceled) || took > 5*time.Second {
				t.Errorf("%v after %s", err, took)
			}
		})
	}
}

func TestADeadlineIsOverTheMomentItPasses(t *testing.T) {
	ctx := deadline(t, time.Millisecond)
	for !deadlinePassed(ctx) { // and not until ctx.Err() tells it, which is later
		time.Sleep(10 * time.Microsecond)
	}
	if deadlinePassed(t.Context()) || deadlinePassed(deadline(t, time.Hour)) {
		t.Error("a deadline that is not over")
	}
}

func TestAReadIsRepeatedUntilItSucceeds(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]octotest.APIFault{
		"408":         {Status: 408, First: 2},
		"429":         {Status: 429, First: 2},
		"502":         {Status: 502, First: 2},
		"503":         {Status: 503, First: 2},
		"504":         {Status: 504, First: 2},
		"a cut":       {CutConnection: true, First: 2},
		"lost answer": {LostAnswer: true, First: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, octotest.Options{})
			cluster.SetAPIFault(fault)
			var waits atomic.Int32
			client := newClient(t, Options{Server: cluster.URL(), Waiting: func(what string) {
				waits.Add(1)
				if !strings.Contains(what, "trying again") {
					t.Errorf("progress %q", what)
				}
			}})
			if err := ask(deadline(t, time.Minute), client); err != nil {
				t.Fatal(err)
			}
			if waits.Load() < 1 {
				t.Error("no wait was told")
			}
		})
	}
}

func TestAReadThatNeverSucceedsEndsAtTheDeadlineWithTheLastCause(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	cluster.SetAPIFault(octotest.APIFault{Status: 503, ErrorMessage: "upgrading"})
	started := time.Now()
	err := ask(deadline(t, 3*time.Second), newClient(t, Options{Server: cluster.URL()}))
	mustSay(t, err, "not available (503 Service Unavailable): upgrading", "try again later")
	if refused, is := errors.AsType[*StatusError](err); !is || !refused.Repeated {
		t.Errorf("%#v", err)
	}
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
	if n := len(cluster.Requests()); n < 3 {
		t.Errorf("only %d tries", n)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]func() string{
		"seconds": func() string { return "1" },
		"date":    func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) }, // of whole seconds
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, octotest.Options{})
			var took time.Duration
			// On a busy machine the refusal may come so late that the same is asked beside it.
			for range 5 {
				cluster.SetAPIFault(octotest.APIFault{Status: 429, RetryAfter: value(), First: 1})
				started := time.Now()
				if _, err := newClient(t, Options{Server: cluster.URL()}).Root(deadline(t, time.Minute)); err != nil {
					t.Fatal(err)
				}
				if took = time.Since(started); took >= 500*time.Millisecond {
					return
				}
			}
			t.Errorf("asked again after %s", took)
		})
	}
}

func TestARetryAfterBeyondTheDeadlineIsNotWaitedFor(t *testing.T) {
	for value, want := range map[string]string{
		"3600":                          "asks to wait 1h0m0s",
		"99999999999999999999999":       "asks to wait for more than a day",
		"Fri, 31 Dec 9999 23:59:59 GMT": "asks to wait for more than a day",
	} {
		t.Run(value, func(t *testing.T) {
			cluster := startCluster(t, octotest.Options{})
			cluster.SetAPIFault(octotest.APIFault{Status: 429, RetryAfter: value})
			started := time.Now()
			_, err := newClient(t, Options{Server: cluster.URL()}).Root(deadline(t, time.Minute))
			mustSay(t, err, "429", want)
			if took := time.Since(started); took > 30*time.Second || len(cluster.Requests()) != 1 {
				t.Errorf("%d requests in %s", len(cluster.Requests()), took)
			}
		})
	}
}

// receiver records what reaches another host.
func receiver(t *testing.T) (*httptest.Server, *atomic.Int32) {
	var reached atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		for _, name := range []string{"X-Octopus-Apikey", "Authorization", "Cookie"} {
			if r.Header.Get(name) != "" {
				t.Errorf("another host was sent %s", name)
			}
		}
	}))
	t.Cleanup(s.Close)
	return s, &reached
}

func TestARedirectElsewhereIsNotFollowed(t *testing.T) {
	other, reached := receiver(t)
	for name, k := range map[string]Credentials{
		"API key": {APIKey: octotest.APIKey}, "token": {BearerToken: octotest.BearerToken}, "login": {Username: octotest.Username, Password: octotest.Password},
	} {
		for _, path := range []string{"/api", "users/me", "certificate-global"} {
			t.Run(name+path, func(t *testing.T) {
				cluster := startCluster(t, octotest.Options{})
				cluster.SetAPIFault(octotest.APIFault{RedirectTo: other.URL + "/login?token=secret", Path: path})
				mustSay(t, ask(t.Context(), newClient(t, Options{Server: cluster.URL(), Credentials: k})), "redirects to "+other.URL+"/login", "another", "nothing secret was sent there")
			})
		}
	}
	if reached.Load() != 0 {
		t.Errorf("the other host was asked %d times", reached.Load())
	}
}

func TestAWriteIsNotRedirected(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			cluster := startCluster(t, octotest.Options{})
			space := openSpace(t, cluster, "")
			cluster.ResetRequests()
			cluster.SetAPIFault(octotest.APIFault{RedirectTo: cluster.URL() + "/elsewhere", Status: status, Write: true})
			_, err := space.Machines(Target).Save(t.Context(), Machine{Name: "web01"})
			mustSay(t, err, "redirects to", "/elsewhere")
			if n := len(cluster.Requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestHTTPThatLeadsToHTTPSIsFollowedBeforeAnySecretIsSent(t *testing.T) {
	cluster := startCluster(t, octotest.Options{TLS: true})
	host, _, _ := net.SplitHostPort(strings.TrimPrefix(cluster.URL(), "https://"))
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	open := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Octopus-Apikey") != "" {
			t.Error("the key went over an open connection")
		}
		http.Redirect(w, r, cluster.URL()+r.URL.Path, http.StatusMovedPermanently)
	})}}
	open.Start()
	defer open.Close()
	client := newClient(t, Options{Server: open.URL, RootCAs: pool(t, cluster)})
	if err := ask(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	space, err := client.Space(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := space.Machines(Target).Save(t.Context(), Machine{Name: "web01"}); err != nil {
		t.Error(err)
	}
	if client.URL() != cluster.URL() {
		t.Errorf("the base is %s", client.URL())
	}
}

func TestRedirectsWithinTheServer(t *testing.T) {
	parse := func(s string) *url.URL { u, _ := url.Parse(s); return u }
	for _, test := range []struct {
		method, from, to string
		followed         bool
	}{
		{"GET", "https://octo/api", "https://octo/api/", true},
		{"GET", "https://OCTO/api", "https://octo/api/", true},
		{"GET", "https://octo/api", "https://octo:443/api/", true},
		{"GET", "http://octo:80/api", "http://octo/api/", true},
		{"GET", "http://octo/api", "http://octo:443/api/", false},
		{"GET", "http://octo/api", "https://octo/api", true},
		{"GET", "http://octo:8080/api", "https://OCTO:8443/api", true},
		{"GET", "https://octo/api", "http://octo/api", false},
		{"GET", "https://octo/api", "https://octo:8443/api", false},
		{"GET", "https://octo/api", "https://octo.evil.example/api", false},
		{"GET", "http://octo/api", "https://login.example.com/", false},
		{"POST", "https://octo/api", "https://octo/api/", false},
	} {
		via := []*http.Request{{Method: test.method, URL: parse(test.from)}}
		if err := checkRedirect(&http.Request{URL: parse(test.to)}, via); (err == nil) != test.followed {
			t.Errorf("%s %s to %s: %v", test.method, test.from, test.to, err)
		}
	}
}

func TestARedirectLoopEnds(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	cluster.SetAPIFault(octotest.APIFault{RedirectTo: cluster.URL()})
	mustSay(t, ask(deadline(t, time.Minute), newClient(t, Options{Server: cluster.URL()})), "redirect in a row")
}

func TestAWriteIsSentOnceWhateverHappens(t *testing.T) {
	t.Parallel()
	const unknown = "it is not known whether the deployment target"
	for name, test := range map[string]struct {
		fault octotest.APIFault
		want  []string
	}{
		"the answer is lost":    {octotest.APIFault{LostAnswer: true, Write: true}, []string{unknown, `"web01" was registered`, "Infrastructure in the space Default"}},
		"the answer is cut":     {octotest.APIFault{CutConnection: true, Write: true}, []string{unknown}},
		"half an answer":        {octotest.APIFault{TruncatedJSON: true, Write: true}, []string{unknown, "incomplete JSON"}},
		"unexpected JSON":       {octotest.APIFault{NotOctopus: true, Write: true}, []string{unknown, "not from an Octopus Server"}},
		"a page instead":        {octotest.APIFault{HTML: true, Write: true}, []string{unknown, "web page"}},
		"the gateway gave up":   {octotest.APIFault{Status: 504, Write: true}, []string{unknown, "504"}},
		"no answer in time":     {octotest.APIFault{Hang: true, Write: true}, []string{unknown, "no response"}},
		"too many":              {octotest.APIFault{Status: 429, RetryAfter: "1", Write: true}, []string{"429", "asks to wait 1s: try again then"}},
		"not permitted":         {octotest.APIFault{MissingPermission: "MachineCreate", Write: true}, []string{"403", "MachineCreate"}},
		"refused with a reason": {octotest.APIFault{Status: 400, ErrorMessage: "The name is taken", Write: true}, []string{"400", "The name is taken"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, octotest.Options{})
			space := openSpaceOf(t, newClient(t, Options{Server: cluster.URL()}), "")
			cluster.ResetRequests()
			cluster.SetAPIFault(test.fault)
			wait := time.Minute
			if test.fault.Hang {
				wait = 500 * time.Millisecond
			}
			_, err := space.Machines(Target).Save(deadline(t, wait), Machine{Name: "web01", Endpoint: Endpoint{CommunicationStyle: Polling}})
			mustSay(t, err, test.want...)
			if isUnknown := test.want[0] == unknown; errors.Is(err, ErrOutcomeUnknown) != isUnknown || strings.Contains(err.Error(), unknown) != isUnknown {
				t.Errorf("whether it is known what happened: %v", err)
			}
			if unreachable, is := errors.AsType[*UnreachableError](err); is && unreachable.MaybeHTTPS {
				t.Errorf("offers https, although http has answered: %v", err)
			}
			if n := len(cluster.Requests()); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

func TestAWriteThatNeverLeftHasAKnownOutcome(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	client := newClient(t, Options{Server: cluster.URL()})
	client.resty.SetCloseConnection(true) // on one that is kept it would leave
	space := openSpaceOf(t, client, "")
	cluster.Close()
	// A read uses up what connections are left.
	mustSay(t, client.get(deadline(t, time.Minute), "/api/users/me", new(userResource)), "refused")
	_, err := space.Machines(Target).Save(deadline(t, time.Minute), Machine{Name: "web01"})
	mustSay(t, err, "refused")
	if strings.Contains(err.Error(), "not known") || errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("nothing was sent, but: %v", err)
	}
}

// forgetful answers like an Octopus Server, and drops a connection at the second request on it:
// like a load balancer that has forgotten the connection.
func forgetful(t *testing.T) (url string, writes *atomic.Int32) {
	writes = new(atomic.Int32)
	type connection struct{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			writes.Add(1)
		}
		if r.Context().Value(connection{}).(*atomic.Int32).Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, `{"Id":"Machines-1","Application":"Octopus Deploy","Version":"2025.1","Links":{"Self":"/api"}}`)
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connection{}, new(atomic.Int32))
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, writes
}

func TestAWriteOnAConnectionThatTheServerDroppedIsNeitherLostSilentlyNorSentAgain(t *testing.T) {
	url, sent := forgetful(t)
	client := newClient(t, Options{Server: url})
	if _, err := client.Root(t.Context()); err != nil {
		t.Fatal(err)
	}
	space := &Space{client: client}
	_, err := space.Machines(Target).Save(deadline(t, time.Minute), Machine{Name: "web01"})
	mustSay(t, err, "not known whether")
	if !errors.Is(err, ErrOutcomeUnknown) || sent.Load() != 1 {
		t.Errorf("sent %d times: %v", sent.Load(), err)
	}
}

func TestAfterAPauseAWriteGoesOverAFreshConnection(t *testing.T) {
	short := quick
	short.idle = 10 * time.Millisecond
	url, sent := forgetful(t)
	client := newClient(t, Options{Server: url, timing: short})
	if _, err := client.Root(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * short.idle)
	space := &Space{client: client}
	if err := space.Machines(Target).Delete(deadline(t, time.Minute), Machine{ID: "Machines-1"}); err != nil || sent.Load() != 1 {
		t.Errorf("sent %d times: %v", sent.Load(), err)
	}
}

func TestJSONWithoutTheListAskedForIsNotAnEmptyList(t *testing.T) {
	for _, body := range []string{"null", "{}", `{"Items":null,"TotalResults":0}`, `{"ErrorMessage":"no"}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) }))
		defer server.Close()
		client := newClient(t, Options{Server: server.URL})
		_, _ = client.root.get(t.Context(), func() (Root, error) { return Root{Version: "2025.1", Links: links{"Self": "/api"}}, nil })
		space := &Space{client: client}
		_, err := space.Machines(Target).ByThumbprint(deadline(t, time.Minute), strings.Repeat("A", 40))
		mustSay(t, err, "not from an Octopus Server")
		_, err = space.Tenants(deadline(t, time.Minute), []string{"Acme"})
		mustSay(t, err, "not from an Octopus Server")
		_, err = client.Nodes(deadline(t, time.Minute))
		mustSay(t, err, "lists no nodes")
	}
}

// TestOddBodies: what is JSON of an Octopus Server is taken, whatever it says of itself; nothing
// else is.
func TestOddBodies(t *testing.T) {
	t.Parallel()
	const root = `{"Application":"Octopus Deploy","Version":"2025.1","Links":{"Self":"/api"}}`
	for name, test := range map[string]struct {
		header, body string
		want         string // "" when it is taken
	}{
		"a wrong content type": {"Content-Type: text/plain", root, ""},
		"a byte order mark":    {"Content-Type: text/html", "\xef\xbb\xbf" + root, ""},
		"something behind it":  {"", root + "<html>", "something that is not JSON"},
		"UTF-16":               {"", "\xff\xfe{\x00}\x00", "something that is not JSON"},
		"a page, no title":     {"Content-Type: text/html", "<html></html>", "responds with a web page instead of JSON"},
		"nothing":              {"", "", "no content, with status 200"},
		"white space":          {"", " \r\n", "no content, with status 200"},
		"a list":               {"", "[]", "not from an Octopus Server"},
		"not gzip":             {"Content-Encoding: gzip", root, "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				key, value, _ := strings.Cut(test.header, ": ")
				w.Header().Set(key, value)
				fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			_, err := newClient(t, Options{Server: server.URL}).Root(deadline(t, time.Minute))
			if test.want != "" {
				mustSay(t, err, test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestABodyThatTricklesEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			fmt.Fprint(w, " ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}))
	defer server.Close()
	_, err := newClient(t, Options{Server: server.URL}).Root(deadline(t, 8*time.Second)) // in which it begins on a busy machine, too
	mustSay(t, err, "no response from", "to GET /api within")
}

func TestAListIsNotFollowedToAnotherHost(t *testing.T) {
	other, reached := receiver(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"Items":[{"Name":"a"}],"TotalResults":9,"Links":{"Page.Next":"%s/list?skip=1"}}`, other.URL)
	}))
	defer server.Close()
	_, err := list[Named](deadline(t, time.Minute), newClient(t, Options{Server: server.URL}), "/list{?skip}", nil, nil)
	mustSay(t, err, "link to another host", "not followed")
	if reached.Load() != 0 {
		t.Error("it was followed")
	}
}

func TestALinkToAnotherHostIsRefused(t *testing.T) {
	other, reached := receiver(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"Application":"Octopus Deploy","Version":"2025.1","Links":{"CurrentUser":"%s/api/users/me","CertificateConfiguration":"//%[1]s/x"}}`, other.URL)
	}))
	defer server.Close()
	client := newClient(t, Options{Server: server.URL})
	_, err := client.user(t.Context())
	mustSay(t, err, "link to another host", "not followed")
	_, err = client.Thumbprint(t.Context())
	mustSay(t, err, "link")
	if reached.Load() != 0 {
		t.Error("it was followed")
	}
}

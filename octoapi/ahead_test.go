package octoapi

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// allAtOnce runs the calls at the same time and reports their errors.
func allAtOnce(t *testing.T, calls ...func() error) {
	t.Helper()
	var wait sync.WaitGroup
	for _, call := range calls {
		wait.Go(func() {
			if err := call(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func TestOverHTTPSTheFirstQuestionsAreAskedTogether(t *testing.T) {
	cluster := startCluster(t, octotest.Options{TLS: true, Path: "/octopus", SharedQueues: true})
	cluster.AnswerTogether("/api", "/users/me", "/certificate-global", "/octopusservernodes/summary", "/serverstatus/redis")
	client, ctx := newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster)}), deadline(t, time.Minute)
	allAtOnce(t,
		func() error { _, err := client.Space(ctx, ""); return err },
		func() error { _, err := client.Thumbprint(ctx); return err },
		func() error { _, err := client.Nodes(ctx); return err },
		func() error { _, err := client.SharedQueues(ctx); return err },
	)
	mustAskOnce(t, cluster)
}

func TestWhatASpaceHoldsIsAskedForTogetherWithItsLinks(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	ctx := deadline(t, time.Minute)
	space, err := newClient(t, Options{Server: cluster.URL()}).Space(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	cluster.AnswerTogether("/api/Spaces-1", "/environments/v2", "/machinepolicies", "/tenants", "/tagsets", "/workerpools", "/machines", "/workers/all")
	allAtOnce(t,
		func() error { _, err := space.Environments(ctx, []string{"Development"}); return err },
		func() error { _, err := space.Policy(ctx, "Default Machine Policy"); return err },
		func() error { _, err := space.Tenants(ctx, []string{"Globex"}); return err },
		func() error { return space.CheckTenantTags(ctx, []string{"CustomerType/VIP"}) },
		func() error { _, err := space.WorkerPoolsByID(ctx, []string{"WorkerPools-11"}); return err },
		func() error { _, err := space.Machines(Target).ByName(ctx, "web01"); return err },
		func() error { _, err := space.Machines(Worker).ByThumbprint(ctx, "A"); return err },
	)
	mustAskOnce(t, cluster)
}

// mustAskOnce checks that nothing was asked twice, and that every question was answered.
func mustAskOnce(t *testing.T, c *octotest.Cluster) {
	t.Helper()
	seen := map[string]bool{}
	for _, r := range c.Requests() {
		if seen[r.Path] || r.Status != http.StatusOK {
			t.Errorf("%s: asked twice, or answered %d", r.Path, r.Status)
		}
		seen[r.Path] = true
	}
}

// TestBeforeTheRootHasAnsweredNoSecretIsSent: an open connection may yet turn out to be redirected
// to https; and a user's password is worth waiting for in any case.
func TestBeforeTheRootHasAnsweredNoSecretIsSent(t *testing.T) {
	for name, test := range map[string]struct {
		start func(http.Handler) *httptest.Server
		Credentials
	}{
		"a key over http":        {httptest.NewServer, Credentials{APIKey: octotest.APIKey}},
		"a token over http":      {httptest.NewServer, Credentials{BearerToken: octotest.BearerToken}},
		"a password over http":   {httptest.NewServer, Credentials{Username: octotest.Username, Password: octotest.Password}},
		"a password, over https": {httptest.NewTLSServer, Credentials{Username: octotest.Username, Password: octotest.Password}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answered atomic.Bool
			server := test.start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/api" {
					time.Sleep(50 * time.Millisecond)
					answered.Store(true)
				} else if !answered.Load() {
					t.Errorf("%s %s came before /api had answered", r.Method, r.URL.Path)
				}
				fmt.Fprint(w, `{"Id":"Users-1","Application":"Octopus Deploy","Version":"2025.1","Links":{"Spaces":"/api/spaces"},"Thumbprint":"0123456789ABCDEF0123456789ABCDEF01234567"}`)
			}))
			defer server.Close()
			client := newClient(t, Options{Server: server.URL, Credentials: test.Credentials, IgnoreSSLErrors: true})
			allAtOnce(t,
				func() error { _, err := client.user(t.Context()); return err },
				func() error { _, err := client.Thumbprint(t.Context()); return err },
			)
		})
	}
}

// secureServer answers each path with its JSON, and others with 500; "" hangs.
func secureServer(t *testing.T, bodies map[string]string) *Client {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch body, known := bodies[r.URL.Path]; {
		case !known:
			w.WriteHeader(http.StatusInternalServerError)
		case body == "":
			<-r.Context().Done()
		default:
			fmt.Fprint(w, body)
		}
	}))
	t.Cleanup(server.Close)
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	return newClient(t, Options{Server: server.URL, RootCAs: authorities})
}

func TestALinkThatLeadsElsewhereIsFollowed(t *testing.T) {
	client := secureServer(t, map[string]string{ // and the usual paths fail
		"/api":                  `{"Application":"Octopus Deploy","Version":"2025.1","Links":{"CurrentUser":"/api/me","Spaces":"/api/spaces","SpaceHome":"/api/homes/{spaceId}"}}`,
		"/api/me":               `{"Id":"Users-7","Links":{"Spaces":"/api/mine"}}`,
		"/api/mine":             `[{"Id":"Spaces-1","Name":"Default","IsDefault":true}]`,
		"/api/homes/Spaces-1":   `{"Links":{"Tenants":"/api/elsewhere{?take,skip}"}}`,
		"/api/elsewhere":        `{"Items":[{"Id":"Tenants-7","Name":"Acme"}]}`,
		"/api/Spaces-1/tenants": `{"Items":[{"Id":"Tenants-1","Name":"Acme"}]}`, // the wrong one
	})
	space, err := client.Space(deadline(t, time.Minute), "")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := space.Tenants(deadline(t, time.Minute), []string{"Acme"}); err != nil || ids(found) != "Tenants-7" {
		t.Errorf("%v, %v", found, err)
	}
}

func TestAnErrorOfTheRootIsNotDelayedByOtherRequests(t *testing.T) {
	client := secureServer(t, map[string]string{"/api": `{"name":"another program"}`, "/api/users/me": ""})
	started := time.Now()
	_, err := client.Space(deadline(t, 30*time.Second), "")
	if mustSay(t, err, "is not an Octopus Server"); !errors.Is(err, ErrNotOctopus) || time.Since(started) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(started), err)
	}
}

func TestConcurrentCallersShareAnErrorAndLaterOnesAskAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cached[int]
		loads, release := 0, make(chan struct{})
		ask := func() (int, error) {
			return c.get(t.Context(), func() (int, error) {
				loads++
				if <-release; loads == 1 {
					return 0, context.DeadlineExceeded
				}
				return 7, nil
			})
		}
		for range 5 {
			go func() {
				if _, err := ask(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the shared error is %v", err)
				}
			}()
		}
		synctest.Wait()
		if c.has() {
			t.Error("it is still loading")
		}
		close(release)
		synctest.Wait()
		for range 2 {
			if v, err := ask(); v != 7 || err != nil || !c.has() || loads != 2 {
				t.Errorf("%v, %v after %d loads", v, err, loads)
			}
		}
	})
}

func TestAWrongPasswordIsSentOnce(t *testing.T) {
	cluster := startCluster(t, octotest.Options{TLS: true})
	client := newClient(t, Options{Server: cluster.URL(), RootCAs: pool(t, cluster), Credentials: Credentials{Username: octotest.Username, Password: "wrong"}})
	refused := func(err error) error {
		if !errors.Is(err, ErrUnauthorized) {
			return fmt.Errorf("not refused: %w", err)
		}
		return nil
	}
	for range 2 {
		allAtOnce(t,
			func() error { _, err := client.Thumbprint(t.Context()); return refused(err) },
			func() error { _, err := client.Space(t.Context(), ""); return refused(err) },
		)
	}
	logins := 0
	for _, r := range cluster.Requests() {
		if r.Method == http.MethodPost {
			logins++
		}
	}
	if logins != 1 {
		t.Errorf("signed in %d times", logins)
	}
}

func TestALoadThatWasNotStartedRunsWhenItIsWaitedFor(t *testing.T) {
	for _, now := range []bool{true, false} {
		var loads atomic.Int32
		wait := meanwhile(now, func() (int, error) { loads.Add(1); return 7, context.Canceled })
		if !now && loads.Load() != 0 {
			t.Error("loaded too early")
		}
		if v, err := wait(); v != 7 || !errors.Is(err, context.Canceled) || loads.Load() != 1 {
			t.Errorf("%v, %v after %d loads", v, err, loads.Load())
		}
	}
}

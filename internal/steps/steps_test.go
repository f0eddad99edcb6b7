package steps

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// lines are the steps that use tells of, without their times.
func lines(use func(context.Context)) []string {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == "took" {
			return slog.Attr{}
		}
		return a
	}}))
	use(To(context.Background(), log))
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestEachRequestIsToldOfWithoutItsSecrets(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/from" {
			http.Redirect(w, r, "/to", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "answer")
	}))
	defer server.Close()
	proxyOf := func(*http.Request) (*url.URL, error) { return url.Parse("http://user:hunter2@proxy:3128") }
	client := &http.Client{Transport: Requests(http.DefaultTransport, proxyOf)}
	server.URL = strings.Replace(server.URL, "http://", "http://user:hunter2@", 1)
	base := strings.Replace(server.URL, "user:hunter2@", "", 1)

	got := lines(func(ctx context.Context) {
		for i, path := range []string{"/api?skip=1&apiKey=hunter2&sig=hunter2", "/from"} {
			r, err := http.NewRequestWithContext(With(ctx, "try", i+1), http.MethodPost, server.URL+path, strings.NewReader("hunter2"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Octopus-ApiKey", "hunter2")
			if i == 0 {
				r.Header.Set("X-HTTP-Method-Override", http.MethodPut)
			}
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			answer.Body.Close() // as some do
		}
	})
	want := []string{
		`msg="PUT ` + base + `/api?apiKey=***&sig=***&skip=1" try=1 proxy=proxy:3128 status=200 bytes=6`,
		`msg="POST ` + base + `/from" try=2 proxy=proxy:3128 location=` + base + `/to status=302 bytes=0`,
		`msg="GET ` + base + `/to" try=2 proxy=proxy:3128 status=200 bytes=6`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheAddressOfANamedHostIsToldOf(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for host, want := range map[string]bool{"127.0.0.1": false, "octopus.example.com": true} {
		network := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		}}
		got := lines(func(ctx context.Context) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/api", nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := (&http.Client{Transport: Requests(network, nil)}).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
		})
		if strings.Contains(got[0], " ip=127.0.0.1 status=404") != want {
			t.Errorf("%s: got %s", host, got[0])
		}
	}
}

func TestARequestWithoutAnAnswerIsToldOf(t *testing.T) {
	client := &http.Client{Transport: Requests(failing{}, nil)}
	got := lines(func(ctx context.Context) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://octopus/api", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(r); err == nil {
			t.Error("no error")
		}
	})
	if want := `msg="GET https://octopus/api" error="no route"`; len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

// TestIdleConnectionsCanBeClosed: the transport below has them.
func TestIdleConnectionsCanBeClosed(t *testing.T) {
	closed := false
	(&http.Client{Transport: Requests(idle{close: func() { closed = true }}, nil)}).CloseIdleConnections()
	if !closed {
		t.Error("they stay open")
	}
	(&http.Client{Transport: Requests(failing{}, nil)}).CloseIdleConnections()
}

type idle struct {
	failing
	close func()
}

func (i idle) CloseIdleConnections() { i.close() }

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no route") }

func TestWithoutSomebodyWhoAsksNothingHappens(t *testing.T) {
	ctx := With(context.Background(), "try", 2)
	Log(ctx, "nothing", Took(time.Now()))
	if Asked(ctx) || ctx != context.Background() {
		t.Error("the context is another one")
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://octopus/api", nil)
	if _, err := Requests(failing{}, nil).RoundTrip(r); err == nil {
		t.Error("no error")
	}
}

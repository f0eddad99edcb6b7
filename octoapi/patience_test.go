package octoapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// slowly is quick, but waits so little for an answer that whatever takes its time is asked twice.
func slowly() timing {
	t := quick
	t.patience, t.portTry = 10*time.Millisecond, 10*time.Millisecond
	return t
}

const rootOfTests = `{"Application":"Octopus Deploy","Version":"2025.1","Links":{"Self":"/api"}}`

// TestASlowServerHasTheTimeThatThereIs: it is not asked again and again instead.
func TestASlowServerHasTheTimeThatThereIs(t *testing.T) {
	t.Parallel()
	var asked, told atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		time.Sleep(20 * slowly().patience)
		_, _ = w.Write([]byte(rootOfTests))
	}))
	defer server.Close()
	client := newClient(t, Options{Server: server.URL, timing: slowly(), Waiting: func(what string) {
		told.Add(1)
		if !strings.Contains(what, "no response from") || !strings.Contains(what, "asking once more") {
			t.Errorf("progress: %s", what)
		}
	}})
	if _, err := client.Root(deadline(t, 30*time.Second)); err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 2 || told.Load() != 1 {
		t.Errorf("asked %d times, told %d times", asked.Load(), told.Load())
	}
}

// TestAReadThatIsLostIsAnsweredBesideIt: as when a load balancer leads to a node that hangs.
func TestAReadThatIsLostIsAnsweredBesideIt(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			<-r.Context().Done()
			close(ended)
			return
		}
		_, _ = w.Write([]byte(rootOfTests))
	}))
	defer server.Close()
	if _, err := newClient(t, Options{Server: server.URL, timing: slowly()}).Root(deadline(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	<-ended // the one that is not needed is ended
}

func TestASecondTryThatFailsDoesNotEndTheFirst(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]http.HandlerFunc{
		"not available": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"cut":           func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			failed := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) > 1 {
					defer close(failed)
					second(w, r)
					return
				}
				<-failed
				time.Sleep(10 * slowly().patience) // it is noticed now
				_, _ = w.Write([]byte(rootOfTests))
			}))
			defer server.Close()
			if _, err := newClient(t, Options{Server: server.URL, timing: slowly()}).Root(deadline(t, 30*time.Second)); err != nil || asked.Load() != 2 {
				t.Errorf("asked %d times: %v", asked.Load(), err)
			}
		})
	}
}

// TestAPortThatIsSlowHasTheTimeThatThereIs: it is tried once more, and both tries go on.
func TestAPortThatIsSlowHasTheTimeThatThereIs(t *testing.T) {
	t.Parallel()
	certificate, _ := anyCertificate(t)
	var connections atomic.Int32
	both := make(chan struct{})
	slow := "https://" + answering(t, func(conn net.Conn) {
		if connections.Add(1) == 2 {
			close(both)
		}
		<-both
		time.Sleep(20 * slowly().portTry) // a third try would be made by now
		own := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
		request := make([]byte, 1000)
		if _, err := own.Read(request); err == nil {
			_, _ = own.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		}
	})
	ports, err := TryPorts(deadline(t, 30*time.Second), []string{slow}, PortOptions{timing: slowly()})
	if err != nil || ports[0].Thumbprint == "" || connections.Load() != 2 {
		t.Errorf("%v, %v, %d connections", ports, err, connections.Load())
	}
}

// TestAPortThatHangsIsGivenUpOnceAnotherHasAnswered, where one is enough.
func TestAPortThatHangsIsGivenUpOnceAnotherHasAnswered(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	hangs := "https://" + answering(t, func(net.Conn) { <-ended })
	_, errs := TryEachPort(deadline(t, time.Minute), []string{cluster.Addresses()[0], hangs}, PortOptions{timing: hasty(), OneIsEnough: true})
	mustSay(t, errs[1], "did not respond within")
	if errs[0] != nil || errors.Is(errs[1], context.DeadlineExceeded) { // a later one would make no difference
		t.Error(errs)
	}
}

// TestAServerThatIsStartingIsWaitedFor by whoever has had no answer yet.
func TestAServerThatIsStartingIsWaitedFor(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	begins := quick
	begins.starting, begins.briefly = time.Minute, time.Nanosecond
	started := make(chan *httptest.Server, 1)
	var told atomic.Int32
	client := newClient(t, Options{Server: "http://" + address, timing: begins, Starting: func(what string) {
		if !strings.Contains(what, "nothing listens on "+address) || !strings.Contains(what, "waiting for the server to start") {
			t.Errorf("progress: %s", what)
		}
		if told.Add(1) != 3 {
			return
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Errorf("the port is taken: %v", err)
			return
		}
		server := &httptest.Server{Listener: l, Config: &http.Server{Handler: text(rootOfTests)}}
		server.Start()
		started <- server
	}})
	if _, err := client.Root(deadline(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	server := <-started
	server.CloseClientConnections()
	server.Close()
	told.Store(0)
	err := client.get(deadline(t, time.Minute), "/api/users/me", new(userResource))
	mustSay(t, err, "nothing listens")
	if told.Load() != 0 || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it was waited for again, %d times: %v", told.Load(), err)
	}
}

// TestAServerThatNeverStartsIsGivenUp before the deadline, and a longer one would not help.
func TestAServerThatNeverStartsIsGivenUp(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	for name, waits := range map[string]bool{"waited for": true, "not waited for": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told atomic.Int32
			o := Options{Server: "http://" + address, timing: quick}
			o.timing.briefly = time.Nanosecond
			if waits {
				o.Starting = func(string) { told.Add(1) }
			}
			_, err := newClient(t, o).Root(deadline(t, time.Hour))
			mustSay(t, err, "nothing listens on "+address, "check that the server is running")
			if errors.Is(err, context.DeadlineExceeded) || (told.Load() > 0) != waits {
				t.Errorf("told %d times: %v", told.Load(), err)
			}
		})
	}
}

// TestAWaitGoesOnWhereAShorterOneEnded: the error tells of all of it, and a minute stays a minute.
func TestAWaitGoesOnWhereAShorterOneEnded(t *testing.T) {
	t.Parallel()
	begins := quick
	begins.starting, begins.briefly = 6*time.Second, time.Nanosecond
	client := newClient(t, Options{Server: "http://" + freeAddress(t), timing: begins, Starting: func(string) {}})
	var times [2]int
	for i, ctx := range []context.Context{deadline(t, 3*time.Second), deadline(t, time.Hour)} {
		_, err := client.Root(ctx)
		mustSay(t, err, "(tried ")
		if _, err := fmt.Sscanf(err.Error()[strings.Index(err.Error(), "(tried "):], "(tried %d times", &times[i]); err != nil {
			t.Fatal(err)
		}
	}
	if times[0] < 2 || times[1] <= times[0] {
		t.Errorf("tried %d times, then %d in all", times[0], times[1])
	}
}

// TestWithoutTimeLeftNothingIsSaidOfTheServer, which was not really asked.
func TestWithoutTimeLeftNothingIsSaidOfTheServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := newClient(t, Options{Server: "http://127.0.0.1:1"}).Root(ctx)
	mustSay(t, err, "there was no time left to ask the Octopus Server at http://127.0.0.1:1 for GET /api")
	for took, want := range map[time.Duration]string{6 * time.Millisecond: "6ms", 999 * time.Millisecond: "999ms", 1234 * time.Millisecond: "1.2s", 0: "1ms"} {
		if got := round(took).String(); got != want {
			t.Errorf("%s is told as %s, not %s", took, got, want)
		}
	}
}

// TestAShortWaitEndsNoLongerOne: several ask for one thing, and some of them can do without it.
func TestAShortWaitEndsNoLongerOne(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 1)
	short := deadline(t, 8*time.Second)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case begun <- struct{}{}:
		default: // a busy client asks again beside a slow answer
		}
		<-short.Done()
		time.Sleep(50 * time.Millisecond)
		_, _ = w.Write([]byte(rootOfTests))
	}))
	defer server.Close()
	client := newClient(t, Options{Server: server.URL})
	ended := make(chan error, 1)
	go func() {
		_, err := client.Root(short)
		ended <- err
	}()
	select {
	case <-begun:
	case err := <-ended:
		t.Fatalf("nothing was asked: %v", err)
	}
	if _, err := client.Root(deadline(t, time.Minute)); err != nil {
		t.Errorf("it had the time: %v", err)
	}
	mustSay(t, <-ended, "no response")
}

// TestARefusalIsShared by all who ask meanwhile, however much time they have.
func TestARefusalIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c cached[int]
		var asked atomic.Int32
		refuse := func() (int, error) {
			asked.Add(1)
			time.Sleep(time.Second)
			return 0, &StatusError{}
		}
		refusals := make(chan error, 2)
		for _, limit := range []time.Duration{time.Minute, time.Hour} {
			go func() {
				_, err := c.get(deadline(t, limit), refuse)
				refusals <- err
			}()
			synctest.Wait() // it asks, or waits for who does
		}
		first, second := <-refusals, <-refusals
		if first == nil || first != second || asked.Load() != 1 {
			t.Errorf("asked %d times: %v, %v", asked.Load(), first, second)
		}
	})
}

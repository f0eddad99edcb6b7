package octotest

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// subscribe subscribes at a port without a socket, and returns the lines that are sent to it.
func subscribe(t *testing.T, c *Cluster, address, subscription string, own tls.Certificate) (conn net.Conn, lines <-chan string) {
	t.Helper()
	pipe, err := c.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	port := tls.Client(pipe, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own}}) // #nosec G402: a test
	if _, err := port.Write([]byte("MX\r\n\r\nMX-SUBSCRIBER 1.0 " + subscription + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	sent := make(chan string)
	go func() {
		defer close(sent)
		var text string
		for buffer := make([]byte, 512); ; {
			n, err := port.Read(buffer)
			if err != nil {
				return
			}
			text += string(buffer[:n])
			for line, rest, found := strings.Cut(text, "\n"); found; line, rest, found = strings.Cut(text, "\n") {
				text = rest
				if line = strings.TrimSpace(line); line != "" {
					sent <- line
				}
			}
		}
	}()
	if line := <-sent; line != "MX-SERVER 1.0" {
		t.Fatalf("the port said %q", line)
	}
	return port, sent
}

func isDone(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func TestANodeHandsOutWhatIsQueuedInItsMemory(t *testing.T) {
	c := start(t, Options{HandsOutWork: true})
	own := client(t, c, true)
	synctest.Test(t, func(t *testing.T) {
		first, other := c.Queue(1, "poll://a/"), c.Queue(2, "poll://a/")
		conn, lines := subscribe(t, c, c.Addresses()[0], "POLL://A", own)
		if line := <-lines; line != "REQUEST 1" {
			t.Fatalf("it was sent %q", line)
		}
		synctest.Wait()
		if isDone(first) {
			t.Error("it is done before it was answered")
		}
		_ = conn.Close() // without having done it: another one gets it

		conn, lines = subscribe(t, c, c.Addresses()[0], "poll://a/", own)
		if line := <-lines; line != "REQUEST 1" {
			t.Fatalf("it was sent %q", line)
		}
		if _, err := conn.Write([]byte("DONE 1\n")); err != nil {
			t.Fatal(err)
		}
		<-first

		time.Sleep(time.Hour) // the subscription stays
		later := c.Queue(1, "poll://a/")
		if line := <-lines; line != "REQUEST 2" {
			t.Fatalf("it was sent %q", line)
		}
		c.Restart(1, time.Minute)
		if _, open := <-lines; open {
			t.Error("the connection survived the restart")
		}
		conn, lines = subscribe(t, c, c.Addresses()[0], "poll://a/", own)
		synctest.Wait()
		select {
		case line := <-lines:
			t.Errorf("what is queued elsewhere, or was lost, is handed out: %q", line)
		default:
		}
		if isDone(other) || isDone(later) {
			t.Error("what nobody has done is done")
		}
		_ = conn.Close()
	})
	if logged := c.LoggedErrors(); len(logged) > 0 {
		t.Errorf("logged %q", logged)
	}
}

func TestANodeThatRestartsClosesItsConnections(t *testing.T) {
	c := start(t, Options{NodeCount: 1})
	synctest.Test(t, func(t *testing.T) {
		go c.Restart(1, time.Minute)
		synctest.Wait()
		if _, err := c.Dial(c.Addresses()[0]); err == nil {
			t.Error("a node that is down was connected to")
		}
		time.Sleep(2 * time.Minute)
		conn, err := c.Dial(c.Addresses()[0])
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	})
	if _, err := c.Dial("https://octo9:10943"); err == nil {
		t.Error("an address without a node was connected to")
	}
}

func TestAStandInDoesWorkOnlyWhereThePortPresentsItsThumbprint(t *testing.T) {
	c := start(t, Options{HandsOutWork: true})
	tentacle := Tentacle{Certificate: client(t, c, true), RetryAfter: []time.Duration{time.Millisecond}}
	t.Cleanup(tentacle.Stop)
	polls := func(thumbprint string) []Polled {
		return []Polled{{Address: c.Addresses()[1], Thumbprint: thumbprint, Subscription: "poll://a/"}}
	}
	done := c.Queue(2, "poll://a/")
	tentacle.Start(polls(strings.Repeat("0", 40)))
	for tried := 0; tried < 3; {
		time.Sleep(time.Millisecond)
		c.nodes[1].mu.Lock()
		tried = c.nodes[1].accepted
		c.nodes[1].mu.Unlock()
	}
	if isDone(done) {
		t.Fatal("work is done for a port that presents another thumbprint")
	}
	tentacle.Start(polls(c.Thumbprint()))
	<-done
	c.Restart(2, 0)
	<-c.Queue(2, "poll://a/") // on a new connection
}

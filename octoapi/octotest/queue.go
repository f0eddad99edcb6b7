package octotest

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
)

// Work is handed out as a server without shared queues does it: each node keeps requests in its
// memory, by subscription, and hands them to whoever subscribes there. The agents are stand-ins, so
// the messages are not Halibut's but a line each: the node sends REQUEST and a number, and the
// agent answers DONE and that number.

// queue are the requests for one subscription at one node.
type queue struct {
	mu      sync.Mutex
	next    int
	waiting []*queuedRequest
	wake    chan struct{} // holds something while a request may be waiting
}

type queuedRequest struct {
	number int
	done   chan struct{}
}

// queue is that of a subscription.
func (n *node) queue(subscription string) *queue {
	key := strings.ToLower(strings.TrimRight(subscription, "/"))
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.queues == nil {
		n.queues = map[string]*queue{}
	}
	if n.queues[key] == nil {
		n.queues[key] = &queue{wake: make(chan struct{}, 1)}
	}
	return n.queues[key]
}

// Queue queues a request at node n, from 1, for those that poll it under the subscription. The
// channel is closed when one of them has done it.
func (c *Cluster) Queue(n int, subscription string) (done <-chan struct{}) {
	q := c.allNodes()[n-1].queue(subscription)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next++
	r := &queuedRequest{number: q.next, done: make(chan struct{})}
	q.waiting = append(q.waiting, r)
	q.wakeOne()
	return r.done
}

// wakeOne wakes one that waits for requests, now or later.
func (q *queue) wakeOne() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take takes the first request; nil if none is waiting.
func (q *queue) take() *queuedRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	r := q.waiting[0]
	q.waiting = q.waiting[1:]
	if len(q.waiting) > 0 {
		q.wakeOne()
	}
	return r
}

// giveBack puts back a request that nobody has done.
func (q *queue) giveBack(r *queuedRequest) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.Insert(q.waiting, 0, r)
	q.wakeOne()
}

// serveSubscriber hands out requests until the connection ends.
func (c conversation) serveSubscriber(identity string) {
	_, subscription, _ := strings.Cut(strings.TrimPrefix(identity, "MX-SUBSCRIBER "), " ")
	q := c.work(subscription)
	if skipToEmptyLine(c.in) != nil {
		return
	}
	if _, err := io.WriteString(c.out, serverIsHere); err != nil {
		return
	}
	answers, gone := make(chan string), make(chan struct{})
	defer close(gone)
	go func() {
		defer close(answers)
		for {
			line, err := readLine(c.in)
			if err != nil {
				return
			}
			select {
			case answers <- line:
			case <-gone:
				return
			}
		}
	}()
	for {
		select {
		case <-q.wake:
		case <-answers: // the connection has ended, or what was sent is no answer
			return
		}
		r := q.take()
		if r == nil {
			continue
		}
		if _, err := fmt.Fprintf(c.out, "REQUEST %d\n", r.number); err != nil || <-answers != fmt.Sprintf("DONE %d", r.number) {
			q.giveBack(r)
			return
		}
		close(r.done)
	}
}

// Dial connects to a polling port inside the process, without a socket: for tests that have a clock
// of their own (testing/synctest), in which nothing may wait for the operating system. It fails as
// a closed port does.
func (c *Cluster) Dial(address string) (net.Conn, error) {
	for _, n := range c.allNodes() {
		if "https://"+n.address != address {
			continue
		}
		client, server := net.Pipe()
		if n.begin(server) {
			return client, nil
		}
	}
	return nil, fmt.Errorf("nothing listens on %s", address)
}

//go:build unix

package main

import (
	"net"
	"sync"
	"time"
)

// A relay passes TCP connections on to a target on this host as if the target were far away.
//
// In either direction, bytes arrive half a round trip after they were sent. Before that, a
// client on a network waits a round trip for the connection: its SYN travels to the server and
// the SYN-ACK back. The relay cannot delay these, because the kernel completes a connection
// before the relay accepts it. So the client may send a round trip too early, and the relay
// corrects that: it treats what comes in the first round trip as sent at its end. The server
// then gets the first bytes after 1.5 round trips and the client has the answer after 2, as on a
// network. From the answer on, the client is on time by itself.
type relay struct {
	listener  net.Listener
	target    string
	roundTrip time.Duration
}

// startRelay listens on a free port of the target's own IP address, so that the target's
// certificate is valid for the relay.
func startRelay(target string, roundTrip time.Duration) (*relay, error) {
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	r := &relay{listener, target, roundTrip}
	go r.serve()
	return r, nil
}

// address is the host:port where the relay listens.
func (r *relay) address() string { return r.listener.Addr().String() }

// stop frees the port. Connections end when the client or the target ends them.
func (r *relay) stop() { _ = r.listener.Close() }

func (r *relay) serve() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		go r.pass(client, time.Now())
	}
}

func (r *relay) pass(client net.Conn, accepted time.Time) {
	defer client.Close()
	server, err := net.Dial("tcp", r.target)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() { r.carry(client, server, accepted.Add(r.roundTrip)) })
	both.Go(func() { r.carry(server, client, accepted) })
	both.Wait()
}

// carry delivers bytes, and the end of the stream, half a round trip after it read them. Bytes
// that it reads before the connection would be established count as sent at that moment.
func (r *relay) carry(from, to net.Conn, established time.Time) {
	type packet struct {
		bytes []byte
		due   time.Time
	}
	packets := make(chan packet, 1024) // more than is ever on its way
	go func() {
		defer close(packets)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			sent := time.Now()
			if sent.Before(established) {
				sent = established
			}
			packets <- packet{buffer[:n], sent.Add(r.roundTrip / 2)}
			if err != nil {
				return
			}
		}
	}()
	for p := range packets {
		time.Sleep(time.Until(p.due))
		_, _ = to.Write(p.bytes) // after an error the rest is dropped
	}
	_ = to.(*net.TCPConn).CloseWrite()
}

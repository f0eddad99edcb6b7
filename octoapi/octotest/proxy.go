package octotest

import (
	"bufio"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
)

// The user name and password that a Proxy wants.
const (
	ProxyUsername = "proxyuser"
	ProxyPassword = "Proxy-Pass1"
)

// Proxy is an HTTP proxy on loopback that knows CONNECT, and nothing else.
type Proxy struct {
	listener net.Listener
	status   int

	mu      sync.Mutex
	targets []string
}

// StartProxy opens the port. Unless status is 0 every request is answered with it. The error is
// that of the operating system.
func StartProxy(status int) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, status: status}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p, nil
}

// Address is its host:port.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Close frees the port. Connections that it made go on.
func (p *Proxy) Close() { _ = p.listener.Close() }

// Targets are the addresses, host:port, it was asked for, with whatever password, in order.
func (p *Proxy) Targets() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.targets)
}

func (p *Proxy) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	r, err := http.ReadRequest(in)
	if err != nil || r.Method != http.MethodConnect {
		return
	}
	p.mu.Lock()
	p.targets = append(p.targets, r.Host)
	p.mu.Unlock()
	status := p.status
	wanted := "Basic " + base64.StdEncoding.EncodeToString([]byte(ProxyUsername+":"+ProxyPassword))
	if status == 0 && r.Header.Get("Proxy-Authorization") != wanted {
		status = http.StatusProxyAuthRequired
	}
	if status != 0 {
		_ = (&http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1}).Write(conn)
		return
	}
	out, err := net.Dial("tcp", r.Host)
	if err != nil {
		_ = (&http.Response{StatusCode: http.StatusBadGateway, ProtoMajor: 1, ProtoMinor: 1}).Write(conn)
		return
	}
	defer out.Close()
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.Close()
		close(done)
	}()
	_, _ = io.Copy(conn, out)
	_ = conn.Close()
	<-done
}

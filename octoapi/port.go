package octoapi

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha1" // #nosec G505: a thumbprint is a SHA-1 by definition
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// portCap is how long one try of a port may take, so that a port that hangs is tried again. A variable for the tests.
var portCap = 10 * time.Second

// Port is a polling port that answered.
type Port struct {
	Address    string        // as it was given
	Thumbprint string        // of the certificate it presented: 40 upper-case hex digits
	Took       time.Duration // the try that succeeded
}

// PortOptions are those of TryPorts.
type PortOptions struct {
	Proxy   func(*url.URL) (*url.URL, error) // nil: that of the environment; see ProxyFunc
	Waiting func(address, why string)        // optional: a try failed and is about to be repeated; called from several goroutines
	Done    func(Port)                       // optional: a port answered; called from several goroutines
	Brief   bool                             // do not try again what hardly passes: a port that refuses, a name that does not exist
}

// PortError is a polling port that does not answer as one.
type PortError struct {
	Address string // as it was given
	Cause   string // in short, for the reader: "nothing listens on 10.0.0.3:10943 (connection refused)"
	explained
}

// TryPorts tries polling ports, https://host:port or wss://host/path, all at once: TLS without verifying, and POST /handshake with an
// empty body, which a polling port answers with 200, or with 400 when it insists on a client certificate (OctopusTentacle,
// OctopusServerChecker.cs). It never speaks the protocol itself, which would make the server hand over work. A try that fails is
// repeated with a growing delay until the context's deadline, a refused port only briefly. The ports are in the order of the
// addresses; the error joins what is wrong with each.
func TryPorts(ctx context.Context, addresses []string, o PortOptions) ([]Port, error) {
	ports, errs := TryEachPort(ctx, addresses, o)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return ports, nil
}

// TryEachPort is TryPorts for those who want to know about each address: the port, or the error that tells why it is none, a *PortError
// unless the address itself is wrong. Both lists are in the order of the addresses.
func TryEachPort(ctx context.Context, addresses []string, o PortOptions) ([]Port, []error) {
	if o.Proxy == nil {
		o.Proxy = ProxyFunc(nil)
	}
	if o.Waiting == nil {
		o.Waiting = func(string, string) {}
	}
	if o.Done == nil {
		o.Done = func(Port) {}
	}
	ports, errs := make([]Port, len(addresses)), make([]error, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() {
			if ports[i], errs[i] = o.insist(ctx, address); errs[i] == nil {
				o.Done(ports[i])
			}
		})
	}
	all.Wait()
	return ports, errs
}

// insist tries one port until it answers, as long as there is hope and time.
func (o PortOptions) insist(ctx context.Context, address string) (Port, error) {
	u, err := portURL(address)
	if err != nil {
		return Port{}, err
	}
	tries := newRetrying()
	var before error
	var tookBefore time.Duration
	for {
		started := time.Now()
		print, err := o.try(ctx, u)
		took := time.Since(started)
		if err == nil {
			return Port{Address: address, Thumbprint: print, Took: took}, nil
		}
		if before != nil && atDeadline(ctx) {
			err = before // the deadline broke this try off, which says less than how the one before ended
		} else {
			before, tookBefore = err, took
		}
		d := diagnosePort(err, u.Host, tookBefore).through(o.Proxy, proxied(u))
		if o.Brief && d.patience == briefly {
			d.patience = never
		}
		wait, again := tries.next(ctx, d.patience, 0)
		if again {
			o.Waiting(address, d.text)
			again = sleep(ctx, wait)
		}
		if !again {
			return Port{}, portFailure(ctx, address, d, err, tries)
		}
	}
}

func portFailure(ctx context.Context, address string, d diagnosis, cause error, tries *retrying) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &PortError{address, "interrupted", explained{text: "interrupted while trying " + address, causes: []error{ctx.Err()}}}
	}
	text := fmt.Sprintf("the polling port %s does not answer as one: %s", address, clean(d.text, maxQuote))
	if tries.tries > 1 {
		text += fmt.Sprintf(" (tried %d times in %s)", tries.tries, round(time.Since(tries.start)))
	}
	text += "\n  " + strings.ReplaceAll(d.hint, "ADDRESS", "--server-comms-address and --server-comms-port") + portLeftOut(address)
	return &PortError{address, clean(d.text, maxQuote), explained{text: text, causes: []error{cause}}}
}

// portURL reads a comms address; the port of wss is 443 when it has none.
func portURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "wss" {
		return nil, fmt.Errorf("%s is not the address of a polling port: it should look like https://octopus.example.com:10943", clean(userless(address), 200))
	}
	u.Host = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443"))
	return u, nil
}

// portLeftOut says where the 443 of an address may come from, which nobody typed.
func portLeftOut(address string) string {
	if u, err := portURL(address); err != nil || u.Scheme != "https" || u.Port() != "443" {
		return ""
	}
	return "\n  443 is also the port of an address that is given without one; for polling, 10943 is usual"
}

// stageError is what failed once there was a connection to the port.
type stageError struct {
	status string // of an answer that is not a polling port's
	err    error
}

func (e *stageError) Error() string {
	if e.err == nil {
		return "status " + e.status
	}
	return e.err.Error()
}

func (e *stageError) Unwrap() error { return e.err }

func diagnosePort(err error, host string, took time.Duration) diagnosis {
	stage, is := errors.AsType[*stageError](err)
	if !is {
		return diagnose(err, host, took)
	}
	if stage.status != "" {
		return diagnosis{fmt.Sprintf("it answers %s, where Octopus answers 200", clean(stage.status, 60)),
			"check the port in ADDRESS: a web server or load balancer seems to be there", briefly}
	}
	d := diagnose(stage.err, host, took)
	switch {
	case errors.As(stage.err, new(tls.RecordHeaderError)):
		d.text, d.patience = "it does not speak TLS, but something like plain HTTP", briefly
		d.hint = "check the port in ADDRESS: 10943 is usual for polling, and is not the port of the web site"
	case errors.Is(stage.err, context.DeadlineExceeded):
		d.text = fmt.Sprintf("it accepts the connection, but did not answer within %s", round(took))
		d.hint = "a firewall or load balancer may be in between with nothing behind it; check the port in ADDRESS"
	}
	return d
}

// try connects once and returns the thumbprint of the certificate presented.
func (o PortOptions) try(ctx context.Context, u *url.URL) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, portCap)
	defer cancel()
	raw, err := o.connect(ctx, u)
	if err != nil {
		return "", err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	print, err := shakeHands(ctx, raw, u)
	if err != nil && ctx.Err() != nil {
		err = &stageError{err: ctx.Err()} // what the deadline broke off is not the cause
	}
	return print, err
}

// proxied is the address of a port as those know it who tell the proxy for one.
func proxied(u *url.URL) *url.URL { return &url.URL{Scheme: "https", Host: u.Host} }

// connect opens a connection to the address, through its proxy if there is one.
func (o PortOptions) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	proxy, err := proxyFor(o.Proxy, proxied(u))
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialCap}
	if proxy == nil {
		return dialer.DialContext(ctx, "tcp", u.Host)
	}
	if proxy.Scheme != "http" {
		return nil, fmt.Errorf("the proxy is %s://…, but a Tentacle polls through http:// proxies only", clean(proxy.Scheme, 20))
	}
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), "80")))
	if err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Err: err}
	}
	if err := connectThrough(ctx, raw, proxy, u.Host); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return raw, nil
}

// connectThrough asks the proxy at the other end of raw to connect to target.
func connectThrough(ctx context.Context, raw net.Conn, proxy *url.URL, target string) error {
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if value := proxyAuthorization(proxy); value != "" {
		request += "Proxy-Authorization: " + value + "\r\n"
	}
	answer, err := exchange(raw, request+"\r\n", http.MethodConnect)
	if err != nil {
		return &net.OpError{Op: "proxyconnect", Addr: raw.RemoteAddr(), Err: cmp.Or(ctx.Err(), err)}
	}
	if answer.StatusCode != http.StatusOK {
		return &proxyError{proxy: proxy.Host, target: target, status: answer.StatusCode}
	}
	return nil
}

// shakeHands does TLS and, unless it is a web socket, POST /handshake.
func shakeHands(ctx context.Context, raw net.Conn, u *url.URL) (string, error) {
	print := ""
	conn := tls.Client(raw, &tls.Config{
		ServerName:         u.Hostname(),
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // #nosec G402: Octopus is known by its thumbprint, which is returned for that
		VerifyConnection: func(s tls.ConnectionState) error { // before the end, should the server then miss a client certificate
			print = fmt.Sprintf("%X", sha1.Sum(s.PeerCertificates[0].Raw))
			return nil
		},
	})
	err := conn.HandshakeContext(ctx)
	if err == nil && u.Scheme == "wss" {
		return print, nil
	}
	status := ""
	if err == nil {
		status, err = postHandshake(conn, u.Host)
	}
	if print != "" && wantsClientCertificate(err) {
		return print, nil
	}
	if err != nil || status != "" {
		return "", &stageError{status: status, err: err}
	}
	return print, nil
}

// postHandshake returns the status of an answer that is not a polling port's, "" when it is.
func postHandshake(conn net.Conn, host string) (status string, err error) {
	answer, err := exchange(conn, "POST /handshake HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", http.MethodPost)
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusBadRequest {
		return answer.Status, nil
	}
	return "", nil
}

// exchange sends a request and reads the head of the answer, byte by byte so that nothing behind it is lost, and at most a little.
func exchange(conn net.Conn, request, method string) (*http.Response, error) {
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	head := bufio.NewReaderSize(io.LimitReader(oneByte{conn}, 16<<10), 16)
	return http.ReadResponse(head, &http.Request{Method: method})
}

// oneByte keeps a buffered reader from reading ahead.
type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 1)]) }

// wantsClientCertificate says whether the server ended the handshake because none was sent: then it is a polling port, and open.
func wantsClientCertificate(err error) bool {
	alert, is := errors.AsType[*net.OpError](err)
	return is && alert.Op == "remote error" &&
		(strings.Contains(alert.Err.Error(), "certificate required") || strings.Contains(alert.Err.Error(), "bad certificate"))
}

// CheckThumbprints compares what each port presented with the cluster's own thumbprint, and names each address that differs. A web
// socket (wss) has the certificate of the web site, and is trusted by that.
func CheckThumbprints(ports []Port, want string) error {
	var wrong strings.Builder
	var hint string
	for _, p := range ports {
		if !strings.EqualFold(p.Thumbprint, want) && !strings.HasPrefix(p.Address, "wss:") {
			fmt.Fprintf(&wrong, "\n    %s presents %s", p.Address, p.Thumbprint)
			if hint == "" {
				hint = portLeftOut(p.Address)
			}
		}
	}
	if wrong.Len() == 0 {
		return nil
	}
	return fmt.Errorf("not the certificate of this Octopus cluster, whose thumbprint is %s:%s\n"+
		"  something in between ends TLS (a load balancer, a proxy), or another server answers there: a Tentacle would refuse to talk to it\n"+
		"  let the port be passed through as TCP, and check --server, --server-comms-address and --server-comms-port%s", want, wrong.String(), hint)
}

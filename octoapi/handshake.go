package octoapi

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// stageError is what failed once there was a connection to the port.
type stageError struct {
	status string // of an answer that is not a polling port's
	line   string // of an answer that is not in the protocol of a polling port
	err    error
}

func (e *stageError) Error() string {
	if e.err == nil {
		return "answer " + e.status + e.line
	}
	return e.err.Error()
}

func (e *stageError) Unwrap() error { return e.err }

func diagnosePort(err error, host string, took time.Duration) diagnosis {
	stage, is := errors.AsType[*stageError](err)
	if !is {
		return diagnose(err, host, took)
	}
	if stage.err == nil {
		text := fmt.Sprintf("it responds with %s, but Octopus responds with 200", oneLine(stage.status, 60))
		if stage.line != "" {
			text = fmt.Sprintf("it responds with %q, but Octopus responds with MX-SERVER", oneLine(stage.line, 60))
		}
		return diagnosis{WebServer, text, retryBriefly, []string{"a web server or load balancer seems to be there"}}
	}
	d := diagnose(stage.err, host, took)
	switch {
	case errors.As(stage.err, new(tls.RecordHeaderError)):
		d.reason, d.retry = NotTLS, retryBriefly
		d.text = "it does not speak TLS; it may be plain HTTP"
		d.hints = []string{"the usual polling port is 10943, which is not the port of the web portal"}
	case alertOf(stage.err) != "" && d.reason == CertificateRequired: // perhaps a certificate was sent, and is not accepted
		d.reason, d.text, d.hints = OtherReason, "it ended TLS: "+alertOf(stage.err), nil
	case (errors.Is(stage.err, context.DeadlineExceeded) || errors.Is(stage.err, givenUpError{})) && d.reason != OutOfTime:
		d.text = fmt.Sprintf("it accepted the connection, but did not respond within %s", round(took))
		d.hints = []string{"a firewall or load balancer may accept connections with nothing behind it"}
	}
	return d
}

// tryPort connects once and has the conversation, which the end of the context breaks off: at once,
// or after a time to end it well.
func (o PortOptions) tryPort(ctx context.Context, u *url.URL, ending time.Duration, talk func(context.Context, net.Conn) error) error {
	raw, err := connect(ctx, u, o.Proxy)
	if err != nil {
		return err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Now().Add(ending)) })
	defer stop()
	err = talk(ctx, raw)
	if err != nil && ctx.Err() != nil {
		err = &stageError{err: context.Cause(ctx)} // what the deadline broke off is not the cause
	}
	return err
}

// proxied is the address of a port in the form in which a proxy is chosen for it.
func proxied(u *url.URL) *url.URL { return &url.URL{Scheme: "https", Host: u.Host} }

// connect opens a connection to the address, through its proxy if there is one.
func connect(ctx context.Context, u *url.URL, proxyOf func(*url.URL) (*url.URL, error)) (net.Conn, error) {
	proxy, err := proxyFor(proxyOf, proxied(u))
	if err != nil {
		return nil, err
	}
	dial := func(address string) (net.Conn, error) {
		raw, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx) // which the error does not tell
		}
		return raw, err
	}
	if proxy == nil {
		return dial(u.Host)
	}
	if proxy.Scheme != "http" {
		return nil, fmt.Errorf("the proxy is %s://…, but a Tentacle polls through http:// proxies only", oneLine(proxy.Scheme, 20))
	}
	raw, err := dial(net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), "80")))
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
		return &net.OpError{Op: "proxyconnect", Addr: raw.RemoteAddr(), Err: cmp.Or(context.Cause(ctx), err)}
	}
	if answer.StatusCode != http.StatusOK {
		return &ProxyError{Proxy: proxy.Host, Target: target, Status: answer.StatusCode, Given: proxy.User != nil}
	}
	return nil
}

// portTLS is how one speaks TLS with a polling port. It sets presented to the port's certificates,
// its own first, before the end of TLS's handshake: the server may then miss a client certificate.
func portTLS(u *url.URL, presented *[]*x509.Certificate) *tls.Config {
	return &tls.Config{
		ServerName:         u.Hostname(),
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // #nosec G402: Octopus is known by its thumbprint, which is returned for that
		VerifyConnection: func(s tls.ConnectionState) error {
			*presented = s.PeerCertificates
			return nil
		},
	}
}

// shakeHands does TLS and, unless it is a web socket, POST /handshake. It returns the certificates
// presented: at least one without an error, and with one what was presented before it.
func shakeHands(ctx context.Context, raw net.Conn, u *url.URL) (presented []*x509.Certificate, err error) {
	conn := tls.Client(raw, portTLS(u, &presented))
	err = conn.HandshakeContext(ctx)
	if err == nil && u.Scheme == "wss" {
		return presented, nil
	}
	status := ""
	if err == nil {
		status, err = postHandshake(conn, u.Host)
	}
	if presented != nil && wantsClientCertificate(err) {
		return presented, nil
	}
	if err != nil || status != "" {
		return presented, &stageError{status: status, err: err}
	}
	return presented, nil
}

// verify says why a chain of certificates, the server's own first, does not prove that it is host.
func verify(chain []*x509.Certificate, host string, roots *x509.CertPool) error {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: intermediates})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}

// postHandshake returns the status of an answer that is not a polling port's, "" when it is.
func postHandshake(conn net.Conn, host string) (status string, err error) {
	request := "POST /handshake HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	answer, err := exchange(conn, request, http.MethodPost)
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusBadRequest {
		return answer.Status, nil
	}
	return "", nil
}

// exchange sends a request and reads the head of the answer, byte by byte so that nothing behind it
// is lost, and at most a little.
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

// wantsClientCertificate says whether the server ended the handshake because none was sent: then it
// is a polling port, and open.
func wantsClientCertificate(err error) bool {
	said := alertOf(err)
	return said == "certificate required" || said == "bad certificate"
}

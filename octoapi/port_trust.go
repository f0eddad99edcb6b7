package octoapi

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// Trust is what a polling port says about a Tentacle's certificate.
type Trust int

// What a polling port may say.
const (
	NoAnswer   Trust = iota // PortTrust.Err says why
	Trusted                 // a Tentacle with this certificate is served
	NotTrusted              // it is turned away
)

// PortTrust is what one polling port said.
type PortTrust struct {
	Address    string // as it was given
	Trust      Trust
	Thumbprint string // of the certificate it presented, 40 upper-case hex digits; "" when TLS did not get that far
	Remote     string // the IP address and port that was connected to; "" through a proxy, or without a connection
	Err        error  // of NoAnswer: a *PortError, ErrWebSocket, or what is wrong with the address
}

// AskTrust asks polling ports, https://host:port, all at once, whether they trust the Tentacle with
// this certificate. A server trusts a certificate when a deployment target, worker or agent of any
// space is registered with its thumbprint; each node keeps a list, and may learn of a new one later
// than the others: ask again then.
//
// It presents the certificate and says that a client is there, as a server does to a listening
// Tentacle. It never subscribes, so that it is handed no work. A port that trusts says who it is;
// one that does not closes the connection without a word (Halibut, SecureListener.cs,
// MessageExchangeStream.cs). Both are answers, and are not asked for again; else the try is
// repeated as TryPorts does. A port that presents another certificate than the cluster's has not
// answered for the cluster: compare PortTrust.Thumbprint. The list is in the order of the
// addresses.
func AskTrust(ctx context.Context, addresses []string, certificate tls.Certificate, o PortOptions) []PortTrust {
	o = o.withDefaults()
	ports := make([]PortTrust, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() { ports[i] = o.askPort(ctx, address, certificate) })
	}
	all.Wait()
	return ports
}

func (o PortOptions) askPort(ctx context.Context, address string, certificate tls.Certificate) PortTrust {
	said := PortTrust{Address: address}
	if u, err := portURL(address); err == nil && u.Scheme == "wss" {
		said.Err = &report{message: address + " is a web socket, which cannot be asked whether it trusts a Tentacle", causes: []error{ErrWebSocket}}
		return said
	}
	port, last, err := o.tryUntilDeadline(ctx, address, func(ctx context.Context, u *url.URL) (try portTry, err error) {
		err = o.tryPort(ctx, u, o.timing.ending, func(ctx context.Context, raw net.Conn) (err error) {
			try.remote = o.remote(u, raw)
			config := portTLS(u, &try.presented)
			// Certificates would be left out where the server does not ask for such a one. A
			// Tentacle always presents its own, however old its key and signature are.
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
			try.trust, err = askTrust(ctx, tls.Client(raw, config))
			return err
		})
		return try, err
	})
	said.Trust, said.Remote = last.trust, last.remote
	if len(last.presented) > 0 {
		said.Thumbprint = thumbprint.Of(last.presented[0].Raw)
	}
	if said.Err = err; err == nil {
		o.Done(port)
	}
	return said
}

// The lines and the message are Halibut's. A request is compressed BSON (Halibut,
// MessageSerializer.cs); this one is null, which ends the conversation.
const (
	preface       = "MX\r\n\r\n"
	clientIsHere  = "MX-CLIENT 1.0\r\n\r\n"
	serverIsHere  = "MX-SERVER "
	noRequest     = "\xe3\x63\x60\x60\xe0\xf2\x4d\x2d\x2e\x4e\x4c\x4f\x65\x60\x00\x00"
	longestAnswer = 4 << 10 // bytes, of whatever is there
)

// askTrust asks on a connection, and leaves it to the server to close it.
func askTrust(ctx context.Context, conn *tls.Conn) (Trust, error) {
	err := conn.HandshakeContext(ctx)
	if err == nil {
		_, err = io.WriteString(conn, preface+clientIsHere)
	}
	if err != nil {
		return NoAnswer, &stageError{err: err}
	}
	answer := bufio.NewReader(io.LimitReader(conn, longestAnswer))
	line, err := answer.ReadString('\n')
	switch {
	case line == "" && errors.Is(err, io.EOF):
		return NotTrusted, nil
	case line == "":
		return NoAnswer, &stageError{err: err}
	case !strings.HasPrefix(line, serverIsHere):
		return NoAnswer, &stageError{line: line}
	}
	_, err = answer.ReadString('\n') // the empty line
	if err == nil {
		_, err = io.WriteString(conn, noRequest)
	}
	if err == nil {
		_, _ = io.Copy(io.Discard, answer) // the server says that it is there for another request, and closes
	}
	return Trusted, nil
}

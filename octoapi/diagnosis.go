package octoapi

import (
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
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// Reason is why a connection failed, as far as it helps to find what is wrong with the address.
type Reason int

// The reasons.
const (
	OtherReason      Reason = iota
	NameNotFound            // DNS does not know the host
	NoNameServer            // DNS does not answer
	Refused                 // nothing listens on the port
	Untrusted               // the certificate is not trusted
	NotTLS                  // the port does not speak TLS
	NotHTTP                 // the port does not speak HTTP
	NeedsHTTPS              // the port answered http with the advice to use https
	TimedOut                // no answer in time
	NoRoute                 // no way to the host
	Ended                   // the connection ended before the answer did
	WebServer               // of a polling port: a web server answers there
	ProxyUnreachable        // the proxy does not respond
	Interrupted             // the context was cancelled
	ProxyRefused            // the proxy did not connect: see ProxyError
)

// diagnosis explains an error of the operating system, TLS or HTTP.
type diagnosis struct {
	reason Reason
	text   string
	retry  retryFor
	hints  []string // about the world
}

// diagnose finds out what err, on the way to host ("name:port") and after took, means.
func diagnose(err error, host string, took time.Duration) diagnosis {
	var operation *net.OpError
	onProxy := false
	for e := err; errors.As(e, &operation); e = operation.Err {
		onProxy = onProxy || operation.Op == "proxyconnect" // as net/http has it
		if operation.Addr != nil {
			host = operation.Addr.String()
		}
	}
	d := diagnoseCause(err, host, took)
	if onProxy {
		d.reason, d.text, d.hints = ProxyUnreachable, "the proxy does not respond: "+d.text, nil
	}
	return d
}

// through adds the proxy on the way to u, which may be the one that failed.
func (d diagnosis) through(proxyOf func(*url.URL) (*url.URL, error), u *url.URL) diagnosis {
	if proxy, err := proxyOf(u); err == nil && proxy != nil && !strings.Contains(d.text, proxy.Hostname()) {
		d.text += ", through the proxy " + proxy.Host
	}
	return d
}

func diagnoseCause(err error, host string, took time.Duration) diagnosis {
	var (
		proxy     *ProxyError
		dns       *net.DNSError
		untrusted *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		timeout   net.Error
	)
	diagnosed := func(reason Reason, retry retryFor, text string, hints ...string) diagnosis {
		return diagnosis{reason, text, retry, hints}
	}
	switch {
	case errors.As(err, &proxy):
		retry := noRetry
		if proxy.Status >= 502 {
			retry = retryBriefly
		}
		return diagnosed(ProxyRefused, retry, proxy.Error()) // its hints come with it
	case errors.As(err, &dns) && dns.IsNotFound:
		return diagnosed(NameNotFound, retryBriefly, fmt.Sprintf("the name %s was not found (DNS)", dns.Name),
			"check that this machine uses a DNS server that knows the name")
	case errors.As(err, &dns):
		return diagnosed(NoNameServer, retryUntilDeadline, fmt.Sprintf("no DNS server resolved the name %s", dns.Name),
			"check the DNS servers that this machine uses")
	case errors.Is(err, connectionRefused):
		return diagnosed(Refused, retryBriefly, fmt.Sprintf("nothing listens on %s (connection refused)", host),
			"check that the server is running")
	case errors.As(err, &untrusted):
		return diagnoseCertificate(untrusted, host)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return diagnosed(NotTLS, noRetry, host+" does not speak TLS (https)")
	case strings.Contains(err.Error(), "malformed HTTP response"):
		return diagnosed(NotHTTP, noRetry, host+" does not speak HTTP")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return diagnosed(TimedOut, retryUntilDeadline, fmt.Sprintf("no response from %s within %s", host, round(took)),
			"a firewall may be dropping the connection")
	case errors.Is(err, networkUnreached), errors.Is(err, hostUnreached):
		return diagnosed(NoRoute, retryUntilDeadline, "there is no route to "+host, "check this machine's network")
	case errors.Is(err, connectionReset), errors.Is(err, connectionAborted), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return diagnosed(Ended, retryUntilDeadline, host+" closed the connection without a complete response",
			"the server, or a proxy in between, may be restarting: try again")
	}
	if carrier, is := errors.AsType[*url.Error](err); is { // its text repeats the URL
		err = carrier.Err
	}
	return diagnosed(OtherReason, noRetry, oneLine(err.Error(), maxQuote))
}

func diagnoseCertificate(err *tls.CertificateVerificationError, host string) diagnosis {
	d := diagnosis{reason: Untrusted, text: "the certificate of " + host + " is not trusted", retry: noRetry}
	if len(err.UnverifiedCertificates) == 0 {
		return d
	}
	leaf := err.UnverifiedCertificates[0]
	var (
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &name):
		d.text += ": it is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		d.text += fmt.Sprintf(": it is valid from %s to %s", leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly))
	default:
		d.text += ": this machine does not know its issuer"
	}
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	d.hints = []string{fmt.Sprintf("the certificate: subject %s, issuer %s, names %s, thumbprint %s",
		oneLine(leaf.Subject.String(), 100), oneLine(leaf.Issuer.String(), 100),
		oneLine(cmp.Or(strings.Join(names, ", "), "none"), 150), thumbprint.Of(leaf.Raw))}
	return d
}

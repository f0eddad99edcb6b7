package octoapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

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
		address   *ProxyAddressError
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
	case errors.As(err, &address):
		return diagnosed(ProxyMalformed, noRetry, address.Error())
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
	case wantsCertificate(err):
		retry := noRetry
		if alertOf(err) == "" {
			retry = retryBriefly // it may be another reason for which the connection ended
		}
		return diagnosed(CertificateRequired, retry, host+" asked for a client certificate, got none, and ended the connection",
			"Octopus Server asks for no client certificate there: a gateway or load balancer in front of it does")
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return diagnosed(NotTLS, noRetry, host+" does not speak TLS (https)")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		if took < leastTime { // it ran out on what was asked before
			return diagnosed(OutOfTime, noRetry, "there was no time left to ask "+host)
		}
		return diagnosed(TimedOut, retryUntilDeadline, fmt.Sprintf("no response from %s within %s", host, round(took)),
			"a firewall may be dropping the connection")
	case errors.Is(err, networkUnreached), errors.Is(err, hostUnreached):
		return diagnosed(NoRoute, retryUntilDeadline, "there is no route to "+host, "check this machine's network")
	case connectionEnded(err):
		return diagnosed(Ended, retryUntilDeadline, host+" closed the connection without a complete response",
			"the server, or a proxy in between, may be restarting: try again")
	}
	if d, is := diagnoseTLS(err, host); is {
		return d
	}
	return diagnoseHTTP(err, host)
}

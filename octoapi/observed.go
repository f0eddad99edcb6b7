package octoapi

import (
	"crypto/tls"
	"errors"
	"net/http"
	"sync/atomic"
)

// observed remembers of all requests to a server what explains a later failure.
type observed struct {
	*http.Transport
	answered          atomic.Bool // there was a response, of whatever kind
	wantedCertificate atomic.Bool // TLS asked for a client certificate, and none was sent
}

// observe makes the transport send no client certificate, as without it, and remember that one was
// asked for.
func observe(t *http.Transport) *observed {
	o := &observed{Transport: t}
	t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		o.wantedCertificate.Store(true)
		return &tls.Certificate{}, nil
	}
	return o
}

// RoundTrip is that of the transport. A connection that ends without a response after a client
// certificate was asked for is a certificateWantedError.
func (o *observed) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := o.Transport.RoundTrip(r)
	if err == nil {
		o.answered.Store(true)
		return answer, nil
	}
	if o.wantedCertificate.Load() && !o.answered.Load() {
		err = &certificateWantedError{err}
	}
	return nil, err
}

// certificateWantedError is a failure of a connection on which the server asked for a client
// certificate.
type certificateWantedError struct{ error }

func (e *certificateWantedError) Unwrap() error { return e.error }

// wantsCertificate says whether err is that a server got no client certificate: it says so itself,
// or ended the connection after it had asked for one. Servers that do without one ask for it, too:
// any other failure is not about it.
func wantsCertificate(err error) bool {
	if said := alertOf(err); said != "" {
		return saysCertificate(said) || said == "handshake failure" && errors.As(err, new(*certificateWantedError))
	}
	return errors.As(err, new(*certificateWantedError)) && connectionEnded(err)
}

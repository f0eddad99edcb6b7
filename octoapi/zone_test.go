package octoapi

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestAnAddressWithAZoneIsAsked: no certificate has the zone in it.
func TestAnAddressWithAZoneIsAsked(t *testing.T) {
	loopback := ""
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		if one.Flags&net.FlagLoopback != 0 {
			loopback = one.Name
		}
	}
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil || loopback == "" {
		t.Skip("no IPv6 here")
	}
	ca := authority(t)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	config := new(tls.Config)
	certified(func(c *x509.Certificate, _ *signer) { c.IPAddresses = []net.IP{net.IPv6loopback} })(t, config, ca)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"Application":"Octopus Deploy","Version":"2025.1","Links":{"Self":"/api"}}`)
	})}
	go func() { _ = server.Serve(tls.NewListener(l, config)) }()
	defer server.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, zone := range []string{"%", "%25"} {
		if _, err := newClient(t, Options{Server: "https://[::1" + zone + loopback + "]:" + port, RootCAs: roots}).Root(deadline(t, time.Minute)); err != nil {
			t.Errorf("%s: %v", zone, err)
		}
	}
}

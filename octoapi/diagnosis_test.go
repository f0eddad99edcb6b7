package octoapi

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// failing is a server that fails in one way.
type failing struct {
	tls    func(*testing.T, *tls.Config, *tls.Certificate) // changes what the server is configured with; nil: no TLS
	says   string                                          // to each request, then the connection ends
	reset  bool                                            // the connection is reset instead
	time   time.Duration                                   // that there is for all
	reason Reason
	want   []string
	not    string // is not said
	once   bool   // is not repeated
}

// failures are what a server, or something in between, can do wrong.
var failures = map[string]failing{
	"a certificate of an unknown issuer": {tls: certified(func(c *x509.Certificate, signer *signer) { signer.unknown = true }), reason: Untrusted,
		want: []string{"this machine does not know its issuer", "issuer CN=authority, names 127.0.0.1, thumbprint "}, once: true},
	"a certificate signed with SHA-1": {tls: certified(func(c *x509.Certificate, _ *signer) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }), reason: WeakSignature,
		want: []string{"it is signed with ECDSA-SHA1, which no longer counts", "issued again, with SHA-256"}, not: "does not know its issuer", once: true},
	"an intermediate signed with SHA-1": {tls: certified(func(_ *x509.Certificate, signer *signer) { signer.weakIntermediate = true }), reason: WeakSignature,
		want: []string{"that of its issuer is signed with ECDSA-SHA1"}, once: true},
	"a certificate with a common name only": {tls: certified(func(c *x509.Certificate, _ *signer) {
		c.Subject.CommonName, c.IPAddresses = "127.0.0.1", nil
	}), reason: OnlyCommonName, want: []string{"it names the host in its subject only (common name)", "subject alternative names", "names none"}, once: true},
	"a certificate that names no host": {tls: certified(func(c *x509.Certificate, _ *signer) {
		c.Subject.CommonName, c.IPAddresses = "other", nil
	}), reason: OnlyCommonName, want: []string{"it names no host", "subject alternative names"}, not: "common name", once: true},
	"the certificate of a polling port": {tls: certified(func(c *x509.Certificate, _ *signer) {
		c.Subject.CommonName, c.IPAddresses = "Octopus Portal", nil
	}), reason: PollingPort, want: []string{"which polling ports present"}, not: "issued again", once: true},
	"a certificate for another name": {tls: certified(func(c *x509.Certificate, _ *signer) { c.IPAddresses, c.DNSNames = nil, []string{"other.example.com"} }), reason: WrongName,
		want: []string{"it is for another name", "names other.example.com"}, once: true},
	"a certificate for clients": {tls: certified(func(c *x509.Certificate, _ *signer) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), reason: NotForServers,
		want: []string{"it may not be used by servers", "server authentication"}, once: true},
	"an expired certificate": {tls: certified(func(c *x509.Certificate, _ *signer) {
		c.NotBefore, c.NotAfter = time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2021, 1, 2, 0, 0, 0, 0, time.UTC)
	}), reason: OutOfDate, want: []string{"it is valid from 2020-01-02 to 2021-01-02", "the clock of this machine"}, once: true},
	"a certificate that its issuer may not issue": {tls: certified(func(_ *x509.Certificate, signer *signer) { signer.constrained = true }), reason: InvalidCertificate,
		want: []string{"its issuer may not issue it for this name"}, once: true},

	"a client certificate demanded, TLS 1.3": {tls: func(t *testing.T, c *tls.Config, ca *tls.Certificate) {
		certified(nil)(t, c, ca)
		c.ClientAuth = tls.RequireAnyClientCert
	}, reason: CertificateRequired, want: []string{"asked for a client certificate, got none", "a gateway or load balancer in front of it"}},
	"a client certificate demanded, TLS 1.2": {tls: func(t *testing.T, c *tls.Config, ca *tls.Certificate) {
		certified(nil)(t, c, ca)
		c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	}, reason: CertificateRequired, want: []string{"asked for a client certificate, got none"}},
	"a client certificate asked for, then the end": {tls: func(t *testing.T, c *tls.Config, ca *tls.Certificate) {
		certified(nil)(t, c, ca)
		c.ClientAuth = tls.RequestClientCert
	}, reason: CertificateRequired, want: []string{"asked for a client certificate, got none"}},
	"TLS 1.1 at most": {tls: func(t *testing.T, c *tls.Config, ca *tls.Certificate) {
		certified(nil)(t, c, ca)
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	}, reason: OldTLS, want: []string{"no TLS version or cipher in common", "TLS 1.2"}, once: true},
	"a cipher of old": {tls: func(t *testing.T, c *tls.Config, ca *tls.Certificate) {
		certified(nil)(t, c, ca)
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	}, reason: OldTLS, want: []string{"no TLS version or cipher in common"}, once: true},
	"a name that the server does not know": {tls: func(t *testing.T, c *tls.Config, ca *tls.Certificate) {
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
	}, want: []string{"does not know the name"}, once: true},

	"nothing, then the end":        {reason: Ended, want: []string{"closed the connection without a complete response", "try again"}},
	"a reset":                      {reset: true, reason: Ended, want: []string{"closed the connection without a complete response"}},
	"the end in the status line":   {says: "HTTP/1.1 2", reason: Garbled, want: []string{"sent a header that is malformed, or was cut off"}},
	"the end in the first word":    {says: "HTT", reason: Garbled, want: []string{"sent a header that is malformed, or was cut off"}},
	"the end in a header's name":   {says: "HTTP/1.1 200 OK\r\nCon", reason: Garbled, want: []string{"sent a header that is malformed, or was cut off"}},
	"the end after a header":       {says: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", reason: Ended, want: []string{"without a complete response"}},
	"the end in the body":          {says: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", reason: Ended, want: []string{"without a complete response"}},
	"the end in a chunk":           {says: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", reason: Ended, want: []string{"without a complete response"}},
	"a chunk without a length":     {says: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{", reason: Garbled, want: []string{"does not end as it should"}},
	"two lengths":                  {says: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", reason: Garbled, want: []string{"does not end as it should"}},
	"an encoding that nobody has":  {says: "HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\n{}", reason: Garbled, want: []string{"does not end as it should"}},
	"a header without end":         {says: "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 2<<20), reason: Garbled, want: []string{"sends an endless header"}, once: true},
	"first lines without end":      {says: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 50000), reason: Garbled, want: []string{"sends an endless header"}, once: true},
	"a redirect to no address":     {says: "HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n", reason: Garbled, want: []string{"redirects to something that is not an address"}, once: true},
	"a redirect to no port":        {says: "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:port/\r\nContent-Length: 0\r\n\r\n", reason: Garbled, want: []string{"redirects to something that is not an address"}, once: true},
	"compressed, but not":          {says: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n{\"a\":\"bcdef\"}", reason: Garbled, want: []string{"(gzip), but is not"}},
	"mail":                         {says: "220 mail.example.com ESMTP\r\n", reason: NotHTTP, want: []string{"does not speak HTTP"}, once: true},
	"a shell":                      {says: "SSH-2.0-OpenSSH_9.9\r\n", reason: NotHTTP, want: []string{"does not speak HTTP"}, once: true},
	"HTTP/2":                       {says: "\x00\x00\x12\x04\x00\x00\x00\x00\x00", reason: NotHTTP, want: []string{"does not speak HTTP"}, once: true},
	"no time at all":               {time: time.Nanosecond, reason: OutOfTime, want: []string{"there was no time left to ask the Octopus Server at", "for GET /api"}, not: "firewall"},
	"a response that never begins": {says: "hang", time: 2 * time.Second, reason: TimedOut, want: []string{"no response from", "firewall"}},
}

// goWords are how Go's packages begin their messages, and what only they say.
var goWords = regexp.MustCompile(`net/http:|net/url:|\btls: |x509:|dial tcp|read tcp|write tcp|\bhttp: |textproto|%!|\bin 0s|within 0s|\*[a-z]+\.[A-Z]|[a-z]\.[A-Z][a-z]+Error|: EOF`)

func TestEachFailureIsNamedInPlainWords(t *testing.T) {
	t.Parallel()
	for name, f := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := Options{RootCAs: x509.NewCertPool(), timing: quick}
			options.timing.briefly = 3 * time.Second // a busy machine is slow, too
			var config *tls.Config
			options.Server = "http://"
			if f.tls != nil {
				ca := authority(t)
				options.RootCAs.AddCert(ca.Leaf)
				options.Server, config = "https://", new(tls.Config)
				f.tls(t, config, ca)
			}
			address := f.serve(t, config)
			options.Server += address
			limit := time.Minute
			if f.time > 0 {
				limit = f.time
			} else if f.reason == Ended || f.reason == TimedOut {
				limit = 2 * time.Second // repeated until then
			}
			repeated := false
			options.Waiting = func(what string) {
				repeated = true
				if goWords.MatchString(what) {
					t.Errorf("progress in Go's words: %s", what)
				}
			}
			_, err := newClient(t, options).Root(deadline(t, limit))
			mustSay(t, err, f.want...)
			unreachable, is := errors.AsType[*UnreachableError](err)
			switch {
			case !is:
				t.Fatalf("%#v", err)
			case unreachable.Reason != f.reason:
				t.Errorf("reason %d: %v", unreachable.Reason, err)
			case f.once && repeated:
				t.Errorf("it was repeated: %v", err)
			case !f.once && !repeated && f.time == 0 && f.reason != CertificateRequired:
				t.Errorf("it was not repeated: %v", err)
			}
			if text := withHints(err); goWords.MatchString(text) || f.not != "" && strings.Contains(text, f.not) {
				t.Errorf("it says %s", text)
			}

			port := errOf(TryPorts(deadline(t, time.Second), []string{"https://" + address}, PortOptions{timing: quick}))
			if port != nil && goWords.MatchString(withHints(port)) {
				t.Errorf("of a port it says %s", withHints(port))
			}
		})
	}
}

// serve is the server's address.
func (f failing) serve(t *testing.T, config *tls.Config) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if f.says == "hang" {
					<-t.Context().Done()
					return
				}
				if tcp, is := conn.(*net.TCPConn); is && f.reset {
					_ = tcp.SetLinger(0)
				}
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = conn.Write([]byte(f.says))
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// signer is who issues a certificate.
type signer struct {
	unknown          bool // by an authority of another name, that is
	weakIntermediate bool // an authority in between, whose own certificate is signed with SHA-1
	constrained      bool // an authority in between for other hosts
}

func authority(t *testing.T) *tls.Certificate {
	t.Helper()
	return issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
}

// certified gives a server a certificate for 127.0.0.1, after a change to it or its signer.
func certified(change func(*x509.Certificate, *signer)) func(*testing.T, *tls.Config, *tls.Certificate) {
	return func(t *testing.T, config *tls.Config, ca *tls.Certificate) {
		t.Helper()
		c := &x509.Certificate{Subject: pkix.Name{CommonName: "octopus"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		var by signer
		if change != nil {
			change(c, &by)
		}
		var chain [][]byte
		between := func(template *x509.Certificate) {
			template.Subject.CommonName = "between"
			ca = issue(t, template, ca)
			chain = ca.Certificate
		}
		switch {
		case by.unknown:
			ca = authority(t)
		case by.weakIntermediate:
			between(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SignatureAlgorithm: x509.ECDSAWithSHA1})
		case by.constrained:
			_, others, _ := net.ParseCIDR("10.0.0.0/8")
			between(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, PermittedIPRanges: []*net.IPNet{others}})
		}
		made := issue(t, c, ca)
		made.Certificate = append(made.Certificate, chain...)
		config.Certificates = []tls.Certificate{*made}
	}
}

// issue makes a certificate of an authority, or a self-signed one.
func issue(t *testing.T, template *x509.Certificate, ca *tls.Certificate) *tls.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, by := template, key
	if ca != nil {
		parent, by = ca.Leaf, ca.PrivateKey.(*ecdsa.PrivateKey)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestARedirectThatLosesThePathIsNamed, with the address that does without it.
func TestARedirectThatLosesThePathIsNamed(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{TLS: true})
	host, _, _ := net.SplitHostPort(strings.TrimPrefix(cluster.URL(), "https://"))
	for to, server := range map[string]string{
		cluster.URL() + "/":    cluster.URL(),
		cluster.URL() + "/app": cluster.URL(),
		"/login":               "",
	} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		open := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				_, _ = w.Write([]byte("<html><title>Who is it?</title></html>"))
				return
			}
			http.Redirect(w, r, to, http.StatusFound)
		})}
		go func() { _ = open.Serve(l) }()
		t.Cleanup(func() { _ = open.Close() })
		_, err = newClient(t, Options{Server: "http://" + l.Addr().String() + "/app", RootCAs: pool(t, cluster)}).Root(deadline(t, time.Minute))
		mustSay(t, err, "http://"+l.Addr().String()+"/api redirects to ", "lacks the path")
		if to == "/login" {
			mustSay(t, err, `with the page "Who is it?"`)
		}
		if lost, is := errors.AsType[*RedirectError](err); !is || lost.Server != server || !errors.Is(err, ErrNotOctopus) {
			t.Errorf("%s: %#v", to, err)
		}
	}
}

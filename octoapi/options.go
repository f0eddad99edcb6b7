package octoapi

import (
	"crypto/x509"
	"net/url"
)

// Options says which server to ask, with which credentials and over which connection.
type Options struct {
	Server          string // as people paste it
	Credentials     Credentials
	IgnoreSSLErrors bool
	RootCAs         *x509.CertPool                   // nil: the system's
	Proxy           func(*url.URL) (*url.URL, error) // nil: that of the environment when New is called; see ProxyFunc
	UserAgent       string
	// Waiting is optional, and called from several goroutines: a read failed and will be repeated
	// after a wait.
	Waiting func(what string)
	// Starting is optional, and called from several goroutines: nothing listens at the server,
	// which may be starting at the same time as this machine. Then it is tried again for up to a
	// minute, until it has answered once; without Starting, briefly.
	Starting func(what string)
	// Unencrypted is optional, and called once, from any goroutine: credentials are about to go
	// over http to another machine, or to this one by a name of its own.
	Unencrypted func(CredentialKind)

	timing timing
}

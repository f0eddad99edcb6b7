package octoapi

// Reason is why a connection failed, as far as it helps to find what is wrong with the address.
type Reason int

// The reasons.
const (
	OtherReason         Reason = iota
	NameNotFound               // DNS does not know the host
	NoNameServer               // DNS does not answer
	Refused                    // nothing listens on the port
	Untrusted                  // nobody that this machine trusts issued the certificate
	WrongName                  // the certificate is for another host
	PollingPort                // the certificate is that of a polling port
	OnlyCommonName             // the certificate names the host in its subject only, or nowhere
	WeakSignature              // the certificate is signed with SHA-1, or worse
	NotForServers              // the certificate may be used by clients only
	OutOfDate                  // the certificate has expired, or is not valid yet
	InvalidCertificate         // something else is wrong with the certificate
	CertificateRequired        // the server wants a client certificate
	OldTLS                     // no version of TLS, or no cipher, in common
	NotTLS                     // the port does not speak TLS
	NotHTTP                    // the port does not speak HTTP
	Garbled                    // a response that begins as HTTP, and breaks its rules
	NeedsHTTPS                 // the port answered http with the advice to use https
	TimedOut                   // no answer in time
	OutOfTime                  // the time was over before the question could be asked
	NoRoute                    // no way to the host
	Ended                      // the connection ended before the answer did
	WebServer                  // of a polling port: a web server answers there
	ProxyUnreachable           // the proxy does not respond
	ProxyMalformed             // the proxy's address is none: see ProxyAddressError
	Interrupted                // the context was cancelled
	ProxyRefused               // the proxy did not connect: see ProxyError
)

// diagnosis explains an error of the operating system, TLS or HTTP.
type diagnosis struct {
	reason Reason
	text   string
	retry  retryFor
	hints  []string // about the world
}

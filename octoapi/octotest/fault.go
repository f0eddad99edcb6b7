package octotest

import "time"

// NodeFault is what is wrong with a polling port. The zero value is a port that works.
type NodeFault struct {
	Closed           bool          // nothing listens
	Hangs            bool          // accepts and never says anything
	PlainHTTP        bool          // speaks HTTP without TLS
	OtherCertificate bool          // something in between ends TLS with a certificate of its own
	RequireClient    bool          // requires a client certificate, with a TLS alert
	Status           int           // answers /handshake with this HTTP status
	Slow             time.Duration // waits so long before it answers
	ClosesFirst      int           // accepts and closes this many connections, then works
	DiesAfter        int           // closes once it has served this many connections; 0: never
	Silent           bool          // answers HTTP, but not Halibut's preface
	CachedTrust      bool          // trusts only the Tentacles that were registered when the fault was set
	CatchesUp        int           // with CachedTrust: for so many questions; 0: for ever
}

// APIFault is what is wrong with the API. The zero value is an API that works.
type APIFault struct {
	Path      string // only requests whose path ends so; "": every one
	Write     bool   // only requests that are not GET
	Anonymous bool   // only requests that carry no credentials
	First     int    // only the first so many of those requests; 0: all of them

	HTML              bool          // a proxy's login page, with status 200, or Status
	TruncatedJSON     bool          // half of the answer
	CutConnection     bool          // half of the answer, then the connection ends
	LostAnswer        bool          // does what it is asked, then the connection ends without an answer
	Status            int           // this status, with Octopus's JSON
	ErrorMessage      string        // the ErrorMessage of that JSON
	RetryAfter        string        // the header of that name, sent with Status
	RedirectTo        string        // redirects to this, with the path asked appended; status 302, or Status
	Hang              bool          // never answers
	Slow              time.Duration // waits so long before it answers
	NotOctopus        bool          // JSON of another program
	Version           string        // another version in /api
	MissingPermission string        // 403, naming this permission
	Thumbprint        string        // certificate-global of another cluster
}

// Package check turns a snapshot of a Tentacle into findings: what is wrong, why that matters, and
// which command fixes it. It prints nothing and makes no requests: everything it knows is in the
// Snapshot, which package commands takes.
package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// Level is how bad a finding is.
type Level int

// The levels of findings, from harmless to serious.
const (
	OK      Level = iota
	Skipped       // it was not looked at, and may be well or not
	Warning
	Problem
)

func (l Level) String() string { return [...]string{"ok", "skipped", "warning", "problem"}[l] }

// MarshalJSON writes the name.
func (l Level) MarshalJSON() ([]byte, error) { return json.Marshal(l.String()) }

// Finding is the result of one check. The ID names the check, whatever the result, and does not
// change between versions.
type Finding struct {
	Level Level  `json:"level"`
	ID    string `json:"id"`
	What  string `json:"what"`
	Why   string `json:"why"` // it matters, and what to do if no command fixes it; "" if nothing is wrong
	Fix   string `json:"fix"` // the command that fixes it; "" if there is none
	// Complete says that Fix can be pasted as it is: it fixes this, and nothing is lost if it
	// fails.
	Complete bool `json:"complete"`

	// What it is about; "" where it is about none, or about several.
	Address      string `json:"address,omitempty"`      // that is polled
	Node         string `json:"node,omitempty"`         // its name
	Polled       *bool  `json:"polled,omitempty"`       // whether the node is; nil where neither is proved
	Thumbprint   string `json:"thumbprint,omitempty"`   // of a cluster, or of the Tentacle
	Registration string `json:"registration,omitempty"` // its ID
	Space        string `json:"space,omitempty"`        // the ID of the registration's
	Key          string `json:"key,omitempty"`          // of the file to compare with, like registrations[0].roles
	Line         int    `json:"line,omitempty"`         // of that file, from 1

	Open string `json:"-"` // what a person has to do about a Fix that is not complete
	// Unknown says of a warning that it leaves open whether all is well, as where its area was not
	// looked at.
	Unknown bool `json:"-"`
}

// The IDs of the findings.
const (
	idIndex                 = "index" // of the instances; looked at only where it is damaged
	idConfiguration         = "configuration"
	idCertificate           = "certificate"            // there is one that can be read
	idCertificateExpiry     = "certificate-expiry"     // it is valid for a while
	idCertificateStrength   = "certificate-strength"   // its key and signature are accepted by today's servers
	idCertificateThumbprint = "certificate-thumbprint" // the setting is that of the certificate
	idFileAccess            = "file-access"            // no user can read the secrets, or change the file, who is not to
	idTrustedServers        = "trusted-servers"        // well-formed, and of use
	idDuplicates            = "duplicate-addresses"
	idSubscriptions         = "subscriptions"
	idEnvironment           = "environment" // of the service, overriding the file
	idService               = "service"
	idRestart               = "restart"
	idConnections           = "connections" // of the service's process
	idInstances             = "instances"   // of this machine, that get in each other's way
	idPollingProxy          = "polling-proxy"
	idPollingPort           = "polling-port" // one finding for each address
	idAccepted              = "accepted"     // one finding for each address that does not accept this Tentacle
	idProve                 = "prove"        // what health checks found that were started to prove which nodes are polled
	idRenewal               = "renewal"      // of a cluster's certificate; looked at only while it is under way
	idAPI                   = "api"
	idClock                 = "clock" // of this machine, compared with the server's
	idClusterThumbprint     = "cluster-thumbprint"
	idRegistration          = "registration" // one finding for each
	idIdentity              = "identity"     // no other machine is this Tentacle to the server
	idNodes                 = "nodes"        // one finding for each; without a node, what is known of all
	idSameNode              = "same-node"    // several addresses lead to one
	idPlaces                = "places"       // the lists of nodes that a Kubernetes agent has
	idNextStart             = "next-start"   // the next start of an agent keeps its trust
	idRelease               = "release"      // of Helm, that made an agent
	idScripts               = "script-pods"  // of an agent; only where some run
	idFile                  = "file"         // one finding for each difference to a file that says what the Tentacle should be
)

// report collects the findings about a snapshot.
type report struct {
	*Snapshot
	findings []Finding
	fixFor   func(id, fix string) string      // what to suggest instead; nil for nothing else
	coverage func() coverage.Result           // of the cluster whose API was asked
	places   func() map[string]coverage.Place // of that, by address

	open        map[string]string // what a person has to do about a fix, by its text; where it has no placeholders
	contradicts bool              // an address is polled with the thumbprints of several clusters
	notStarting bool              // because of an entry that no change repairs by the way
	toldHints   string            // the last that were said about a refusal
	aboutStart  bool              // the findings are about such an entry
}

// These add a finding. Say at once what it is about: the result is where it is until the next one.

func (r *report) ok(id, format string, a ...any) *Finding {
	return r.add(OK, id, fmt.Sprintf(format, a...), "", "")
}

// skipped says what was not looked at, and why: what to do so that it is.
func (r *report) skipped(id, what, why string) *Finding { return r.add(Skipped, id, what, why, "") }

func (r *report) warning(id, what, why, fix string) *Finding {
	return r.add(Warning, id, what, why, fix)
}

func (r *report) problem(id, what, why, fix string) *Finding {
	return r.add(Problem, id, what, why, fix)
}

// add adds a finding. Its fix is complete unless it has placeholders.
func (r *report) add(level Level, id, what, why, fix string) *Finding {
	if r.fixFor != nil {
		fix = r.fixFor(id, fix)
	}
	f := Finding{Level: level, ID: id, What: what, Why: asLines(why), Fix: fix}
	switch placeholders := suggest.Placeholders(fix); {
	case len(placeholders) > 0:
		f.Open = "replace " + strings.Join(placeholders, ", ")
	case r.CertificateErr != nil && strings.Contains(fix, " register-"):
		f.Open = "first repair the certificate"
	case strings.Contains(fix, " register-") && r.contradicts:
		f.Open = "first leave one thumbprint to the address that is polled with several"
	case r.waits(fix):
		f.Open = "first repair the entry that keeps the Tentacle from starting"
	default:
		f.Open = r.open[fix]
	}
	f.Complete = f.Fix != "" && f.Open == ""
	r.findings = append(r.findings, f)
	return &r.findings[len(r.findings)-1]
}

// changesServers matches the commands that change the list of trusted servers, which refuse one
// with which the Tentacle does not start.
var changesServers = lazyregexp.New(`octo-tentacle (apply|server-comms|poll-server|sync-servers|remove-server|update-trust|register-|configure .*trust=)`)

// waits says whether a fix fails as long as other entries keep the Tentacle from starting.
func (r *report) waits(fix string) bool {
	return r.notStarting && !r.aboutStart && changesServers().MatchString(fix)
}

// notComplete says that the fix of the finding just added, if it has one, needs a person although
// it has no placeholders: what they have to do about it.
func (r *report) notComplete(open string) {
	switch last := &r.findings[len(r.findings)-1]; {
	case last.Complete:
		last.Complete, last.Open = false, open
	case open == guesses && last.Open != "": // which hold whatever else is to be done
		last.Open += "; " + open
	}
}

// eachAbout carries out checks, and says of their findings what they are about where they do not
// say so themselves.
func (r *report) eachAbout(what Finding, checks func()) {
	before := len(r.findings)
	checks()
	for i := range r.findings[before:] {
		f := &r.findings[before+i]
		f.Address = cmp.Or(f.Address, what.Address)
		f.Thumbprint = cmp.Or(f.Thumbprint, what.Thumbprint)
		f.Registration = cmp.Or(f.Registration, what.Registration)
		f.Space = cmp.Or(f.Space, what.Space)
	}
}

// found says whether there is a finding with this ID already.
func (r *report) found(id string) bool {
	return slices.ContainsFunc(r.findings, func(f Finding) bool { return f.ID == id })
}

// addReason adds to the reason of a finding that has been added.
func (f *Finding) addReason(why string) { f.Why += "\n" + asLines(why) }

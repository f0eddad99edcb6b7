// Package check turns a snapshot of a Tentacle into findings: what is wrong, why that matters, and
// which command fixes it. It prints nothing and makes no requests: everything it knows is in the
// Snapshot, which package commands takes.
package check

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// Level is how bad a finding is.
type Level int

// The levels of findings, from harmless to serious.
const (
	OK Level = iota
	Warning
	Problem
)

func (l Level) String() string { return [...]string{"ok", "warning", "problem"}[l] }

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
}

// The IDs of the findings.
const (
	idIndex                 = "index" // of the instances; looked at only where it is damaged
	idConfiguration         = "configuration"
	idCertificate           = "certificate"            // there is one that can be read
	idCertificateExpiry     = "certificate-expiry"     // it is valid for a while
	idCertificateStrength   = "certificate-strength"   // its key and signature are accepted by today's servers
	idCertificateThumbprint = "certificate-thumbprint" // the setting is that of the certificate
	idTrustedServers        = "trusted-servers"        // well-formed, and of use
	idDuplicates            = "duplicate-addresses"
	idSubscriptions         = "subscriptions"
	idEnvironment           = "environment" // of the service, overriding the file
	idService               = "service"
	idRestart               = "restart"
	idInstances             = "instances" // of this machine, that get in each other's way
	idPollingProxy          = "polling-proxy"
	idPollingPort           = "polling-port" // one finding for each address
	idRenewal               = "renewal"      // of a cluster's certificate; looked at only while it is under way
	idAPI                   = "api"
	idClusterThumbprint     = "cluster-thumbprint"
	idRegistration          = "registration" // one finding for each
	idIdentity              = "identity"     // no other machine is this Tentacle to the server
	idNodes                 = "nodes"
)

// report collects the findings about a snapshot.
type report struct {
	*Snapshot
	findings []Finding
}

func (r *report) ok(id, format string, a ...any) {
	r.findings = append(r.findings, Finding{Level: OK, ID: id, What: fmt.Sprintf(format, a...)})
}

func (r *report) warning(id, what, why, fix string) {
	r.findings = append(r.findings, Finding{Warning, id, what, why, fix})
}

func (r *report) problem(id, what, why, fix string) {
	r.findings = append(r.findings, Finding{Problem, id, what, why, fix})
}

// found says whether there is a finding with this ID already.
func (r *report) found(id string) bool {
	return slices.ContainsFunc(r.findings, func(f Finding) bool { return f.ID == id })
}

// hints are those of an error, a line each.
func hints(err error) string { return strings.Join(hint.Of(err), "\n") }

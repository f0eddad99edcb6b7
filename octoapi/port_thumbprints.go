package octoapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// ThumbprintError are polling ports that present another certificate than the cluster's.
type ThumbprintError struct {
	Want  []string // the cluster's thumbprint, or several while its certificate is renewed
	Ports []Port   // those that differ

	Trusted bool // Want is what is trusted already: no API was asked
}

// Error lists the ports, one a line.
func (e *ThumbprintError) Error() string { return strings.Join(e.MessageLines(), "\n") }

// MessageLines are the lines of Error.
func (e *ThumbprintError) MessageLines() []string {
	lines := []string{fmt.Sprintf("not the certificate of this Octopus cluster, whose thumbprint is %s:", strings.Join(e.Want, " or "))}
	for _, p := range e.Ports {
		lines = append(lines, fmt.Sprintf("    %s presents %s", p.Address, p.Thumbprint))
	}
	return lines
}

// Hints says what may be in between.
func (e *ThumbprintError) Hints() []string {
	return []string{
		"a load balancer or proxy terminates TLS, or another server responds there: a Tentacle would refuse to talk to it",
		"make a load balancer pass the port through as TCP",
	}
}

// DefaultPort says whether one of the ports is 443, which an https address without a port has.
func (e *ThumbprintError) DefaultPort() bool {
	return slices.ContainsFunc(e.Ports, func(p Port) bool { return hasDefaultPort(p.Address) })
}

// WebSocketError is a web socket whose certificate is not to be trusted.
type WebSocketError struct {
	Port     Port
	Expected string // its thumbprint is another one; "" where none was expected
	report
}

// CheckWebSocket says whether to trust the certificate of a web socket: if a thumbprint is
// expected, the one that has it, and else one that stands up on its own, as a browser would trust
// it (OctopusTentacle, ServerCertificateTrustConfirmation.cs). The error is a *WebSocketError.
func CheckWebSocket(p Port, expected string) error {
	switch {
	case expected != "" && !thumbprint.Same(p.Thumbprint, expected):
		return &WebSocketError{p, expected, report{
			message: fmt.Sprintf("%s presents a certificate with the thumbprint %s, not %s", p.Address, p.Thumbprint, expected),
			hints:   []string{"the thumbprint is wrong, or something else responds there"},
		}}
	case expected == "" && p.Invalid != nil:
		d := diagnose(p.Invalid, p.Address, 0)
		return &WebSocketError{p, "", report{
			message: d.text + "; its thumbprint is " + p.Thumbprint,
			hints:   append(d.hints, "it is that of the web server, like IIS, HTTP.sys or a reverse proxy, not that of the cluster"),
			causes:  []error{p.Invalid},
		}}
	}
	return nil
}

// CheckThumbprints compares what each port presented with the cluster's own thumbprint, or with
// several while its certificate is renewed; the error is a *ThumbprintError. A web socket (wss) has
// the certificate of the web site: see CheckWebSocket.
func CheckThumbprints(ports []Port, want ...string) error {
	var wrong []Port
	for _, p := range ports {
		if !thumbprint.Contains(want, p.Thumbprint) && !strings.HasPrefix(p.Address, "wss:") {
			wrong = append(wrong, p)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &ThumbprintError{Want: want, Ports: wrong}
}

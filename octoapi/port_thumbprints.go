package octoapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// ThumbprintError are polling ports that present another certificate than the cluster's.
type ThumbprintError struct {
	Want  string // the cluster's thumbprint
	Ports []Port // those that differ
}

// Error lists the ports, one a line.
func (e *ThumbprintError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "not the certificate of this Octopus cluster, whose thumbprint is %s:", e.Want)
	for _, p := range e.Ports {
		fmt.Fprintf(&text, "\n    %s presents %s", p.Address, p.Thumbprint)
	}
	return text.String()
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

// CheckThumbprints compares what each port presented with the cluster's own thumbprint; the error
// is a *ThumbprintError. A web socket (wss) has the certificate of the web site, and is trusted by
// that.
func CheckThumbprints(ports []Port, want string) error {
	var wrong []Port
	for _, p := range ports {
		if !thumbprint.Same(p.Thumbprint, want) && !strings.HasPrefix(p.Address, "wss:") {
			wrong = append(wrong, p)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &ThumbprintError{want, wrong}
}

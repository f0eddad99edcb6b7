package commands

import (
	"context"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// askTrust asks each polling port once whether it trusts the Tentacle with this certificate.
func (n *network) askTrust(ctx context.Context, addresses []string, certificate *tentacleconfig.Certificate) []octoapi.PortTrust {
	ctx, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	return octoapi.AskTrust(ctx, addresses, certificate.TLS(), octoapi.PortOptions{Proxy: n.ports, FailFast: true})
}

// whyNotAccepted is why a port that was asked does not accept this Tentacle; nil if it does. The
// address is polled under the thumbprints that are trusted there.
func whyNotAccepted(port octoapi.PortTrust, trusted []string) error {
	switch {
	case port.Thumbprint != "" && !thumbprint.Contains(trusted, port.Thumbprint):
		return fmt.Errorf("%s presents the thumbprint %s, which is not trusted there", port.Address, port.Thumbprint)
	case port.Trust == octoapi.NotTrusted:
		return refusedError{port.Address}
	}
	return port.Err
}

// refusedError is a polling port that turns this Tentacle away.
type refusedError struct{ address string }

func (e refusedError) Error() string { return e.address + " does not accept this Tentacle" }

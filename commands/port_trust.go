package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// askTrust asks each polling port once whether it trusts the Tentacle with this certificate.
func (s *connection) askTrust(ctx context.Context, addresses []string, certificate *tentacleconfig.Certificate) []octoapi.PortTrust {
	ctx, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	return octoapi.AskTrust(ctx, addresses, certificate.TLS(), octoapi.PortOptions{Proxy: s.ports, FailFast: true})
}

// Between two questions, a node has time to read the registrations again.
const (
	firstTrustPause = 500 * time.Millisecond
	maxTrustPause   = 5 * time.Second
)

// waitAccepted waits until every polled port accepts this Tentacle, which was perhaps registered a
// moment ago: each node keeps a list of the thumbprints that it trusts. It warns of those that do
// not within --timeout.
func (s *connection) waitAccepted(ctx context.Context, t *tentacle, addresses []string) {
	if len(addresses) == 0 {
		return
	}
	certificate, err := t.ownCertificate()
	if err != nil {
		s.console.warnOf(fmt.Errorf("it was not checked whether the polled ports accept this Tentacle: %w", err))
		return
	}
	defer s.console.endProgress()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var last []octoapi.PortTrust
	for pause := firstTrustPause; ; pause = min(2*pause, maxTrustPause) {
		s.console.progress(fmt.Sprintf("waiting for %s to accept this Tentacle", plural.Of(len(addresses), "polling port", "polling ports")))
		last, addresses = s.notAccepting(ctx, last, addresses, certificate)
		if len(addresses) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			warnNotAccepting(s.console, last)
			return
		case <-time.After(pause):
		}
	}
}

// notAccepting asks the addresses again, and returns those that do not accept the certificate with
// what they said: before, if there is no time left.
func (s *connection) notAccepting(ctx context.Context, before []octoapi.PortTrust, addresses []string, certificate *tentacleconfig.Certificate) (said []octoapi.PortTrust, left []string) {
	asked := s.askTrust(ctx, addresses, certificate)
	if ctx.Err() != nil && before != nil {
		return before, addresses
	}
	for _, port := range asked {
		if port.Trust != octoapi.Trusted {
			said, left = append(said, port), append(left, port.Address)
		}
	}
	return said, left
}

func warnNotAccepting(c *console, ports []octoapi.PortTrust) {
	for _, port := range ports {
		if port.Trust == octoapi.NotTrusted {
			c.warn("%s does not accept this Tentacle yet: until it does, no work arrives from that node", port.Address)
		} else {
			c.warnOf(fmt.Errorf("it is not known whether %s accepts this Tentacle: %w", port.Address, port.Err))
		}
	}
}

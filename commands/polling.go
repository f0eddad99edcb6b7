package commands

import (
	"context"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What poll-server and sync-servers have in common: the nodes of a cluster that is polled already.

// pollOptions are how nodes are polled.
type pollOptions struct {
	api       apiOptions
	health    healthOptions
	webSocket webSocketTrust
	replace   bool // poll nothing else of the cluster
}

// change asks the API and the ports, and returns the change that polls these addresses.
func (o pollOptions) change(ctx context.Context, c *console, t *tentacle, addresses []string, out *outcome) (change, error) {
	server, err := t.connect(c, o.api)
	if err != nil {
		return change{}, err
	}
	t.warnOfCertificate(c)
	server.webSocket = o.webSocket
	if !pollsAll(t.servers, addresses) {
		server.askSpacesAhead(ctx)
	}
	var cluster string
	err = server.within(ctx, func(ctx context.Context) error {
		if cluster, err = server.askCluster(ctx, addresses, nil); err == nil && o.replace {
			server.warnOfBalancing(ctx, addresses)
		}
		return err
	})
	if err != nil {
		return change{}, err
	}
	out.Server = server.URL()
	return change{
		servers: polling{cluster, addresses, o.replace, t.suggest()}.decide,
		after: func() error {
			if !out.saved && !o.health.waitHealthy {
				return nil
			}
			if err := server.noteRegistrations(ctx, t, o.health, out); err != nil {
				return out.afterwards(err)
			}
			return nil
		},
	}, nil
}

// pollsAll says whether all addresses are polled, whatever the cluster.
func pollsAll(servers []tentacleconfig.TrustedServer, addresses []string) bool {
	for _, address := range addresses {
		if !slices.ContainsFunc(servers, func(s tentacleconfig.TrustedServer) bool {
			return s.Polls() && tentacleconfig.SameAddress(s.Address, address)
		}) {
			return false
		}
	}
	return true
}

// polling is what should be polled of a cluster.
type polling struct {
	thumbprint string // the cluster's
	addresses  []string
	replace    bool // poll nothing else of the cluster
	tentacle   suggest.Tentacle
}

// decide gives each address an entry, made like the first one that polls the cluster. An entry that
// polls already stays as it is, unless the Tentacle cannot use it: it is repaired even if nothing
// else changes.
func (p polling) decide(now []tentacleconfig.TrustedServer) (decision, error) {
	now = tentacleconfig.Repair(now)
	model, err := p.model(now)
	if err != nil {
		return decision{}, err
	}
	var missing []tentacleconfig.TrustedServer
	for _, address := range p.addresses {
		if !tentacleconfig.PolledAt(now, p.thumbprint, address) {
			missing = append(missing, model.With(address))
		}
	}
	after := tentacleconfig.Upsert(now, missing...)
	if p.replace {
		after = tentacleconfig.Without(after, func(s tentacleconfig.TrustedServer) bool {
			return s.Polls() && thumbprint.Same(s.Thumbprint, p.thumbprint) && !s.IsAt(p.addresses)
		})
	}
	return decision{servers: after, thumbprint: p.thumbprint}, startable(after, p.tentacle)
}

// model is the entry whose subscription and style new nodes of the cluster get.
func (p polling) model(servers []tentacleconfig.TrustedServer) (tentacleconfig.TrustedServer, error) {
	var ofCluster []tentacleconfig.TrustedServer
	for _, server := range servers {
		if !thumbprint.Same(server.Thumbprint, p.thumbprint) {
			continue
		}
		if server.Subscribes() {
			return server, nil
		}
		ofCluster = append(ofCluster, server)
	}
	switch {
	case len(ofCluster) == 0:
		return tentacleconfig.TrustedServer{}, untrustedError{servers, p.thumbprint, p.tentacle}
	case tentacleconfig.Polling(ofCluster):
		return tentacleconfig.TrustedServer{}, withoutSubscription(ofCluster, p.tentacle)
	}
	return tentacleconfig.TrustedServer{}, hint.Errorf("to make it poll, "+registerHint,
		"this Tentacle trusts the cluster (thumbprint %s) but does not poll it: it listens, and high availability needs no further setup", p.thumbprint)
}

// withoutSubscription says that servers are polled, but under no subscription that others could be
// polled under.
func withoutSubscription(polled []tentacleconfig.TrustedServer, tentacle suggest.Tentacle) error {
	if err := startable(polled, tentacle); err != nil {
		return err
	}
	i := slices.IndexFunc(polled, tentacleconfig.TrustedServer.Polls)
	return hint.Errorf("to give it one, "+registerHint,
		"this Tentacle polls under no subscription at %s: no server has work for it", polled[i].Address)
}

// warnOfBalancing warns of one address for several nodes. If this cannot be found out (a permission
// is missing), the command continues.
func (s *connection) warnOfBalancing(ctx context.Context, addresses []string) {
	if len(addresses) != 1 {
		return
	}
	if nodes, err := s.Nodes(ctx); err == nil {
		s.warnOfUnpolledNodes(ctx, nodes, addresses)
	}
}

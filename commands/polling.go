package commands

import (
	"errors"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What poll-server and sync-servers decide on: the nodes of a cluster that is polled already.

// polling is what should be polled of a cluster.
type polling struct {
	known     []string // thumbprints of the cluster; the first is the result's
	required  []string // each address is polled under each of these; none: under any of the cluster's
	addresses []string
	replace   bool        // poll nothing else of the cluster
	mayListen bool        // it is no error if the Tentacle only listens to the cluster
	begins    string      // the subscription under which a cluster is polled that is not polled yet; "": that is an error
	compared  *comparison // with the nodes of the cluster; nil: not compared
	tentacle  suggest.Tentacle
}

// of is the polling of the cluster with this thumbprint, and with the listed ones if there are any.
func (p polling) of(cluster string, listed []string) polling {
	p.known = []string{cluster}
	for _, one := range listed {
		if !thumbprint.Same(one, cluster) {
			p.known = append(p.known, one)
		}
	}
	p.required = p.known
	return p
}

// decide gives each address an entry, made like the first one that polls the cluster. An entry that
// polls already stays as it is, unless the Tentacle cannot use it: it is repaired even if nothing
// else changes.
//
// While its certificate is renewed, a cluster is polled under two thumbprints. Then a new address
// is polled under both, and one that goes, goes under both.
func (p polling) decide(now []tentacleconfig.TrustedServer) (decision, error) {
	now = tentacleconfig.Repair(now)
	d := decision{cluster: tentacleconfig.ClusterOf(now, p.known...), thumbprint: p.known[0]}
	model, err := p.model(now, d.cluster)
	if errors.As(err, new(listensError)) && p.mayListen {
		d.servers, d.listens = p.listen(now), true
		if len(p.required) == 0 && len(p.known) > 1 { // to several clusters, whichever is meant
			d.thumbprint = ""
		}
		return d, nil
	}
	if err != nil {
		return decision{}, err
	}
	d.servers = tentacleconfig.Upsert(now, p.missing(now, model, d.cluster)...)
	if wanted := tentacleconfig.AddressSetOf(p.addresses); p.replace {
		d.servers = tentacleconfig.Without(d.servers, func(s tentacleconfig.TrustedServer) bool {
			return s.Polls() && thumbprint.Contains(d.cluster, s.Thumbprint) && !wanted.HasServer(s)
		})
	}
	d.servers = p.listen(d.servers)
	if err := startable(d.servers, p.tentacle); err != nil {
		return decision{}, err
	}
	return d, p.compared.refuseChange(now, d.servers)
}

// missing are the entries that the addresses need besides those that there are.
func (p polling) missing(now []tentacleconfig.TrustedServer, model tentacleconfig.TrustedServer, cluster []string) (entries []tentacleconfig.TrustedServer) {
	polled := tentacleconfig.PolledIn(now)
	for _, address := range p.addresses {
		like, has := model, []string(nil)
		for _, one := range cluster {
			if entry, is := polled.At(one, address); is {
				like, has = entry, append(has, one)
			}
		}
		needs := p.required
		if has == nil { // a new address
			needs = cluster
		}
		for _, one := range needs {
			if thumbprint.Contains(has, one) {
				continue
			}
			entry := like.With(address)
			if !thumbprint.Same(entry.Thumbprint, one) {
				entry.Thumbprint = one
			}
			entries = append(entries, entry)
		}
	}
	return entries
}

// listen makes a Tentacle that listens to the cluster do so under all required thumbprints.
func (p polling) listen(servers []tentacleconfig.TrustedServer) []tentacleconfig.TrustedServer {
	if len(p.required) < 2 {
		return servers
	}
	var like *tentacleconfig.TrustedServer
	var has []string
	for i, s := range servers {
		if s.Address == "" && thumbprint.Contains(p.required, s.Thumbprint) {
			like, has = &servers[i], append(has, s.Thumbprint)
		}
	}
	for _, one := range p.required {
		if like != nil && !thumbprint.Contains(has, one) {
			entry := *like
			entry.Thumbprint = one
			servers = tentacleconfig.Upsert(servers, entry)
		}
	}
	return servers
}

// listensError says that the Tentacle trusts a cluster, and polls none of its nodes.
type listensError struct {
	thumbprints []string
	tentacle    suggest.Tentacle
}

func (e listensError) Error() string {
	return "this Tentacle trusts the cluster (thumbprint " + strings.Join(e.thumbprints, ", ") + ") but does not poll it: it listens, and high availability needs no further setup"
}

// Hints say how to poll all the same.
func (e listensError) Hints() []string {
	return []string{"to make it poll, " + registerHint(e.tentacle)}
}

// model is the entry whose subscription and style new nodes of the cluster get.
func (p polling) model(servers []tentacleconfig.TrustedServer, cluster []string) (tentacleconfig.TrustedServer, error) {
	var ofCluster []tentacleconfig.TrustedServer
	for _, one := range cluster { // of those with its first thumbprint, if there are any
		for _, server := range servers {
			if !thumbprint.Same(server.Thumbprint, one) {
				continue
			}
			if server.Subscribes() {
				return server, nil
			}
			ofCluster = append(ofCluster, server)
		}
	}
	switch {
	case p.begins != "" && !tentacleconfig.Polling(ofCluster):
		return tentacleconfig.TrustedServer{Thumbprint: cluster[0], Style: tentacleconfig.StylePolling, SubscriptionID: p.begins}, nil
	case len(ofCluster) == 0:
		return tentacleconfig.TrustedServer{}, p.untrusted(servers)
	case tentacleconfig.Polling(ofCluster):
		return tentacleconfig.TrustedServer{}, withoutSubscription(ofCluster, p.tentacle)
	}
	return tentacleconfig.TrustedServer{}, listensError{tentacleconfig.Thumbprints(ofCluster), p.tentacle}
}

func (p polling) untrusted(servers []tentacleconfig.TrustedServer) error {
	if len(p.known) == 1 {
		return untrustedError{servers, p.known[0], p.tentacle}
	}
	return hint.With(errors.New("this Tentacle trusts none of the cluster's thumbprints "+strings.Join(p.known, ", ")),
		trustedHint(servers), registerHint(p.tentacle))
}

// withoutSubscription says that servers are polled, but under no subscription that others could be
// polled under.
func withoutSubscription(polled []tentacleconfig.TrustedServer, tentacle suggest.Tentacle) error {
	if err := startable(polled, tentacle); err != nil {
		return err
	}
	i := slices.IndexFunc(polled, tentacleconfig.TrustedServer.Polls)
	return hint.Errorf("to give it one, "+registerHint(tentacle),
		"this Tentacle polls under no subscription at %s: no server has work for it", polled[i].Address)
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// How poll-server and sync-servers find out whether they may poll what they should.

// pollOptions are how nodes are polled.
type pollOptions struct {
	api    apiOptions
	nodes  *nodeOptions
	health healthOptions
	force  bool

	leftOut bool // registrations of a file, on purpose: see acceptance

	asksAPI bool     // else the cluster is the one that is polled
	listed  []string // thumbprints of the cluster that a file gives
	polling polling  // without thumbprints, which are found out
}

// completeServer finds out whether there is a server to ask, and refuses what makes no sense
// without one.
func (o *pollOptions) completeServer(c *console) (err error) {
	if o.asksAPI, err = o.api.completeIfGiven(c); err != nil || o.asksAPI {
		return err
	}
	option := ""
	switch {
	case o.health.waitHealthy:
		option = "--wait-healthy"
	case o.nodes.webSocketTrust.any:
		option = "--dangerously-skip-certificate-validation"
	case o.nodes.webSocketTrust.thumbprint != "":
		option = "--server-web-socket-thumbprint"
	default:
		return o.api.refuseAlone()
	}
	return hint.Errorf("give "+o.api.missing(), "%s needs an Octopus Server to ask", option)
}

// change asks the API, if there is one, and the new ports, and returns the change that polls the
// addresses.
func (o pollOptions) change(ctx context.Context, c *console, t *tentacle, out *outcome) (change, error) {
	t.warnOfCertificate(c)
	if !o.asksAPI {
		return o.changeUnasked(ctx, c, t, out)
	}
	server, err := t.connect(c, o.api)
	if err != nil {
		return change{}, err
	}
	server.webSocket = o.nodes.webSocketTrust
	if polled := polledAddresses(t.servers); !out.DryRun && len(polled) > 0 && len(notPolled(o.polling.addresses, polled)) > 0 {
		server.askSpacesAhead(ctx) // it looks like a change
	}
	var p polling
	err = server.within(ctx, func(ctx context.Context) (err error) {
		p, err = o.ask(ctx, server, t, out)
		return err
	})
	if err != nil {
		return change{}, err
	}
	out.Server = server.URL()
	return change{
		servers: p.decide,
		after: func() error {
			if !out.saved && !o.health.waitHealthy {
				return nil
			}
			a := server.acceptance(t, &o.api, o.health)
			a.leftOut = o.leftOut
			if err := server.noteRegistrations(ctx, o.health, a, out); err != nil {
				return out.afterwards(err)
			}
			return nil
		},
	}, nil
}

// ask asks the API which cluster it is and which nodes that has, and the new ports whether they are
// the cluster's own.
func (o pollOptions) ask(ctx context.Context, server *connection, t *tentacle, out *outcome) (polling, error) {
	var nodes nodesAnswer
	answer, err := server.askCluster(ctx, clusterQuestion{
		addresses: o.polling.addresses, now: t.servers, allowUnreachable: o.nodes.allowUnreachable,
		settle: func(cluster string) (need, accepted []string, err error) {
			if len(o.listed) > 0 && !thumbprint.Contains(o.listed, cluster) {
				return nil, nil, hint.Errorf("check --server and the file; while the certificate is renewed, list both thumbprints",
					"the cluster's thumbprint is %s, which is none of those listed: %s", cluster, strings.Join(o.listed, ", "))
			}
			return o.polling.of(cluster, o.listed).settle(t.servers)
		},
		also: func(ctx context.Context) error {
			nodes = server.askNodes(ctx)
			return nil
		},
	})
	if err != nil {
		return polling{}, err
	}
	out.Unverified = append(out.Unverified, answer.unverified...)
	p := o.polling.of(answer.thumbprint, o.listed)
	d, err := p.decide(t.servers)
	if err != nil {
		return polling{}, err
	}
	noteListening(d, out)
	p.compared, err = server.compare(ctx, nodes, t.servers, d, o.force)
	return p, err
}

// settle decides which addresses need an answer of their port, and which thumbprints that may
// present.
func (p polling) settle(now []tentacleconfig.TrustedServer) (need, accepted []string, err error) {
	if !slices.ContainsFunc(now, func(s tentacleconfig.TrustedServer) bool { return thumbprint.Contains(p.known, s.Thumbprint) }) {
		// Whether the API and the ports are of one cluster says more than that it is not trusted.
		return p.addresses, p.known, nil
	}
	d, err := p.decide(now)
	if err != nil || d.listens {
		return nil, nil, err
	}
	accepted = d.cluster
	if len(p.known) > 1 {
		accepted = p.known
	}
	return notPolled(p.addresses, polledAddresses(now, d.cluster...)), accepted, nil
}

// changeUnasked is change without an API to ask: the cluster is the one that the Tentacle polls,
// and each new port has to present its certificate. That takes no more than the Tentacle itself
// needs.
func (o pollOptions) changeUnasked(ctx context.Context, c *console, t *tentacle, out *outcome) (change, error) {
	p := o.polling
	var err error
	if p.known, err = p.polledCluster(t.servers, o.listed); err != nil {
		return change{}, err
	}
	p.required = o.listed
	d, err := p.decide(t.servers)
	if err != nil {
		return change{}, err
	}
	need, accepted, err := p.settle(t.servers)
	if err != nil {
		return change{}, err
	}
	q := clusterQuestion{now: t.servers, allowUnreachable: o.nodes.allowUnreachable}
	if len(need) > 0 {
		ports, err := t.network(c, o.api.timeout)
		if err != nil {
			return change{}, err
		}
		err = ports.within(ctx, func(ctx context.Context) (err error) {
			out.Unverified, err = ports.askPorts(ctx, q, need, accepted)
			if errors.As(err, new(*octoapi.ThumbprintError)) && len(o.listed) == 0 {
				err = hint.With(err, "while the cluster's certificate is renewed, the file of sync-servers can list both thumbprints (thumbprints:)")
			}
			return err
		})
		if err != nil {
			return change{}, err
		}
	}
	noteListening(d, out)
	if note := "no Octopus Server was asked"; !tentacleconfig.Diff(t.servers, d.servers).Empty() {
		switch {
		case len(need) == len(out.Unverified): // no new port answered
		case len(o.listed) > 0:
			note += ": the new ports present a thumbprint of the file"
		default:
			note += ": what the new ports present is trusted already"
		}
		out.notes = append(out.notes, note)
	}
	return change{servers: p.decide, after: func() error {
		if !out.saved {
			return nil
		}
		ports, err := t.network(c, o.api.timeout)
		if err != nil {
			c.warnOf(fmt.Errorf("it is not known whether the polled ports accept this Tentacle: %w", err))
			return nil
		}
		acceptance{network: ports, tentacle: t, patience: learnTime, check: []string{"--server=URL", "--apikey-file=FILE"}, leftOut: o.leftOut}.ask(ctx, out)
		return nil
	}}, nil
}

// noteListening says why there is nothing to poll.
func noteListening(d decision, out *outcome) {
	if d.listens {
		out.notes = append(out.notes, "nothing to poll: this Tentacle listens, and every node of the cluster reaches it")
	}
}

// polledCluster are the thumbprints of the cluster where no server is asked: those listed, else
// those under which the Tentacle polls. One that only listens, to whatever cluster, has nothing to
// poll.
func (p polling) polledCluster(servers []tentacleconfig.TrustedServer, listed []string) ([]string, error) {
	if len(listed) > 0 {
		return listed, nil
	}
	servers = tentacleconfig.Repair(servers)
	clusters := tentacleconfig.PolledClusters(servers)
	switch {
	case len(clusters) == 1:
		return clusters[0], nil
	case len(clusters) > 1:
		return nil, severalClustersError{servers, clusters}
	case tentacleconfig.Polling(servers):
		return nil, withoutSubscription(servers, p.tentacle)
	case len(servers) == 0:
		return nil, hint.New("this Tentacle trusts no Octopus Server yet", registerHint(p.tentacle))
	}
	return tentacleconfig.Thumbprints(servers), nil
}

// severalClustersError says that it is not clear which cluster is meant.
type severalClustersError struct {
	servers  []tentacleconfig.TrustedServer
	clusters [][]string
}

func (e severalClustersError) Error() string {
	return fmt.Sprintf("this Tentacle polls %d clusters, and it is not known which of them is meant", len(e.clusters))
}

// Hints name the clusters, and how to choose one.
func (e severalClustersError) Hints() []string {
	var hints []string
	for i, cluster := range e.clusters {
		if i == listedAtMost {
			break
		}
		hints = append(hints, strings.Join(cluster, ", ")+": "+shortList(polledAddresses(e.servers, cluster...)))
	}
	return append(hints, "give --server and credentials of the one to change; a file of sync-servers may say it with thumbprints:")
}

// askPorts tries the ports that need an answer, without an API. It returns those that did not
// answer, and are allowed not to.
func (n *network) askPorts(ctx context.Context, q clusterQuestion, need, accepted []string) ([]string, error) {
	n.console.progress(askingText("", len(need)))
	defer n.console.endProgress()
	tried := n.tryPorts(ctx, q.withWitnesses(need), "", q.allowUnreachable)
	expected := q.expecting(need, accepted)
	expected.unasked = true
	unverified, err := tried.judge(n.console, expected)
	if err != nil {
		return nil, err
	}
	return append([]string{}, unverified...), nil // an empty list is [], not null
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What apply decides about the servers that a Tentacle trusts: what the commands that poll, listen
// and register decide, and that nothing else is left of the cluster.

// exactServers is what a file says of the cluster.
type exactServers struct {
	style       tentacleconfig.Style
	nodes       []string // all that is polled of it; nil: what is polled stays
	thumbprints []string // all that it has; nil: what is trusted stays
}

// of is the decision with nothing else of the cluster in it.
func (e exactServers) of(d decision) decision {
	drop := func(s tentacleconfig.TrustedServer) bool {
		switch its := thumbprint.Contains(d.cluster, s.Thumbprint); {
		case !its:
			return false
		case s.Polls() && e.style == tentacleconfig.StyleListening:
			return true
		case s.Polls() && e.nodes != nil && !s.IsAt(e.nodes):
			return true
		}
		return len(e.thumbprints) > 0 && !thumbprint.Contains(e.thumbprints, s.Thumbprint)
	}
	d.servers = tentacleconfig.Without(d.servers, drop)
	return d
}

// after decides and leaves nothing else of the cluster.
func (e exactServers) after(decide decide) decide {
	return func(now []tentacleconfig.TrustedServer) (decision, error) {
		d, err := decide(now)
		if err != nil || d.listens || d.thumbprint == "" {
			return d, err
		}
		return e.of(d), nil
	}
}

// exact is what the file says of the cluster.
func (a *fileChange) exact() exactServers {
	return exactServers{style: a.style(), nodes: a.wish.Nodes, thumbprints: a.wish.Thumbprints}
}

// style is how the Tentacle and the cluster connect: as the file says, else as they do now.
func (a *fileChange) style() tentacleconfig.Style {
	servers := a.tentacle.servers
	switch {
	case a.wish.Communication == tentaclefile.Listening:
		return tentacleconfig.StyleListening
	case a.wish.Communication == tentaclefile.Polling, len(a.wish.Nodes) > 0, tentacleconfig.Polling(servers):
		return tentacleconfig.StylePolling
	case len(servers) > 0:
		return tentacleconfig.StyleListening
	}
	return tentacleconfig.StyleNone
}

// changeServers decides on the trusted servers and the registrations, which are returned if the
// file has some.
func (a *fileChange) changeServers(ctx context.Context, ch *change) (registers *registering, err error) {
	switch f := a.wish; {
	case len(f.Registrations) > 0 && a.style() == tentacleconfig.StyleNone:
		return nil, f.Mistake("registrations", errors.New("the file has to say communication: polling or listening, since this Tentacle trusts no server yet"))
	case len(f.Registrations) > 0:
		return a.register(ctx, ch)
	case a.style() == tentacleconfig.StylePolling && len(f.Nodes)+len(f.Thumbprints) > 0:
		return nil, a.poll(ctx, ch)
	case a.style() == tentacleconfig.StyleListening && len(a.trusted()) > 0:
		ch.servers = a.exact().after(a.listen)
		ch.settingsAbout = append(ch.settingsAbout, tentacleconfig.KeyTrustedServers)
	}
	return nil, nil
}

// trusted are the thumbprints of the cluster that connects to a Tentacle which is to listen: those
// of the file, else those of the only cluster that is trusted.
func (a *fileChange) trusted() []string {
	if len(a.wish.Thumbprints) > 0 || a.wish.Communication != tentaclefile.Listening {
		return a.wish.Thumbprints
	}
	all := tentacleconfig.Thumbprints(a.tentacle.servers)
	if len(all) == 0 || len(tentacleconfig.ClusterOf(a.tentacle.servers, all[0])) < len(all) {
		return nil
	}
	return all
}

// poll polls the nodes, as sync-servers does; those of a cluster that is not polled yet, too, if
// the server or the file says which it is.
func (a *fileChange) poll(ctx context.Context, ch *change) error {
	o, f := a.applyOptions.poll, a.wish
	o.listed = f.Thumbprints
	o.polling = polling{addresses: f.Nodes, replace: true, mayListen: f.Communication == "", tentacle: a.tentacle.suggest()}
	if f.Communication == tentaclefile.Polling && (o.asksAPI || len(f.Thumbprints) > 0) {
		o.polling.begins = a.subscription
	}
	if len(a.tentacle.servers) == 0 && o.polling.begins == "" {
		return a.refuseUnknownCluster()
	}
	if f.Nodes == nil {
		o.polling.addresses, o.polling.replace = polledAddresses(a.tentacle.servers, f.Thumbprints...), false
		if len(o.polling.addresses) == 0 {
			return f.Mistake("thumbprints", errors.New("no node of this cluster is polled: name its addresses in the key nodes"))
		}
	}
	ch.settingsAbout = append(ch.settingsAbout, tentacleconfig.KeyTrustedServers)
	if cluster, synced := o.synced(a.tentacle.servers); synced && !o.health.waitHealthy {
		ch.servers = a.exact().after(nothing(cluster).servers)
		return nil
	}
	polls, err := o.change(ctx, a.console, a.planned, a.out)
	if err != nil {
		return a.aboutServer(err)
	}
	ch.servers, ch.after = a.exact().after(polls.servers), polls.after
	return nil
}

// refuseUnknownCluster says what is missing for a Tentacle that trusts no server to poll nodes.
func (a *fileChange) refuseUnknownCluster() error {
	key := "nodes"
	if !a.wish.Names(key) {
		key = "thumbprints"
	}
	var missing []string
	if a.wish.Communication != tentaclefile.Polling {
		missing = append(missing, "communication: polling")
	}
	if !a.applyOptions.poll.asksAPI && len(a.wish.Thumbprints) == 0 {
		missing = append(missing, "the cluster's thumbprints (or give --server and credentials)")
	}
	return a.wish.Mistake(key, hint.New("this Tentacle trusts no Octopus Server yet", "to poll these nodes, add to the file: "+strings.Join(missing, ", and ")))
}

// aboutServer says that the address of the server that failed is in the file.
func (a *fileChange) aboutServer(err error) error {
	_, unreachable := errors.AsType[*octoapi.UnreachableError](err)
	_, redirect := errors.AsType[*octoapi.RedirectError](err)
	if a.serverInFile && (unreachable || redirect || errors.Is(err, octoapi.ErrNotOctopus)) {
		return a.wish.Mistake("server", err)
	}
	return a.aboutNodes(err)
}

// aboutNodes says where the file has an address that is wrong.
func (a *fileChange) aboutNodes(err error) error {
	port, isPort := errors.AsType[*octoapi.PortError](err)
	other := errors.As(err, new(*octoapi.ThumbprintError))
	if !isPort && !other || a.nodes.given() || !a.wish.Names("nodes") {
		return err
	}
	if other && a.moves {
		err = hint.With(err, "with --server, give the nodes of that server, too, with --server-comms-address")
	}
	for i, node := range a.wish.Nodes {
		if isPort && tentacleconfig.SameAddress(node, port.Address) {
			return a.wish.Mistake(tentaclefile.Key("nodes", i), err)
		}
	}
	return a.wish.Mistake("nodes", err)
}

// listen trusts the cluster, whose nodes connect to the Tentacle.
func (a *fileChange) listen(now []tentacleconfig.TrustedServer) (decision, error) {
	trusted := a.trusted()
	d := decision{thumbprint: trusted[0], cluster: tentacleconfig.ClusterOf(now, trusted...), servers: now}
	for _, one := range trusted {
		d.servers = listening(d.servers, one)
	}
	return d, nil
}

func listening(now []tentacleconfig.TrustedServer, cluster string) []tentacleconfig.TrustedServer {
	return tentacleconfig.Upsert(now, tentacleconfig.TrustedServer{Thumbprint: cluster, Style: tentacleconfig.StyleListening})
}

// register registers the Tentacle, and polls or listens to the cluster.
func (a *fileChange) register(ctx context.Context, ch *change) (*registering, error) {
	server, err := a.connect()
	if err != nil {
		return nil, err
	}
	r := &fileRegistration{fileChange: a, server: server}
	err = server.within(ctx, r.ask)
	if errors.Is(err, tentacleconfig.ErrNoCertificate) {
		return nil, a.wish.Mistake("registrations", hint.New("this Tentacle has no certificate, so it cannot be registered", "add to the file: certificate: if-blank"))
	}
	if err != nil {
		return nil, a.aboutServer(err)
	}
	a.out.Server, a.out.Unverified = server.URL(), append(a.out.Unverified, r.unverified...)
	reg := r.registering
	reg.savesFirst = a.place.fresh || a.place.savesFirst
	reg.noteChanges(a.out)
	reg.warn()
	r.noteOthers()
	*ch = change{
		servers: r.decide, settingsAbout: ch.settingsAbout, applied: ch.applied,
		before: func(d decision) error { return reg.sendAll(ctx, d.subscription, a.out) },
		afterBefore: func(d decision) decide {
			reg.trust.sent = d.subscription
			return r.decide
		},
		failed: reg.failed,
		after:  func() error { return reg.after(ctx, a.out) },
	}
	return reg, nil
}

func (a *fileChange) connect() (*connection, error) {
	api := a.api
	api.awaitsStart = true
	server, err := a.planned.connect(a.console, api)
	if a.style() == tentacleconfig.StyleListening {
		server, err = connect(a.console, api, tentacleconfig.Proxy{UseDefault: true})
	}
	if err == nil {
		server.webSocket = a.nodes.webSocketTrust
	}
	return server, err
}

// fileRegistration are the registrations of a file, with the servers that it is about.
type fileRegistration struct {
	*fileChange
	server      *connection
	registering *registering
	unverified  []string
	polling     polling     // of the cluster; not used by a Tentacle that listens
	compared    *comparison // with the nodes of the cluster; nil: not compared
	addresses   []string
}

// ask asks the server everything, and the new ports whether they are the cluster's own.
func (r *fileRegistration) ask(ctx context.Context) (err error) {
	if r.addresses, err = r.toPoll(ctx); err != nil {
		return err
	}
	listened, _ := r.tentacle.listeningPort("") // where it is not known, nothing follows it
	reg, err := newFileRegistrations(r.console, r.planned, r.server, r.wish, fileRegistering{
		style: r.style(), addresses: r.addresses, space: r.space.space, force: r.force, generated: r.subscription, listened: listened, isNew: r.place.savesFirst, api: r.api, health: r.health,
	})
	if err != nil {
		return err
	}
	r.registering = reg
	var nodes nodesAnswer
	q := clusterQuestion{
		addresses: r.addresses, now: r.tentacle.servers, allowUnreachable: r.nodes.allowUnreachable,
		also: func(ctx context.Context) error {
			return allOf(ctx, reg.askRegistrations, func(ctx context.Context) error {
				if r.style() == tentacleconfig.StylePolling {
					nodes = r.server.askNodes(ctx)
				}
				return nil
			})
		},
	}
	q.settle = func(cluster string) (need, accepted []string, err error) {
		if listed := r.wish.Thumbprints; len(listed) > 0 && !thumbprint.Contains(listed, cluster) {
			return nil, nil, r.wish.Mistake("thumbprints", hint.Errorf("if the file is for another cluster now, omit them: the server is asked", "the thumbprint of the cluster of %s is %s, which is none of these", r.server.URL(), cluster))
		}
		return q.needed(cluster)
	}
	answer, err := r.server.askCluster(ctx, q)
	if err != nil {
		return err
	}
	r.unverified = answer.unverified
	if _, err := reg.settle(ctx, answer.thumbprint); err != nil {
		return err
	}
	if r.style() == tentacleconfig.StylePolling {
		r.polling = polling{addresses: r.addresses, replace: r.wish.Nodes != nil, tentacle: r.tentacle.suggest()}.of(answer.thumbprint, r.wish.Thumbprints)
		d, err := r.decide(r.tentacle.servers)
		if err != nil {
			return err
		}
		if r.compared, err = r.server.compare(ctx, nodes, r.tentacle.servers, d, r.force); err != nil {
			return err
		}
	}
	return reg.askNames(ctx)
}

// toPoll are the addresses to poll: those of the file, else those of the cluster that are polled,
// else the host of the server.
func (r *fileRegistration) toPoll(ctx context.Context) ([]string, error) {
	if r.style() == tentacleconfig.StyleListening || r.wish.Nodes != nil {
		return r.wish.Nodes, nil
	}
	if tentacleconfig.Polling(r.tentacle.servers) {
		cluster, err := r.server.askAPI(ctx, nil)
		if err != nil {
			return nil, err
		}
		if polled := polledAddresses(r.tentacle.servers, tentacleconfig.ClusterOf(r.tentacle.servers, cluster)...); len(polled) > 0 {
			return polled, nil
		}
	}
	return r.nodes.addresses(r.api.server, runtime.GOOS)
}

// decide is what the registration decides, exactly.
func (r *fileRegistration) decide(now []tentacleconfig.TrustedServer) (decision, error) {
	registered, err := r.registering.trust.decide(now)
	if err != nil {
		return decision{}, err
	}
	d := registered
	if r.style() == tentacleconfig.StyleListening {
		for _, one := range r.wish.Thumbprints {
			d.servers = listening(d.servers, one)
		}
	} else if d, err = r.polling.decide(registered.servers); err != nil {
		return decision{}, err
	} else if err := r.compared.refuseChange(now, d.servers); err != nil {
		return decision{}, err
	}
	d.subscription, d.cluster = registered.subscription, tentacleconfig.ClusterOf(now, append([]string{registered.thumbprint}, r.wish.Thumbprints...)...)
	return r.exact().of(d), nil
}

// polls says whether one of the addresses is among those to poll.
func (r *fileRegistration) polls(addresses []string) bool {
	return slices.ContainsFunc(addresses, func(one string) bool {
		return slices.ContainsFunc(r.addresses, func(wished string) bool { return tentacleconfig.SameAddress(one, wished) })
	})
}

// noteOthers says of the clusters that were trusted before, where the Tentacle comes to another
// one, that they still are, and how to leave them.
func (r *fileRegistration) noteOthers() {
	own := r.registering.trust.thumbprint
	servers := r.tentacle.servers
	if len(servers) == 0 || thumbprint.Contains(tentacleconfig.Thumbprints(servers), own) {
		return
	}
	for _, cluster := range tentacleconfig.PolledClusters(servers) {
		polled := polledAddresses(servers, cluster...)
		switch {
		case thumbprint.Contains(cluster, own):
		case r.polls(polled): // the same cluster, whose certificate was renewed
			for _, old := range cluster {
				r.out.notes = append(r.out.notes, fmt.Sprintf("the cluster's former thumbprint %s stays trusted, too; when every node presents %s: %s",
					old, own, r.tentacle.retireCommand(old, own)))
			}
		default:
			r.out.notes = append(r.out.notes, fmt.Sprintf("the former cluster is still polled, at %s; to leave it, after deregistering there: %s",
				shortList(polled), r.tentacle.suggest().Command("configure", "--remove-trust="+strings.Join(cluster, ","))))
		}
	}
	polled := slices.Concat(tentacleconfig.PolledClusters(servers)...)
	for _, one := range tentacleconfig.Thumbprints(servers) {
		if !thumbprint.Contains(polled, one) {
			r.out.notes = append(r.out.notes, fmt.Sprintf("the former Octopus Server, with thumbprint %s, may still connect; to leave it, after deregistering there: %s",
				one, r.tentacle.suggest().Command("configure", "--remove-trust="+one)))
		}
	}
}

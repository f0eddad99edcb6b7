package commands

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

func register(cli *cli.Context, c *console, o registerOptions) error {
	ctx := cli.Context
	o.styleGiven = cli.IsSet("comms-style")
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (ch change, err error) {
		out.triesPorts()
		if o.kind.kubernetes && t.isRegistered() {
			// The agent's container runs this at every start.
			out.Registration = &registrationChange{Kind: o.kind.machine.String(), Action: actionUnchanged, Changes: []fieldChange{}}
			return nothing(""), nil
		}
		reg, err := newRegistering(c, t, o)
		if err != nil {
			return change{}, err
		}
		if err := reg.server.within(ctx, reg.ask); err != nil {
			return change{}, err
		}
		out.Server, out.Unverified = reg.server.URL(), append(out.Unverified, reg.unverified...)
		reg.noteChanges(out)
		reg.warnOfListening()
		reg.warn()
		ch = reg.change(ctx, out)
		ch.settings = o.setSettings
		return ch, nil
	})
}

// registering are registrations of one Tentacle at one cluster in progress: one, of the commands
// that register, or several, of a file.
type registering struct {
	tentacle    *tentacle
	certificate *tentacleconfig.Certificate // the Tentacle's
	console     *console
	server      *connection
	api         apiOptions
	nodeOptions nodeOptions
	health      healthOptions
	addresses   []string // to poll; none for a listening Tentacle
	style       tentacleconfig.Style
	own         string // the Tentacle's thumbprint
	listened    string // the port on which a Tentacle that listens has listened until now
	isNew       bool   // its certificate is made by this run: nobody has seen the thumbprint

	all []*oneRegistration

	// What the server says when it is asked.
	unverified []string       // addresses that did not answer
	nodes      []octoapi.Node // nil where they are not known

	trust      trusting
	savesFirst bool  // the configuration is saved before they are sent, not after
	failure    error // why not all were sent, once one was
}

func newRegistering(c *console, t *tentacle, o registerOptions) (*registering, error) {
	certificate, err := ownCertificate(t.document)
	if err != nil {
		return nil, err
	}
	reg := &registering{
		tentacle: t, certificate: certificate, console: c, api: o.api, nodeOptions: o.nodes, health: o.health, addresses: o.addresses,
		style: o.style, own: certificate.Thumbprint(),
	}
	reg.trust.given = o.subscriptionID
	reg.api.awaitsStart = true
	if o.style == tentacleconfig.StylePolling {
		reg.server, err = t.connect(c, reg.api)
	} else {
		reg.server, err = connect(c, reg.api, tentacleconfig.Proxy{UseDefault: true})
	}
	if err != nil {
		return nil, err
	}
	reg.server.webSocket = o.nodes.webSocketTrust
	w := o.wish()
	if o.style == tentacleconfig.StyleListening { // an option that is not given leaves nothing open
		if w.port, err = t.listeningPort(o.tentaclePort); err != nil {
			return nil, err
		}
	}
	return reg, reg.add(w)
}

// add adds a registration that is asked for.
func (reg *registering) add(w registrationWish) (err error) {
	one := &oneRegistration{wish: w, style: reg.style, thumbprint: reg.own, isNew: reg.isNew}
	if reg.style == tentacleconfig.StyleListening {
		one.address = listeningAddress{host: w.host, port: w.port, listened: reg.listened}
		one.address.listens, err = reg.tentacle.listeningPort(w.port)
	}
	reg.all = append(reg.all, one)
	return err
}

// ask gets everything that the registration needs from the server, tries the polling ports at the
// same time, and refuses what cannot be registered.
func (reg *registering) ask(ctx context.Context) (err error) {
	q := clusterQuestion{
		addresses: reg.addresses, now: reg.tentacle.servers, allowUnreachable: reg.nodeOptions.allowUnreachable,
		also: func(ctx context.Context) error { return allOf(ctx, reg.askRegistrations, reg.askNodes) },
	}
	q.settle = q.needed
	answer, err := reg.server.askCluster(ctx, q)
	if err != nil {
		return err
	}
	reg.unverified = answer.unverified
	servers, err := reg.settle(ctx, answer.thumbprint)
	if err != nil {
		return err
	}
	reg.server.warnOfUnpolledNodes(ctx, reg.nodes, polledAddresses(servers, reg.trust.thumbprint))
	return reg.askNames(ctx)
}

// askRegistrations finds the spaces, and then, all at the same time, what the registrations name in
// them and what is registered there already.
func (reg *registering) askRegistrations(ctx context.Context) error {
	unknown := askEach(ctx, reg.all, reg.askSpace)
	if unknown != nil && !isMistake(unknown) {
		return unknown
	}
	found := slices.DeleteFunc(slices.Clone(reg.all), func(r *oneRegistration) bool { return r.space == nil })
	for _, r := range found { // what is known of a space is known to all in it
		r.space = found[slices.IndexFunc(found, func(first *oneRegistration) bool { return first.space.ID == r.space.ID })].space
	}
	err := askEach(ctx, found, func(ctx context.Context, r *oneRegistration) error { return r.ask(ctx) })
	if err != nil && !isMistake(err) {
		return err
	}
	return byLine([]error{unknown, err})
}

// askEach asks the same about all of them, at the same time.
func askEach(ctx context.Context, all []*oneRegistration, ask func(context.Context, *oneRegistration) error) error {
	if len(all) == 1 {
		return ask(ctx, all[0])
	}
	questions := make([]func(context.Context) error, len(all))
	for i, r := range all {
		questions[i] = func(ctx context.Context) error { return ask(ctx, r) }
	}
	return everyMistakeOf(ctx, questions...)
}

func (reg *registering) askSpace(ctx context.Context, r *oneRegistration) (err error) {
	r.space, err = reg.server.Space(ctx, r.wish.space)
	return r.wish.mistaken("space", nil, err)
}

// settle decides, now that the cluster's thumbprint is known, which subscription the Tentacle has
// and what happens to each registration. It returns the trusted servers that this leads to.
func (reg *registering) settle(ctx context.Context, cluster string) ([]tentacleconfig.TrustedServer, error) {
	reg.trust.style, reg.trust.thumbprint, reg.trust.addresses = reg.style, cluster, reg.addresses
	reg.trust.generated = cmp.Or(reg.trust.generated, tentacleconfig.NewSubscriptionID())
	if err := reg.settleSubscription(ctx); err != nil {
		return nil, err
	}
	d, err := reg.trust.decide(reg.tentacle.servers)
	if err != nil {
		return nil, err
	}
	err = reg.decide(d.subscription)
	if errors.As(err, new(differsError)) {
		if err := reg.askNames(ctx); err != nil {
			return nil, err
		}
		err = reg.decide(d.subscription) // with the names
	}
	return d.servers, err
}

// decide plans the registrations with a subscription.
func (reg *registering) decide(subscription string) error {
	p := pollsCluster{
		subscription: subscription, subscriptions: polledWith(reg.tentacle.servers, reg.trust.thumbprint),
		tentacle: reg.tentacle.suggest(), server: reg.api.suggestedOptions(),
	}
	return reg.decideAll(p)
}

// decideAll plans the registrations, and refuses what makes no sense together.
func (reg *registering) decideAll(p pollsCluster) error {
	if len(reg.all) == 1 {
		return reg.all[0].decide(p, nil)
	}
	var refusals []error
	for _, r := range reg.all {
		refusals = append(refusals, r.decide(p, reg.claimedBesides(r)))
	}
	if err := errors.Join(refusals...); err != nil {
		return err
	}
	for i, r := range reg.all {
		for _, other := range reg.all[:i] {
			if r.isToo(other) {
				refusals = append(refusals, r.wish.mistake(fieldName, sameWishError{r.wish.kind.machine, r.plan.beforeName(), r.space.Name, other.wish.at("").String()}))
				break
			}
		}
	}
	return errors.Join(refusals...)
}

// claimedBesides are the registrations of the kind in the space that others of the file name.
func (reg *registering) claimedBesides(r *oneRegistration) (claimed []octoapi.Machine) {
	for _, other := range reg.all {
		if other != r && other.space != nil && other.besides(r) && other.wish.name != "" && other.existing.named != nil {
			claimed = append(claimed, *other.existing.named)
		}
	}
	return claimed
}

// askNames asks for the names of what the plans change.
func (reg *registering) askNames(ctx context.Context) error {
	return askEach(ctx, reg.all, func(ctx context.Context, r *oneRegistration) error { return r.askNames(ctx, r.plan) })
}

// noteChanges records what happens on the server.
func (reg *registering) noteChanges(out *outcome) {
	if !reg.all[0].wish.inFile() {
		entry := reg.all[0].change(out.DryRun)
		out.Registration = &entry
		return
	}
	out.RegistrationChanges = []registrationChange{}
	for _, r := range reg.all {
		out.RegistrationChanges = append(out.RegistrationChanges, r.change(out.DryRun))
	}
}

// noted is the change of a registration as it is recorded.
func (reg *registering) noted(out *outcome, i int) *registrationChange {
	if out.Registration != nil {
		return out.Registration
	}
	return &out.RegistrationChanges[i]
}

// warnOfListening warns where the server will not reach the Tentacle.
func (reg *registering) warnOfListening() {
	if reg.style == tentacleconfig.StyleListening && !reg.tentacle.document.Listens() {
		reg.console.warnOf(hint.Errorf("to make it listen: "+reg.tentacle.suggest().Command("configure", "--noListen=false"),
			"the Tentacle does not listen (%s), so the server will not reach it", tentacleconfig.KeyNoListen))
	}
}

// warn warns of what a reader would not expect of the registrations.
func (reg *registering) warn() {
	for _, r := range reg.all {
		r.warn(reg.console)
	}
}

// askNodes asks for the nodes of the cluster, which not every account may see.
func (reg *registering) askNodes(ctx context.Context) error {
	if reg.style != tentacleconfig.StylePolling {
		return nil
	}
	reg.nodes = reg.server.askNodes(ctx).nodes // without them, only a warning is lost
	return nil
}

// change is the registration: it prepares the file and, once the file is ready to be saved,
// registers on the server.
func (reg *registering) change(ctx context.Context, out *outcome) change {
	return change{
		servers: reg.trust.decide,
		before:  func(d decision) error { return reg.sendAll(ctx, d.subscription, out) },
		afterBefore: func(d decision) decide {
			reg.trust.sent = d.subscription
			return reg.trust.decide
		},
		failed: reg.failed,
		after:  func() error { return reg.after(ctx, out) },
	}
}

// setSettings sets what a registration sets besides the trusted servers, as Tentacle does: the
// number of polling connections, unless it is set; and for a Kubernetes agent that it is
// registered.
func (o *registerOptions) setSettings(document *tentacleconfig.Document) error {
	if o.style == tentacleconfig.StylePolling {
		ensurePollingConnections(document, o.kind.isWorker())
	}
	if o.kind.kubernetes {
		document.Set(tentacleconfig.KeyIsRegistered, "true")
	}
	return nil
}

// ensurePollingConnections sets the number of polling connections, unless it is set: a worker has
// more of them.
func ensurePollingConnections(document *tentacleconfig.Document, worker bool) {
	if value, _ := document.Get(tentacleconfig.KeyPollingConnectionCount); value != "" {
		return
	}
	count := 1
	if worker {
		count = max(5, runtime.NumCPU())
	}
	document.Set(tentacleconfig.KeyPollingConnectionCount, strconv.Itoa(count))
}

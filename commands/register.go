package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"

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
		reg.noteChange(out)
		reg.warn()
		return reg.change(ctx, out), nil
	})
}

// registering is a registration in progress.
type registering struct {
	options     registerOptions
	tentacle    *tentacle
	certificate *tentacleconfig.Certificate // the Tentacle's
	own         string                      // its thumbprint
	console     *console
	server      *connection

	// What the server says when it is asked.
	space      *octoapi.Space
	thumbprint string // the cluster's, to trust
	existing   existingRegistrations
	unverified []string          // addresses that did not answer
	nodes      []octoapi.Node    // nil where they are not known
	names      map[string]string // of what has these IDs

	wanted octoapi.Machine // what the options ask for; without the subscription
	trust  trusting
	plan   registrationPlan
}

func newRegistering(c *console, t *tentacle, o registerOptions) (*registering, error) {
	certificate, err := ownCertificate(t.document)
	if err != nil {
		return nil, err
	}
	reg := &registering{options: o, tentacle: t, certificate: certificate, own: certificate.Thumbprint(), console: c}
	o.api.awaitsStart = true
	if o.style == tentacleconfig.StylePolling {
		reg.server, err = t.connect(c, o.api)
	} else {
		reg.server, err = connect(c, o.api, tentacleconfig.Proxy{UseDefault: true})
	}
	if err != nil {
		return nil, err
	}
	reg.server.webSocket = o.nodes.webSocketTrust
	return reg, nil
}

// ask gets everything that the registration needs from the server, tries the polling ports at the
// same time, and refuses what cannot be registered.
func (reg *registering) ask(ctx context.Context) (err error) {
	q := clusterQuestion{
		addresses: reg.options.addresses, now: reg.tentacle.servers, allowUnreachable: reg.options.nodes.allowUnreachable,
		also: func(ctx context.Context) error { return allOf(ctx, reg.askSpace, reg.askNodes) },
	}
	q.settle = q.needed
	answer, err := reg.server.askCluster(ctx, q)
	if err != nil {
		return err
	}
	reg.thumbprint, reg.unverified = answer.thumbprint, answer.unverified
	reg.trust = trusting{
		style: reg.options.style, thumbprint: reg.thumbprint, addresses: reg.options.addresses,
		given: reg.options.subscriptionID, generated: tentacleconfig.NewSubscriptionID(),
	}
	if err := reg.settleSubscription(ctx); err != nil {
		return err
	}
	d, err := reg.trust.decide(reg.tentacle.servers)
	if err != nil {
		return err
	}
	err = reg.decide(d.subscription)
	if differs, is := errors.AsType[differsError](err); is {
		if err := reg.askNames(ctx, differs.plan); err != nil {
			return err
		}
		differs.changes = reg.named(differs.plan.fields())
		return differs
	}
	if err != nil {
		return err
	}
	reg.server.warnOfUnpolledNodes(ctx, reg.nodes, polledAddresses(d.servers, reg.thumbprint))
	return reg.askNames(ctx, reg.plan)
}

// decide plans the registration with a subscription.
func (reg *registering) decide(subscription string) (err error) {
	w := wantedRegistration{
		options: &reg.options, space: reg.space.Name, machine: reg.wanted,
		subscriptions: polledWith(reg.tentacle.servers, reg.thumbprint), tentacle: reg.tentacle.suggest(), server: reg.options.api.suggestedOptions(),
	}
	if subscription != "" {
		w.machine.Endpoint.URI = subscription
	}
	reg.plan, err = w.plan(reg.existing)
	if differs, is := errors.AsType[differsError](err); is {
		differs.changes = reg.named(differs.plan.fields())
		return differs
	}
	return err
}

// noteChange records what happens on the server.
func (reg *registering) noteChange(out *outcome) {
	p := reg.plan
	entry := newRegistrationChange(p.action, reg.options.kind.machine, p.machine, reg.space.Name)
	entry.Changes = append(entry.Changes, reg.named(p.fields())...)
	out.Registration = &entry
}

// warn warns of what a reader would not expect.
func (reg *registering) warn() {
	p, c, space := reg.plan, reg.console, reg.space.Name
	if reg.options.style == tentacleconfig.StyleListening && !reg.tentacle.document.Listens() {
		c.warnOf(hint.Errorf("to make it listen: "+reg.tentacle.suggest().Command("configure", "--noListen=false"),
			"the Tentacle does not listen (%s), so the server will not reach it", tentacleconfig.KeyNoListen))
	}
	if taken := p.takenOver(); taken != nil {
		how := "is taken over from another Tentacle"
		if octoapi.SameSubscription(taken.Endpoint.URI, p.machine.Endpoint.URI) {
			how = "gets this Tentacle's new certificate"
		}
		c.warn("%s (%s) in space %s %s: its thumbprint was %s, its health %s", taken.Name, taken.ID, space, how,
			cmp.Or(taken.Endpoint.Thumbprint, "none"), cmp.Or(taken.HealthStatus, "not known"))
	}
	if len(p.twins) > 0 {
		c.warn("this Tentacle is also registered in space %s as %s: a deployment to both runs twice on it", space, namesOf(p.twins))
	}
	if len(p.others) > 0 && p.action != actionUnchanged {
		c.warn("other Tentacles are registered with the same certificate, and left alone: %s", namesOf(p.others))
	}
}

// askSpace finds the space, and then, all at the same time, what the options name in it and what
// is registered there already.
func (reg *registering) askSpace(ctx context.Context) (err error) {
	o := &reg.options
	if reg.space, err = reg.server.Space(ctx, o.space.space); err != nil {
		return err
	}
	machines := reg.space.Machines(o.kind.machine)
	var policyID string
	var endpoint octoapi.Endpoint
	name := cmp.Or(strings.TrimSpace(o.name), hostName())
	if err := allOf(ctx,
		func(ctx context.Context) (err error) {
			reg.existing.sameCertificate, err = machines.ByThumbprint(ctx, reg.own)
			return err
		},
		func(ctx context.Context) (err error) {
			reg.existing.named, err = machines.ByName(ctx, name)
			return err
		},
		func(ctx context.Context) (err error) {
			policyID, err = reg.policyID(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			reg.wanted, err = reg.place(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			endpoint, err = reg.endpoint(ctx)
			return err
		},
	); err != nil {
		return err
	}
	reg.wanted.Name, reg.wanted.PolicyID, reg.wanted.Endpoint = name, policyID, endpoint
	return nil
}

// askNodes asks for the nodes of the cluster, which not every account may see.
func (reg *registering) askNodes(ctx context.Context) error {
	if reg.options.style != tentacleconfig.StylePolling {
		return nil
	}
	reg.nodes = reg.server.askNodes(ctx).nodes // without them, only a warning is lost
	return nil
}

// allOf asks several questions at the same time. The error is that of the first question, in the
// order given, that has one of its own.
func allOf(ctx context.Context, questions ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(questions))
	var all sync.WaitGroup
	for i, ask := range questions {
		all.Go(func() {
			if errs[i] = ask(ctx); errs[i] != nil {
				cancel() // the others do not matter any more
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return cmp.Or(errs...)
}

// policyID is that of the policy that is named; "" for none.
func (reg *registering) policyID(ctx context.Context) (string, error) {
	if reg.options.policy == "" {
		return "", nil
	}
	policy, err := reg.space.Policy(ctx, reg.options.policy)
	return policy.ID, err
}

// place has the IDs of the pools, or of the environments and tenants, that the options name.
func (reg *registering) place(ctx context.Context) (place octoapi.Machine, err error) {
	o := &reg.options
	if o.kind.isWorker() {
		pools, err := reg.space.WorkerPools(ctx, o.workerPools.Value())
		place.WorkerPoolIDs = idsOf(pools)
		return place, err
	}
	place.Roles = o.roles.Value()
	place.TenantedDeploymentParticipation = o.participation
	place.TenantTags = o.tenantTags.Value()
	return place, allOf(ctx,
		func(ctx context.Context) error {
			environments, err := reg.space.Environments(ctx, o.environments.Value())
			place.EnvironmentIDs = idsOf(environments)
			return err
		},
		func(ctx context.Context) error {
			tenants, err := reg.space.Tenants(ctx, o.tenants.Value())
			place.TenantIDs = idsOf(tenants)
			return err
		},
		func(ctx context.Context) error { return reg.space.CheckTenantTags(ctx, place.TenantTags) },
	)
}

func idsOf(named []octoapi.Named) []string {
	ids := make([]string, 0, len(named))
	for _, n := range named {
		ids = append(ids, n.ID)
	}
	return ids
}

// endpoint is how the server reaches the Tentacle. The subscription of a polling one is decided
// later.
func (reg *registering) endpoint(ctx context.Context) (octoapi.Endpoint, error) {
	o := &reg.options
	endpoint := octoapi.Endpoint{CommunicationStyle: o.style.String(), Thumbprint: reg.own, Mode: o.mode()}
	if o.kind.kubernetes {
		endpoint.CommunicationStyle = octoapi.Kubernetes
		endpoint.DefaultNamespace = o.defaultNamespace
	}
	if o.style == tentacleconfig.StylePolling {
		return endpoint, nil
	}
	if o.proxy != "" {
		proxy, err := reg.space.Proxy(ctx, o.proxy)
		if err != nil {
			return endpoint, err
		}
		endpoint.ProxyID = proxy.ID
	}
	port, err := reg.tentacle.listeningPort(o.tentaclePort)
	endpoint.URI = "https://" + net.JoinHostPort(o.publicHostName, port) + "/"
	return endpoint, err
}

// change is the registration: it prepares the file and, once the file is ready to be saved,
// registers on the server.
func (reg *registering) change(ctx context.Context, out *outcome) change {
	var sent *octoapi.Machine // once it is registered
	return change{
		servers:  reg.trust.decide,
		settings: reg.options.setSettings,
		before: func(d decision) error {
			if err := reg.decide(d.subscription); err != nil { // the file may have changed
				return err
			}
			reg.noteChange(out)
			if reg.plan.action == actionUnchanged {
				return nil
			}
			saved, err := reg.send(ctx)
			switch {
			case err == nil:
				sent, out.Registration.ID = &saved, saved.ID
			case errors.Is(err, octoapi.ErrOutcomeUnknown):
				out.Registration.Action = actionUnknown
			}
			return err
		},
		afterBefore: func(d decision) decide {
			reg.trust.sent = d.subscription
			return reg.trust.decide
		},
		failed: func(err error) error {
			if sent == nil {
				return err
			}
			return reg.unfinished(*sent, err)
		},
		after: func() error {
			health := reg.options.health
			if sent == nil && !out.saved && !health.waitHealthy {
				return nil
			}
			a := reg.server.acceptance(reg.tentacle, &reg.options.api, health)
			a.registered = true
			a.ask(ctx, out)
			if !health.waitHealthy {
				return nil
			}
			machine := reg.plan.machine
			machine.ID = out.Registration.ID
			own := []octoapi.Registration{{Space: reg.space.Named, Kind: reg.options.kind.machine, Machine: machine}}
			reg.server.note(own, out)
			err := reg.server.waitHealthy(ctx, own, out)
			if err != nil && sent != nil {
				return unfinishedError{done: reg.registered(*sent) + ", and the configuration is saved, but:", cause: err}
			}
			return err
		},
	}
}

// setSettings sets what a registration sets besides the trusted servers, as Tentacle does: the
// number of polling connections, unless it is set; and for a Kubernetes agent that it is
// registered.
func (o *registerOptions) setSettings(document *tentacleconfig.Document) error {
	if value, _ := document.Get(tentacleconfig.KeyPollingConnectionCount); o.style == tentacleconfig.StylePolling && value == "" {
		count := 1
		if o.kind.isWorker() {
			count = max(5, runtime.NumCPU())
		}
		document.Set(tentacleconfig.KeyPollingConnectionCount, strconv.Itoa(count))
	}
	if o.kind.kubernetes {
		document.Set(tentacleconfig.KeyIsRegistered, "true")
	}
	return nil
}

// send sends the registration, once, and returns it as the server has it.
func (reg *registering) send(ctx context.Context) (saved octoapi.Machine, err error) {
	machine := reg.plan.machine
	reg.console.progress("registering " + machine.Name)
	defer reg.console.endProgress()
	err = reg.server.within(ctx, func(ctx context.Context) error {
		saved, err = reg.space.Machines(reg.options.kind.machine).Save(ctx, machine)
		if refused, is := errors.AsType[*octoapi.StatusError](err); is && refused.Status == http.StatusBadRequest && reg.registeredMeanwhile(ctx, &saved) {
			return nil
		}
		return err
	})
	if errors.Is(err, octoapi.ErrOutcomeUnknown) {
		err = unfinishedError{
			done:   fmt.Sprintf("it is not known whether %s was registered; the configuration is unchanged", machine.Name),
			cause:  err,
			finish: "run the same command again",
		}
	}
	saved.Name, saved.Endpoint.URI = machine.Name, machine.Endpoint.URI
	return saved, err
}

// registeredMeanwhile says whether a new registration was refused because another octo-tentacle has
// just made it. If so, it is in saved.
func (reg *registering) registeredMeanwhile(ctx context.Context, saved *octoapi.Machine) bool {
	if reg.plan.action != actionCreated {
		return false
	}
	named, err := reg.space.Machines(reg.options.kind.machine).ByName(ctx, reg.plan.machine.Name)
	if err != nil || named == nil {
		return false
	}
	reg.existing.named = named
	if reg.decide(reg.plan.machine.Endpoint.URI) != nil || reg.plan.action != actionUnchanged {
		return false
	}
	*saved = *named
	return true
}

func (reg *registering) registered(sent octoapi.Machine) string {
	return fmt.Sprintf("%s is registered in space %s as %s", sent.Name, reg.space.Name, sent.ID)
}

// unfinished is the error for a failure after the registration succeeded: it says what has been
// done.
func (reg *registering) unfinished(sent octoapi.Machine, err error) error {
	if errors.As(err, new(unfinishedError)) || errors.As(err, new(undoneError)) {
		return unfinishedError{done: reg.registered(sent), cause: err} // the cause says what is left
	}
	return unfinishedError{
		done:   fmt.Sprintf("%s, but %s could not be saved: the Tentacle does not use it yet", reg.registered(sent), reg.tentacle.instance.ConfigPath),
		cause:  err,
		finish: "fix the problem above, then run the same command again",
	}
}

package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func register(ctx context.Context, c *console, o registerOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (ch change, err error) {
		if o.kind.kubernetes && t.isRegistered() {
			// The agent's container runs this at every start.
			out.Machine = &machineEntry{}
			return nothing(""), nil
		}
		reg, err := newRegistering(c, t, o)
		if err != nil {
			return change{}, err
		}
		if err := reg.server.within(ctx, reg.ask); err != nil {
			return change{}, err
		}
		out.Server = reg.server.URL()
		out.Machine = &machineEntry{ID: reg.machine.ID, Name: reg.machine.Name, Space: reg.space.Name}
		return reg.change(ctx, out), nil
	})
}

// registering is a registration in progress.
type registering struct {
	options  registerOptions
	tentacle *tentacle
	own      string // the Tentacle's thumbprint
	console  *console
	server   *connection

	// What the server says when it is asked.
	space      *octoapi.Space
	thumbprint string          // the cluster's, to trust
	machine    octoapi.Machine // as it is sent, except for the subscription
}

func newRegistering(c *console, t *tentacle, o registerOptions) (*registering, error) {
	own, err := t.document.Thumbprint()
	if err != nil {
		return nil, err
	}
	reg := &registering{options: o, tentacle: t, own: own, console: c}
	if o.style == tentacleconfig.StylePolling {
		reg.server, err = t.connect(c, o.api)
	} else {
		reg.server, err = connect(c, o.api, tentacleconfig.Proxy{UseDefault: true})
	}
	return reg, err
}

// ask gets everything that the registration needs from the server, tries the polling ports at the
// same time, and refuses what cannot be registered.
func (reg *registering) ask(ctx context.Context) (err error) {
	reg.thumbprint, err = reg.server.askCluster(ctx, reg.options.addresses, reg.askSpace)
	return err
}

// askSpace finds the space, and then, all at the same time, what the options name in it.
func (reg *registering) askSpace(ctx context.Context) (err error) {
	o := &reg.options
	if reg.space, err = reg.server.Space(ctx, o.space.space); err != nil {
		return err
	}
	var existing *octoapi.Machine
	var place octoapi.Machine // its pools, or its environments and tenants
	var policyID string
	var endpoint octoapi.Endpoint
	name := cmp.Or(strings.TrimSpace(o.name), hostName())
	if err := allOf(ctx,
		func(ctx context.Context) (err error) {
			existing, err = reg.space.Machines(o.kind.machine).ByName(ctx, name)
			if err == nil && existing != nil && !o.force {
				err = hint.With(fmt.Errorf("space %s already has a %s named %s (%s)", reg.space.Name, o.kind.machine, existing.Name, existing.ID),
					"give another --name, or use --force to replace that registration")
			}
			return err
		},
		func(ctx context.Context) (err error) {
			policyID, err = reg.policyID(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			place, err = reg.place(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			endpoint, err = reg.endpoint(ctx)
			return err
		},
	); err != nil {
		return err
	}
	m := &reg.machine
	if existing != nil {
		*m = *existing
	}
	m.Name, m.PolicyID, m.Endpoint = name, cmp.Or(policyID, m.PolicyID), endpoint
	m.WorkerPoolIDs, m.EnvironmentIDs, m.TenantIDs = place.WorkerPoolIDs, place.EnvironmentIDs, place.TenantIDs
	m.Roles, m.TenantTags, m.TenantedDeploymentParticipation = place.Roles, place.TenantTags, place.TenantedDeploymentParticipation
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
		pools, err := reg.space.WorkerPools(ctx, nonEmpty(o.workerPools.Value()))
		place.WorkerPoolIDs = idsOf(pools)
		return place, err
	}
	place.Roles = nonEmpty(o.roles.Value())
	place.TenantedDeploymentParticipation = o.participation
	place.TenantTags = nonEmpty(o.tenantTags.Value())
	return place, allOf(ctx,
		func(ctx context.Context) error {
			environments, err := reg.space.Environments(ctx, nonEmpty(o.environments.Value()))
			place.EnvironmentIDs = idsOf(environments)
			return err
		},
		func(ctx context.Context) error {
			tenants, err := reg.space.Tenants(ctx, nonEmpty(o.tenants.Value()))
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

// hostName is the host name of this machine up to the first dot, as .NET's Environment.MachineName
// has it.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

// change is the registration: it prepares the file and, once the file is ready to be saved,
// registers on the server.
func (reg *registering) change(ctx context.Context, out *outcome) change {
	wanted := trusting{
		style: reg.options.style, thumbprint: reg.thumbprint, addresses: reg.options.addresses,
		given: reg.options.subscriptionID, generated: tentacleconfig.NewSubscriptionID(),
	}
	var sent *octoapi.Machine // once it is registered
	return change{
		servers:  wanted.decide,
		settings: reg.options.setSettings,
		before: func(d decision) error {
			saved, err := reg.send(ctx, d.subscription)
			if err == nil {
				sent, out.Machine.ID = &saved, saved.ID
			}
			return err
		},
		afterBefore: func(d decision) decide {
			wanted.sent = d.subscription
			return wanted.decide
		},
		failed: func(err error) error {
			if sent == nil {
				return err
			}
			return reg.unfinished(*sent, err)
		},
		after: func() error {
			if !reg.options.health.waitHealthy {
				return nil
			}
			err := reg.server.noteRegistrations(ctx, reg.tentacle, reg.options.health, out)
			if err != nil {
				return unfinishedError{done: reg.registered(*sent) + ", and the configuration is saved, but:", cause: err}
			}
			return nil
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
func (reg *registering) send(ctx context.Context, subscription string) (saved octoapi.Machine, err error) {
	reg.console.progress("registering " + reg.machine.Name)
	defer reg.console.endProgress()
	machine := reg.machine
	if subscription != "" {
		machine.Endpoint.URI = subscription
	}
	err = reg.server.within(ctx, func(ctx context.Context) error {
		saved, err = reg.space.Machines(reg.options.kind.machine).Save(ctx, machine)
		return err
	})
	if errors.Is(err, octoapi.ErrOutcomeUnknown) {
		err = unfinishedError{
			done:   fmt.Sprintf("it is not known whether %s was registered; the configuration is unchanged", machine.Name),
			cause:  err,
			finish: "run the same command again with --force",
		}
	}
	saved.Name, saved.Endpoint.URI = machine.Name, machine.Endpoint.URI
	return saved, err
}

func (reg *registering) registered(sent octoapi.Machine) string {
	return fmt.Sprintf("%s is registered in space %s as %s", sent.Name, reg.space.Name, sent.ID)
}

// unfinished is the error for a failure after the registration succeeded: it says what has been
// done.
func (reg *registering) unfinished(sent octoapi.Machine, err error) error {
	if errors.As(err, new(unfinishedError)) {
		return unfinishedError{done: reg.registered(sent), cause: err} // saved, too: the cause says what is left
	}
	options := "--force"
	if reg.options.style == tentacleconfig.StylePolling {
		options += " --server-subscription-id=" + sent.Endpoint.URI
	}
	return unfinishedError{
		done:   fmt.Sprintf("%s, but %s could not be saved: the Tentacle does not use it yet", reg.registered(sent), reg.tentacle.instance.ConfigPath),
		cause:  err,
		finish: "fix the problem above, then run the same command again with " + options,
	}
}

// trusting decides on the trusted servers of a registration.
type trusting struct {
	style      tentacleconfig.Style
	thumbprint string   // the cluster's
	addresses  []string // to poll

	given     string // the subscription of the command line; "" for none
	generated string // a new subscription, in case one is needed
	sent      string // the subscription that the server was told; "" until then
}

func (w trusting) decide(now []tentacleconfig.TrustedServer) (decision, error) {
	d := decision{thumbprint: w.thumbprint}
	if w.style == tentacleconfig.StyleListening {
		d.servers = tentacleconfig.Upsert(now, tentacleconfig.TrustedServer{Thumbprint: w.thumbprint, Style: tentacleconfig.StyleListening})
		return d, nil
	}
	d.subscription = cmp.Or(w.sent, w.subscription(now))
	d.servers = w.pollAll(now, d.subscription)
	return d, nil
}

// subscription is chosen in Tentacle's order: that of an entry with the same address, else the one
// given, else a new one. But instead of a new one, the subscription of any other node of the
// cluster is used. With a new one, as in the Tentacle CLI, the registration would have one
// subscription and the nodes polled earlier another, from which no work would ever arrive.
func (w trusting) subscription(now []tentacleconfig.TrustedServer) string {
	ofCluster := ""
	for _, server := range now {
		if server.Style != tentacleconfig.StylePolling || server.SubscriptionID == "" {
			continue
		}
		if tentacleconfig.ContainsAddress(w.addresses, server.Address) {
			return server.SubscriptionID
		}
		if ofCluster == "" && thumbprint.Same(server.Thumbprint, w.thumbprint) {
			ofCluster = server.SubscriptionID
		}
	}
	return cmp.Or(w.given, ofCluster, w.generated)
}

// pollAll gives every address an entry that polls with the subscription. Those that do already stay
// as they are.
func (w trusting) pollAll(now []tentacleconfig.TrustedServer, subscription string) []tentacleconfig.TrustedServer {
	entries := make([]tentacleconfig.TrustedServer, 0, len(w.addresses))
	for _, address := range w.addresses {
		entry := tentacleconfig.TrustedServer{Thumbprint: w.thumbprint, Address: address}
		for _, server := range now {
			if thumbprint.Same(server.Thumbprint, w.thumbprint) && tentacleconfig.SameAddress(server.Address, address) {
				entry = server // with its unknown fields
			}
		}
		entry.Style, entry.SubscriptionID = tentacleconfig.StylePolling, subscription
		entries = append(entries, entry)
	}
	return tentacleconfig.Upsert(now, entries...)
}

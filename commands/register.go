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

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func register(ctx context.Context, c *console, o registerOptions) error {
	ctx = interruptible(ctx)
	if err := o.read(c); err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}
	if o.kind.kubernetes && t.isRegistered() {
		// The agent's container runs this at every start.
		r := newReport(t)
		r.Machine = &machineEntry{}
		return r.printUnchanged(ctx, c, t, o.change)
	}
	own, err := t.document.Thumbprint()
	if err != nil {
		return err
	}

	asking, cancel := context.WithTimeout(ctx, o.api.timeout)
	defer cancel()
	reg, err := o.ask(asking, c, t, own)
	if err != nil {
		return timedOut(err, o.api)
	}
	r := newReport(t)
	r.Server, r.Thumbprint = reg.client.URL(), reg.thumbprint

	err = apply(ctx, c, t, o.change, change{
		servers:  reg.decide,
		settings: o.settings,
		before:   func() error { return reg.register(asking, c) },
	}, r)
	if err == nil && !reg.done && !o.change.dryRun {
		err = reg.register(asking, c) // the file was right already
	}
	if err != nil {
		return reg.unfinished(t, err)
	}
	r.Machine = &machineEntry{ID: reg.machine.ID, Name: reg.machine.Name, Space: reg.space.Name}
	if o.health.waitHealthy && !o.change.dryRun {
		if err := r.lookAtRegistrations(ctx, c, t, reg.client, o.health, o.api.timeout); err != nil {
			return unfinishedError{done: fmt.Sprintf("%s is registered in space %s as %s, and the configuration is saved; but:", reg.machine.Name, reg.space.Name, reg.machine.ID), cause: err}
		}
	}
	return r.print(c, o.change)
}

// settings are those beside the trusted servers that a registration sets, as the
// real Tentacle does: the number of polling connections, unless there is one;
// and for a Kubernetes agent that it is registered.
func (o *registerOptions) settings(document *tentacleconfig.Document) error {
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

func (t *tentacle) isRegistered() bool {
	value, _ := t.document.Get(tentacleconfig.KeyIsRegistered)
	registered, _ := strconv.ParseBool(strings.ToLower(strings.TrimSpace(value)))
	return registered
}

// registration is what is known once everything has been asked, and what
// becomes of it.
type registration struct {
	options    registerOptions
	client     *octoapi.Client
	space      *octoapi.Space
	thumbprint string          // to trust: the cluster's
	machine    octoapi.Machine // as it is to be sent; as the server has it once done
	fresh      string          // a subscription, should a new one be needed
	done       bool
}

// ask learns from the server all that the registration needs, while the
// polling ports are tried, and refuses what cannot be registered.
func (o *registerOptions) ask(ctx context.Context, c *console, t *tentacle, own string) (*registration, error) {
	var proxy = tentacleconfig.Proxy{UseDefault: true}
	if o.style == tentacleconfig.StylePolling {
		var err error
		if proxy, err = t.document.PollingProxy(); err != nil {
			return nil, err
		}
	}
	client, err := connect(c, o.api, proxy)
	if err != nil {
		return nil, err
	}
	reg := &registration{options: *o, client: client, fresh: tentacleconfig.NewSubscriptionID()}
	reg.thumbprint, err = askCluster(ctx, c, client, o.addresses, proxy, func(ctx context.Context) error {
		return reg.askSpace(ctx, t, own)
	})
	if err != nil {
		return nil, err
	}
	return reg, nil
}

func (reg *registration) askSpace(ctx context.Context, t *tentacle, own string) (err error) {
	o := &reg.options
	if reg.space, err = reg.client.Space(ctx, o.space); err != nil {
		return err
	}
	name := cmp.Or(strings.TrimSpace(o.name), machineName())
	existing, err := reg.space.Machines(o.kind.machine).ByName(ctx, name)
	if err != nil {
		return err
	}
	if existing != nil {
		if !o.force {
			noun := "machine"
			if o.kind.isWorker() {
				noun = "worker"
			}
			return fmt.Errorf("space %s has a %s named %s already (%s)\n"+
				"give another --name, or --force to make it this Tentacle", reg.space.Name, noun, existing.Name, existing.ID)
		}
		reg.machine = *existing
	}
	reg.machine.Name = name
	if o.policy != "" {
		policy, err := reg.space.Policy(ctx, o.policy)
		if err != nil {
			return err
		}
		reg.machine.PolicyID = policy.ID
	}
	if err := reg.askPlace(ctx); err != nil {
		return err
	}
	return reg.describeEndpoint(ctx, t, own)
}

// askPlace finds the Ids of the pools, or of the environments and tenants, that
// the options name.
func (reg *registration) askPlace(ctx context.Context) error {
	o, m := &reg.options, &reg.machine
	if o.kind.isWorker() {
		pools, err := reg.space.WorkerPools(ctx, nonEmpty(o.workerPools.Value()))
		m.WorkerPoolIDs = idsOf(pools)
		return err
	}
	m.Roles = nonEmpty(o.roles.Value())
	m.TenantedDeploymentParticipation = o.participation
	m.TenantTags = nonEmpty(o.tenantTags.Value())
	environments, err := reg.space.Environments(ctx, nonEmpty(o.environments.Value()))
	if err != nil {
		return err
	}
	m.EnvironmentIDs = idsOf(environments)
	tenants, err := reg.space.Tenants(ctx, nonEmpty(o.tenants.Value()))
	if err != nil {
		return err
	}
	m.TenantIDs = idsOf(tenants)
	return reg.space.CheckTenantTags(ctx, m.TenantTags)
}

func idsOf(named []octoapi.Named) []string {
	ids := make([]string, 0, len(named))
	for _, n := range named {
		ids = append(ids, n.ID)
	}
	return ids
}

// describeEndpoint is how the server reaches the Tentacle. The subscription of
// a polling one is decided later, under the lock.
func (reg *registration) describeEndpoint(ctx context.Context, t *tentacle, own string) error {
	o := &reg.options
	reg.machine.Endpoint = octoapi.Endpoint{CommunicationStyle: o.style.String(), Thumbprint: own, Mode: o.mode()}
	if o.kind.kubernetes {
		reg.machine.Endpoint.CommunicationStyle = octoapi.Kubernetes
		reg.machine.Endpoint.DefaultNamespace = o.defaultNamespace
	}
	if o.style == tentacleconfig.StylePolling {
		return nil
	}
	if o.proxy != "" {
		proxy, err := reg.space.Proxy(ctx, o.proxy)
		if err != nil {
			return err
		}
		reg.machine.Endpoint.ProxyID = proxy.ID
	}
	port, err := t.listeningPort(o.tentaclePort)
	if err != nil {
		return err
	}
	reg.machine.Endpoint.URI = "https://" + net.JoinHostPort(o.publicHostName, port) + "/"
	return nil
}

// mode is what an endpoint of a Kubernetes agent says; the others say it by
// their style.
func (o *registerOptions) mode() string {
	switch {
	case !o.kind.kubernetes:
		return ""
	case o.style == tentacleconfig.StylePolling:
		return octoapi.ModePolling
	}
	return octoapi.ModeListening
}

// listeningPort is the port given, else that of the settings, else 10933.
func (t *tentacle) listeningPort(given string) (string, error) {
	configured, _ := t.document.Get(tentacleconfig.KeyPort)
	port, err := parsePort(cmp.Or(given, strings.TrimSpace(configured), "10933"))
	if err != nil {
		return "", fmt.Errorf("%s: setting %s %q: %w", t.instance.ConfigPath, tentacleconfig.KeyPort, configured, err)
	}
	return strconv.Itoa(port), nil
}

// machineName is the host's name up to its first dot, as .NET's
// Environment.MachineName gives it.
func machineName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

// decide is the decision of a registration. Once registered, the subscription
// is what the server was told.
func (reg *registration) decide(now []tentacleconfig.TrustedServer) ([]tentacleconfig.TrustedServer, error) {
	if reg.options.style == tentacleconfig.StyleListening {
		return tentacleconfig.Upsert(now, tentacleconfig.TrustedServer{Thumbprint: reg.thumbprint, Style: tentacleconfig.StyleListening}), nil
	}
	if !reg.done {
		reg.machine.Endpoint.URI = subscriptionFor(now, reg.thumbprint, reg.options.addresses, reg.options.subscriptionID, reg.fresh)
	}
	return registerAddresses(now, reg.thumbprint, reg.machine.Endpoint.URI, reg.options.addresses), nil
}

// subscriptionFor is the real Tentacle's order: that of an entry with the same
// address, else the one given, else a new one. Before making a new one, that of
// any other node of the cluster is taken: the real one makes a new one there,
// after which the machine in Octopus has one subscription and the nodes polled
// earlier another, and never get work again.
func subscriptionFor(now []tentacleconfig.TrustedServer, thumbprint string, addresses []string, given, fresh string) string {
	ofCluster := ""
	for _, server := range now {
		if server.Style != tentacleconfig.StylePolling || server.SubscriptionID == "" {
			continue
		}
		for _, address := range addresses {
			if tentacleconfig.SameAddress(server.Address, address) {
				return server.SubscriptionID
			}
		}
		if ofCluster == "" && sameThumbprint(server.Thumbprint, thumbprint) {
			ofCluster = server.SubscriptionID
		}
	}
	return cmp.Or(given, ofCluster, fresh)
}

// registerAddresses gives every address an entry that polls under the
// subscription; those that do already stay as they are.
func registerAddresses(now []tentacleconfig.TrustedServer, thumbprint, subscription string, addresses []string) []tentacleconfig.TrustedServer {
	entries := make([]tentacleconfig.TrustedServer, 0, len(addresses))
	for _, address := range addresses {
		entry := tentacleconfig.TrustedServer{Thumbprint: thumbprint, Address: address}
		for _, server := range now {
			if sameThumbprint(server.Thumbprint, thumbprint) && tentacleconfig.SameAddress(server.Address, address) {
				entry = server // with its unknown fields
			}
		}
		entry.Style, entry.SubscriptionID = tentacleconfig.StylePolling, subscription
		entries = append(entries, entry)
	}
	return tentacleconfig.Upsert(now, entries...)
}

// register sends the registration, once.
func (reg *registration) register(ctx context.Context, c *console) error {
	c.progress("registering " + reg.machine.Name)
	defer c.endProgress()
	saved, err := reg.space.Machines(reg.options.kind.machine).Save(ctx, reg.machine)
	if err != nil {
		err = timedOut(err, reg.options.api)
		if errors.Is(err, octoapi.ErrUnsure) {
			return unfinishedError{
				done:  fmt.Sprintf("it is not known whether %s was registered; the configuration is unchanged.\nto finish: run the same command again with --force", reg.machine.Name),
				cause: err,
			}
		}
		return err
	}
	reg.machine.ID, reg.done = saved.ID, true
	return nil
}

// unfinished says what is where when the registration succeeded and something
// after it did not.
func (reg *registration) unfinished(t *tentacle, err error) error {
	if !reg.done {
		return err
	}
	registered := fmt.Sprintf("%s is registered in space %s as %s", reg.machine.Name, reg.space.Name, reg.machine.ID)
	if errors.As(err, new(unfinishedError)) {
		return unfinishedError{done: registered + ".", cause: err} // saved, too: what is left says so itself
	}
	again := "--force"
	if reg.options.style == tentacleconfig.StylePolling {
		again += " --server-subscription-id=" + reg.machine.Endpoint.URI
	}
	return unfinishedError{
		done: fmt.Sprintf("%s, but %s could not be saved: the Tentacle does not know of it yet.\n"+
			"to finish: mend what is said below and run the same command again with %s", registered, t.instance.ConfigPath, again),
		cause: err,
	}
}

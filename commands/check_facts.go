package commands

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// facts are what check knows of a Tentacle before it judges: the findings are
// made from this alone, without a look at machine or network.
type facts struct {
	instance tentacleconfig.Instance
	service  string // its name
	goos     string
	now      time.Time

	indexErr         error  // of an index file, not known whose: then there is nothing else
	configurationErr error  // why the file cannot be read; then there are no settings
	backup           string // the Id of the newest backup that could replace a file that cannot be used; "" without one
	thumbprint       string
	certificate      tentacleconfig.CertificateDates
	certificateErr   error
	noListen         bool
	servers          []tentacleconfig.TrustedServer
	serversErr       error
	proxy            tentacleconfig.Proxy
	proxyErr         error
	file             tentacleconfig.FileTimes

	status    service.Status
	statusErr error
	variables []service.Variable // of the service

	ports []portFact // one for each address polled

	client        *octoapi.Client // nil when the API is not to be asked
	url           string          // of the API; "" when it was not asked
	serverOptions []string        // that name server and key file, for a command that mends
	api           apiFacts
}

// portFact is a polled address and what answered there.
type portFact struct {
	address string
	entries []tentacleconfig.TrustedServer // that have it polled
	trusted []string                       // the thumbprints that the Tentacle expects there: one, unless entries contradict each other
	port    octoapi.Port
	err     error
}

// apiFacts are what the Octopus Server says.
type apiFacts struct {
	err              error // it could not be asked at all
	thumbprint       string
	registrations    []registered
	registrationsErr error
	hidden           bool // there may be registrations that the account may not see
	nodes            []octoapi.Node
	nodesErr         error
	shared           bool // the nodes share their queues
	sharedErr        error
}

// lookAtFacts reads what is on this machine. What cannot be read is a fact, too.
func lookAtFacts(instance tentacleconfig.Instance, serviceName string, now time.Time) *facts {
	f := &facts{
		instance: instance,
		service:  serviceOf(instance, serviceName),
		goos:     runtime.GOOS,
		now:      now,
	}
	document, err := tentacleconfig.Read(instance.ConfigPath)
	if err != nil {
		f.configurationErr = err
		f.backup = newestUsable(instance.ConfigPath)
		return f
	}
	// Without its times, an outstanding restart is just not seen.
	f.file, _ = tentacleconfig.TimesOf(instance.ConfigPath)
	setting, _ := document.Get(tentacleconfig.KeyThumbprint)
	f.thumbprint = strings.ToUpper(strings.TrimSpace(setting))
	f.certificate, f.certificateErr = document.CertificateDates()
	f.noListen = !listens(document)
	if f.servers, f.serversErr = document.TrustedServers(); f.serversErr != nil {
		f.backup = newestUsable(instance.ConfigPath)
	}
	f.proxy, f.proxyErr = document.PollingProxy()
	f.ports = portsOf(f.servers)
	return f
}

// listens says whether the Tentacle opens its own port, as it does unless told not to.
func listens(document *tentacleconfig.Document) bool {
	noListen, _ := document.Get(tentacleconfig.KeyNoListen)
	return !strings.EqualFold(strings.TrimSpace(noListen), "true")
}

// portsOf are the addresses that the Tentacle polls, each once.
func portsOf(servers []tentacleconfig.TrustedServer) (ports []portFact) {
	at := map[string]int{}
	for _, server := range servers {
		if !server.Polls() {
			continue
		}
		key := tentacleconfig.AddressKey(server.Address)
		i, known := at[key]
		if !known {
			i = len(ports)
			at[key] = i
			ports = append(ports, portFact{address: strings.TrimRight(server.Address, "/")})
		}
		ports[i].entries = append(ports[i].entries, server)
		if !containsThumbprint(ports[i].trusted, server.Thumbprint) {
			ports[i].trusted = append(ports[i].trusted, strings.ToUpper(server.Thumbprint))
		}
	}
	return ports
}

// gather asks the service manager, the ports and the API, all at the same time.
func (f *facts) gather(ctx context.Context, answered func(octoapi.Port)) {
	if f.indexErr != nil {
		return
	}
	var wait sync.WaitGroup
	wait.Go(func() { f.status, f.statusErr = lookAtService(ctx, f.service) })
	wait.Go(func() {
		// That this cannot be told is said by the state of the service, which then cannot either.
		f.variables, _ = service.Environment(ctx, f.service)
	})
	wait.Go(func() { f.tryPorts(ctx, answered) })
	if f.client != nil {
		wait.Go(func() { f.askAPI(ctx) })
	}
	wait.Wait()
}

func (f *facts) tryPorts(ctx context.Context, answered func(octoapi.Port)) {
	if f.proxyErr != nil {
		return
	}
	addresses := make([]string, len(f.ports))
	for i, p := range f.ports {
		addresses[i] = p.address
	}
	ports, errs := octoapi.TryEachPort(ctx, addresses, octoapi.PortOptions{
		Proxy: pollingProxy(f.proxy, f.goos), Done: answered, Brief: true,
	})
	for i := range f.ports {
		f.ports[i].port, f.ports[i].err = ports[i], errs[i]
	}
}

// askAPI asks everything at the same time, once it is known that there is an
// Octopus Server to ask.
func (f *facts) askAPI(ctx context.Context) {
	a := &f.api
	f.url = f.client.URL()
	if _, a.err = f.client.Root(ctx); a.err != nil {
		return
	}
	var wait sync.WaitGroup
	wait.Go(func() { a.thumbprint, a.err = f.client.Thumbprint(ctx) })
	wait.Go(func() { a.nodes, a.nodesErr = f.client.Nodes(ctx) })
	wait.Go(func() { a.shared, a.sharedErr = f.client.SharedQueues(ctx) })
	if own := f.ownThumbprint(); own != "" {
		wait.Go(func() { a.registrations, a.hidden, a.registrationsErr = findRegistrations(ctx, f.client, own) })
	}
	wait.Wait()
	f.url = f.client.URL() // https, where the server sends there
}

// ownThumbprint is the one under which the Tentacle is registered.
func (f *facts) ownThumbprint() string { return cmp.Or(f.thumbprint, f.certificate.Thumbprint) }

// ofCluster says whether the Tentacle polls the cluster whose API was asked at
// this port: it trusts a thumbprint of the cluster there, or a web site's (wss),
// which tells nothing.
func (f *facts) ofCluster(p portFact) bool {
	return strings.HasPrefix(p.address, "wss:") ||
		slices.ContainsFunc(f.clusterThumbprints(), func(t string) bool { return containsThumbprint(p.trusted, t) })
}

// clusterThumbprints are the one that the cluster has, and those that it had
// before its certificate was renewed.
func (f *facts) clusterThumbprints() []string {
	thumbprints := []string{f.api.thumbprint}
	for _, p := range f.ports {
		if f.renewed(p) {
			thumbprints = append(thumbprints, p.trusted...)
		}
	}
	return thumbprints
}

// renewed says whether the port presents a new certificate of the cluster: one
// that the Tentacle does not trust, while the API calls it its own and knows the
// Tentacle. Without that knowledge it may be another cluster, API and port.
func (f *facts) renewed(p portFact) bool {
	return f.api.thumbprint != "" && sameThumbprint(p.port.Thumbprint, f.api.thumbprint) && !containsThumbprint(p.trusted, f.api.thumbprint) &&
		len(f.api.registrations) > 0
}

// clusterSubscriptions are those under which the cluster is polled.
func (f *facts) clusterSubscriptions() (subscriptions []string) {
	for _, p := range f.ports {
		if !f.ofCluster(p) {
			continue
		}
		for _, server := range p.entries {
			if server.SubscriptionID != "" &&
				!slices.ContainsFunc(subscriptions, func(s string) bool { return sameSubscription(s, server.SubscriptionID) }) {
				subscriptions = append(subscriptions, server.SubscriptionID)
			}
		}
	}
	return subscriptions
}

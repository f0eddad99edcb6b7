package check

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Snapshot is what is known about a Tentacle: from its machine, its polling ports and the API.
type Snapshot struct {
	Tentacle suggest.Tentacle
	HostName string // of this machine, as Tentacle has it
	DNSName  string // of this machine, in the network; HostName may be its beginning, on Windows
	Alone    bool   // it is the only instance on this machine
	Now      time.Time

	UnseenErr        error  // why an agent, or all those of a cluster, could not be looked at: then there is nothing else
	IndexErr         error  // an index file that cannot be read, whose instance is unknown: then there is nothing else
	ConfigurationErr error  // why the file cannot be read: then there are no settings
	Backup           string // the ID of the newest backup that could replace an unusable file; "" without one
	Thumbprint       string // the setting
	Certificate      tentacleconfig.CertificateDates
	CertificateErr   error
	Listens          bool
	ListenPort       string // where it listens, if it does
	ListenIP         string // "" for every address of the machine
	Agent            bool   // a Kubernetes agent that has registered itself, which it does once
	Servers          []tentacleconfig.TrustedServer
	ServersErr       error
	ProxyErr         error // of the polling proxy; the ports were not tried then
	File             tentacleconfig.FileTimes
	Access           FileAccess

	Service    service.Status
	ServiceErr error
	Variables  []service.Variable // of the service
	// VariablesErr is why there may be others.
	VariablesErr error

	Connections    []netip.AddrPort // the other ends of the connections that the service's processes have
	ConnectionsErr error            // why they are not known

	Interrupted bool     // the service does not run, because octo-tentacle had stopped it for a restart
	LastWords   []string // of a service that does not run or stay up: the last lines of its log
	Undo        bool     // its trouble may be due to the last change of octo-tentacle, which can be undone

	Ports []Port // one for each address that is polled

	Server        string   // the URL of the API; "" when it was not asked
	ServerOptions []string // the options that lead to that server, for a suggested command
	API           API

	Proving *Proving // nil where no health check was to be started

	Kubernetes *Agent // of an agent that is looked at from outside its container; nil elsewhere

	Wish *Wish // nil where the Tentacle is compared with no file

	NewSubscription string   // a new one, for a Tentacle that shares its own
	Machine         *Machine // with all instances on this computer, where all are checked; else nil
	sharedFile      string   // a name of the configuration file that several of them have
}

// Port is a polled address, and what responded there.
type Port struct {
	Address string
	Entries []tentacleconfig.TrustedServer // the entries of this address
	Trusted []string                       // the thumbprints that are expected there: one, unless entries contradict each other
	Answer  octoapi.Port
	Err     error // why nothing responded

	Trust   octoapi.PortTrust  // whether it accepts this Tentacle
	AskedIt bool               // Trust is known; not without a certificate that can be read, nor of a web socket
	Host    octoapi.NodeAtHost // what the web port of its host says, if HostErr is nil
	HostErr error              // why it says nothing

	Ends []netip.AddrPort // where its host leads, by its name; nil where it was not looked up
}

// FileAccess says who can read the configuration.
type FileAccess struct {
	tentacleconfig.Exposure
	Account string // that the service runs as; "" where that is not known
	Reads   bool   // it can read the configuration also if others cannot
}

// API is what the Octopus Server says.
type API struct {
	Err              error  // the API could not be asked at all
	Thumbprint       string // of the cluster
	Registrations    []octoapi.Registration
	RegistrationsErr error
	Unread           *octoapi.UnreadError   // where there may be more registrations; nil for nowhere
	Subscribers      []octoapi.Registration // those with a subscription of this Tentacle, whatever their thumbprint
	SubscribersErr   error                  // why not all of these are known
	Nodes            []octoapi.Node
	NodesErr         error
	Queues           coverage.Queues
	HealthChecks     []octoapi.Task // of this Tentacle, that succeeded since it polls what it polls
	HealthChecksErr  error          // why they are not known
	ClockAhead       time.Duration  // of this machine's; negative when it is behind
	ClockKnown       bool
}

// PortsOf are the addresses that are polled, each once.
func PortsOf(servers []tentacleconfig.TrustedServer) (ports []Port) {
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
			ports = append(ports, Port{Address: tried(server)})
		}
		ports[i].Entries = append(ports[i].Entries, server)
		if !thumbprint.Contains(ports[i].Trusted, server.Thumbprint) {
			ports[i].Trusted = append(ports[i].Trusted, thumbprint.Clean(server.Thumbprint))
		}
	}
	return ports
}

// tried is the address at which an entry's port is tried: as Tentacle stores it, where it is one.
func tried(server tentacleconfig.TrustedServer) string {
	address := server.Respelled().Address
	if stored, err := tentacleconfig.AddressOf(address); err == nil {
		return stored
	}
	return strings.TrimRight(address, "/")
}

// OwnThumbprint is the one under which the Tentacle is registered; "" without a certificate.
func (s *Snapshot) OwnThumbprint() string { return cmp.Or(s.Thumbprint, s.Certificate.Thumbprint) }

// polledThumbprints are the clusters that are polled.
func (s *Snapshot) polledThumbprints() []string {
	polled := slices.DeleteFunc(slices.Clone(s.Servers), func(t tentacleconfig.TrustedServer) bool { return !t.Polls() })
	return tentacleconfig.Thumbprints(polled)
}

// clusterPorts are those of the cluster whose API was asked: a thumbprint of that cluster is
// trusted there, or that of a web site (wss), which says nothing about the cluster.
func (s *Snapshot) clusterPorts() (ports []Port) {
	thumbprints := s.clusterThumbprints()
	for _, p := range s.Ports {
		if strings.HasPrefix(p.Address, "wss:") || slices.ContainsFunc(thumbprints, func(t string) bool { return thumbprint.Contains(p.Trusted, t) }) {
			ports = append(ports, p)
		}
	}
	return ports
}

// clusterThumbprints are the present one of the cluster, and those from before its certificate was
// renewed, or for when it will be.
func (s *Snapshot) clusterThumbprints() []string {
	thumbprints := tentacleconfig.ClusterOf(s.Servers, s.API.Thumbprint)
	for _, p := range s.Ports {
		if s.renewed(p) {
			thumbprints = append(thumbprints, p.Trusted...)
		}
	}
	if old := s.replaced(); old != "" {
		thumbprints = append(thumbprints, old)
	}
	return thumbprints
}

// renewed says whether the port presents a new certificate of the cluster: one that is not trusted,
// while the API calls it the cluster's own and knows the Tentacle. An API that does not know the
// Tentacle may be that of another cluster, as may the port.
func (s *Snapshot) renewed(p Port) bool {
	return s.API.Thumbprint != "" && thumbprint.Same(p.Answer.Thumbprint, s.API.Thumbprint) &&
		!thumbprint.Contains(p.Trusted, s.API.Thumbprint) && len(s.API.Registrations) > 0
}

// clusterAddresses are those at which the cluster is polled.
func (s *Snapshot) clusterAddresses() (addresses []string) {
	for _, p := range s.clusterPorts() {
		addresses = append(addresses, p.Address)
	}
	return addresses
}

// answeringAddresses are those at which the cluster is polled and presents what is trusted there: a
// command that registers tries each port.
func (s *Snapshot) answeringAddresses() (addresses []string) {
	for _, p := range s.clusterPorts() {
		if p.Err == nil && thumbprint.Contains(p.Trusted, p.Answer.Thumbprint) {
			addresses = append(addresses, p.Address)
		}
	}
	return addresses
}

// clusterSubscriptions are those with which the cluster is polled.
func (s *Snapshot) clusterSubscriptions() (subscriptions []string) {
	for _, p := range s.clusterPorts() {
		for _, server := range p.Entries {
			known := func(id string) bool { return octoapi.SameSubscription(id, server.SubscriptionID) }
			if server.Subscribes() && !slices.ContainsFunc(subscriptions, known) {
				subscriptions = append(subscriptions, server.SubscriptionID)
			}
		}
	}
	return subscriptions
}

// subscription is one with which a cluster is polled.
type subscription struct {
	id        string // in lower case, without the slash at the end
	addresses []string
}

// subscriptionsOf are those of a cluster, in the order of the file.
func (s *Snapshot) subscriptionsOf(cluster string) (all []subscription) {
	for _, server := range s.Servers {
		if !server.Subscribes() || !thumbprint.Same(server.Thumbprint, cluster) {
			continue
		}
		i := slices.IndexFunc(all, func(one subscription) bool { return octoapi.SameSubscription(one.id, server.SubscriptionID) })
		if i < 0 {
			i = len(all)
			all = append(all, subscription{id: strings.ToLower(strings.TrimRight(server.SubscriptionID, "/"))})
		}
		all[i].addresses = append(all[i].addresses, server.Address)
	}
	return all
}

// correct is the subscription to keep: the one that the server knows, else the first.
func (s *Snapshot) correct(all []subscription) subscription {
	for _, r := range s.API.Registrations {
		if i := slices.IndexFunc(all, func(one subscription) bool { return octoapi.SameSubscription(one.id, r.Machine.Endpoint.URI) }); i >= 0 {
			return all[i]
		}
	}
	return all[0]
}

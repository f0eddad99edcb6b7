package commands

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// snapshot is a snapshot of a Tentacle while it is taken.
type snapshot struct {
	check.Snapshot
	document *tentacleconfig.Document // nil when it cannot be read
	proxy    tentacleconfig.Proxy
	server   *connection // nil when the API is not asked
}

// takeSnapshot reads what is on this machine, and records what cannot be read.
func takeSnapshot(instance tentacleconfig.Instance, serviceName string, now time.Time) *snapshot {
	s := &snapshot{}
	s.Tentacle = suggest.Tentacle{Instance: instance, Service: serviceOf(instance, serviceName), GOOS: runtime.GOOS}
	s.HostName, s.Now = hostName(), now
	s.Alone = isAlone(instance)
	s.NewSubscription = tentacleconfig.NewSubscriptionID()
	document, err := tentacleconfig.Read(instance.ConfigPath)
	if err != nil {
		s.ConfigurationErr = withHints(about(s.Tentacle, err))
		s.Backup = newestUsableBackup(instance)
		return s
	}
	s.document = document
	// Without the times, a pending restart is not noticed.
	s.File, _ = tentacleconfig.TimesOf(instance.ConfigPath)
	setting, _ := document.Get(tentacleconfig.KeyThumbprint)
	s.Thumbprint = strings.ToUpper(thumbprint.Clean(setting))
	s.Certificate, s.CertificateErr = document.CertificateDates()
	t := &tentacle{instance: instance, document: document}
	s.Listens, s.Agent = document.Listens(), t.isRegistered()
	s.ListenPort, _ = t.listeningPort("") // a Tentacle with a port that is none does not start
	ip, _ := document.Get(tentacleconfig.KeyListenIP)
	s.ListenIP = strings.TrimSpace(ip)
	if s.Servers, s.ServersErr = document.TrustedServers(); s.ServersErr != nil {
		s.Backup = newestUsableBackup(instance)
	}
	s.proxy, s.ProxyErr = document.PollingProxy()
	s.Ports = check.PortsOf(s.Servers)
	return s
}

// isAlone says whether there certainly is no other instance on this machine.
func isAlone(instance tentacleconfig.Instance) bool {
	instances, err := tentacleconfig.Instances()
	return err == nil && !slices.ContainsFunc(instances, func(i tentacleconfig.Instance) bool { return i.Name != instance.Name })
}

func newestUsableBackup(instance tentacleconfig.Instance) string {
	if backup, found := tentacleconfig.NewestUsableBackup(instance.ConfigPath); found {
		return backup.ID()
	}
	return ""
}

// askAll asks for all Tentacles at the same time; answered is called for each port that answers.
func askAll(ctx context.Context, snapshots []*snapshot, answered func(octoapi.Port)) {
	var all sync.WaitGroup
	for _, s := range snapshots {
		all.Go(func() { s.ask(ctx, answered) })
	}
	all.Wait()
}

// ask asks the service manager, the ports and the API at the same time.
func (s *snapshot) ask(ctx context.Context, answered func(octoapi.Port)) {
	if s.IndexErr != nil {
		return
	}
	var all sync.WaitGroup
	all.Go(func() { s.lookAtService(ctx) })
	all.Go(func() {
		// Where this fails, the state of the service is not known either, and is reported.
		s.Variables, _ = service.Environment(ctx, s.Tentacle.Service)
	})
	all.Go(func() { s.tryPorts(ctx, answered) })
	if s.server != nil {
		all.Go(func() { s.askAPI(ctx) })
	}
	all.Wait()
}

func (s *snapshot) lookAtService(ctx context.Context) {
	s.Service, s.ServiceErr = lookAtService(ctx, s.Tentacle.Service)
	s.Interrupted = interruptedRestart(s.Tentacle.Instance.ConfigPath, s.Service) != nil
	if s.Interrupted || s.Service.State == service.Crashing || s.Service.State == service.Failed {
		found := lookAtTrouble(ctx, s.Tentacle.Instance, s.document, s.Service.Name)
		s.LastWords, s.Undo = found.words, !found.undo.IsZero()
	}
}

func (s *snapshot) tryPorts(ctx context.Context, answered func(octoapi.Port)) {
	if s.ProxyErr != nil {
		return
	}
	addresses := make([]string, len(s.Ports))
	for i, p := range s.Ports {
		addresses[i] = p.Address
	}
	ports, errs := octoapi.TryEachPort(ctx, addresses, octoapi.PortOptions{
		Proxy: pollingProxy(s.proxy, runtime.GOOS), Done: answered, FailFast: true,
	})
	for i := range s.Ports {
		s.Ports[i].Answer, s.Ports[i].Err = ports[i], errs[i]
	}
}

// askAPI asks everything at the same time.
func (s *snapshot) askAPI(ctx context.Context) {
	api := &s.API
	var all sync.WaitGroup
	all.Go(func() { api.Thumbprint, api.Err = s.server.Thumbprint(ctx) })
	all.Go(func() { api.Nodes, api.NodesErr = s.server.Nodes(ctx) })
	all.Go(func() { api.SharedQueues, api.SharedQueuesErr = s.server.SharedQueues(ctx) })
	if own := s.OwnThumbprint(); own != "" {
		all.Go(func() { api.Registrations, api.Hidden, api.RegistrationsErr = s.server.Registrations(ctx, own) })
		all.Go(func() { api.Subscribers, api.SubscribersErr = s.askSubscribers(ctx) })
	}
	all.Wait()
	api.Err = withHints(api.Err)
	s.Server = s.server.URL() // https, where the server redirects there
}

// askSubscribers asks for the registrations with this Tentacle's subscriptions.
func (s *snapshot) askSubscribers(ctx context.Context) ([]octoapi.Registration, error) {
	subscriptions := s.Subscriptions()
	if len(subscriptions) == 0 {
		return nil, nil
	}
	style := octoapi.Polling
	if s.Agent {
		style = octoapi.Kubernetes
	}
	return s.server.WithSubscription(ctx, style, subscriptions)
}

// portProgress shows what is asked. The result is to be called for each port that has answered.
func portProgress(c *console, url string, ports int) (answered func(octoapi.Port)) {
	text := askingText(url, ports)
	c.progress(text)
	var mu sync.Mutex
	done := 0
	return func(octoapi.Port) {
		mu.Lock()
		defer mu.Unlock()
		done++
		c.progress(fmt.Sprintf("%s, %d answered", text, done))
	}
}

package commands

import (
	"context"
	"fmt"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// askAll asks for all Tentacles at the same time; answered is called for each port that answers.
func askAll(ctx context.Context, snapshots []*snapshot, answered func(octoapi.Port)) {
	var all sync.WaitGroup
	for _, s := range snapshots {
		all.Go(func() { s.ask(ctx, answered) })
	}
	all.Wait()
}

// unseen says whether nothing is known but why nothing is known.
func (s *snapshot) unseen() bool {
	return s.IndexErr != nil || s.UnseenErr != nil || s.Wish != nil && s.Wish.Absent != nil
}

// ask asks the service manager, the ports, their hosts and the API at the same time.
func (s *snapshot) ask(ctx context.Context, answered func(octoapi.Port)) {
	if s.unseen() {
		return
	}
	var all sync.WaitGroup
	if s.Kubernetes == nil { // what the cluster of an agent says about it is known already
		all.Go(func() { s.lookAtService(ctx) })
		all.Go(func() {
			if isKeptInFile(s.Tentacle.Instance) { // what the chart sets for a container is right
				s.Variables, s.VariablesErr = s.place.environment(ctx)
			}
		})
		all.Go(func() {
			s.lookAtFileAccess(ctx)
			s.lookAtWishedService(ctx)
		})
	}
	all.Go(func() { s.askPorts(ctx, answered) })
	all.Go(func() { s.askHosts(ctx) })
	if s.server != nil {
		all.Go(func() { s.askAPI(ctx) })
	}
	all.Wait()
	s.askHostsAgain(ctx)
	s.lookAtConnections(ctx)
	s.API.HealthChecks = s.recent(s.API.HealthChecks)
}

func (s *snapshot) lookAtService(ctx context.Context) {
	s.Service, s.ServiceErr = s.place.status(ctx)
	s.Interrupted = interruptedRestart(s.Tentacle.Instance.ConfigPath, s.Service) != nil
	if s.Interrupted || s.Service.State == service.Crashing || s.Service.State == service.Failed {
		found := lookAtTrouble(ctx, s.Tentacle.Instance, s.document, s.Service.Name)
		s.LastWords, s.Undo = found.words, !found.undo.IsZero()
	}
}

// askAPI asks everything at the same time, and what depends on an answer after it.
func (s *snapshot) askAPI(ctx context.Context) {
	api := &s.API
	var all, cluster sync.WaitGroup
	cluster.Go(func() { api.Thumbprint, api.Err = s.server.Thumbprint(ctx) })
	cluster.Go(func() { api.Nodes, api.NodesErr = s.server.Nodes(ctx) })
	all.Go(func() { api.Queues = s.askQueues(ctx, cluster.Wait) })
	if s.wished != nil && len(s.Wish.File.Registrations) > 0 {
		all.Go(func() {
			if cluster.Wait(); api.Err == nil {
				s.compareRegistrations(ctx, s.wished)
			}
		})
	}
	if own := s.OwnThumbprint(); own != "" {
		all.Go(func() {
			api.Registrations, api.Unread, api.RegistrationsErr = s.server.Registrations(ctx, own)
			api.HealthChecks, api.HealthChecksErr = s.askHealthChecks(ctx)
		})
		all.Go(func() { api.Subscribers, api.SubscribersErr = s.askSubscribers(ctx) })
	}
	cluster.Wait()
	all.Wait()
	api.Err = withHints(api.Err)
	api.ClockAhead, api.ClockKnown = s.server.Clock()
	s.Server = s.server.URL() // https, where the server redirects there
}

// askQueues asks the nodes at which the cluster is polled for their queues. The function waits
// until it is known which cluster that is, and which nodes it has.
func (s *snapshot) askQueues(ctx context.Context, wait func()) coverage.Queues {
	return s.server.askQueues(ctx, func() []string {
		wait()
		return polledAddresses(s.Servers, tentacleconfig.ClusterOf(s.Servers, s.API.Thumbprint)...)
	}, func() []octoapi.Node { return s.API.Nodes })
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

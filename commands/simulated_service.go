package commands

import (
	"context"
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
)

// A simulatedService stands in for the service of the demo's Tentacle, whatever service manager
// this machine has.
type simulatedService struct {
	started time.Time
	restart func() error
}

type simulatedServiceKey struct{}

func withSimulatedService(ctx context.Context, s *simulatedService) context.Context {
	return context.WithValue(service.WithoutManager(ctx), simulatedServiceKey{}, s)
}

// simulatedServiceOf is nil for anything but the demo.
func simulatedServiceOf(ctx context.Context) *simulatedService {
	s, _ := ctx.Value(simulatedServiceKey{}).(*simulatedService)
	return s
}

func (s *simulatedService) status(name string) service.Status {
	return service.Status{Name: name, State: service.Running, Started: s.started}
}

func (s *simulatedService) startAgain() error {
	s.started = time.Now()
	return s.restart()
}

package commands

import (
	"cmp"
	"context"
	"fmt"
	"runtime"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// serviceOf is the name of an instance's service: the one given, else the usual one.
func serviceOf(instance tentacleconfig.Instance, given string) string {
	return cmp.Or(given, service.NameFor(instance.Name, runtime.GOOS))
}

// lookAtService is the state of a service. An unknown state is reported; it is never a reason to
// fail.
func lookAtService(ctx context.Context, name string) (service.Status, error) {
	if name == "" { // an agent in its container
		return service.Status{State: service.Unmanaged}, nil
	}
	if s := simulatedServiceOf(ctx); s != nil {
		return s.status(name), nil
	}
	status, err := service.Query(ctx, name)
	if err != nil {
		return service.Status{Name: name, State: stateUnknown}, fmt.Errorf("the state of service %s is not known: %w", name, err)
	}
	return status, nil
}

// ownService is the status of a Tentacle's service, whose name may only be the usual one: then it
// is service.Foreign where another program has a service of that name, which is left alone.
func ownService(status service.Status, given bool) service.Status {
	if !given && status.ForeignCommand != "" {
		return service.Status{Name: status.Name, State: service.Foreign, ForeignCommand: status.ForeignCommand}
	}
	return status
}

// refuseForeign refuses to start or stop another program's service, whose name was not given.
func refuseForeign(status service.Status, given bool) error {
	if ownService(status, given).State != service.Foreign {
		return nil
	}
	return hint.Errorf("for the service that runs this Tentacle, use --service=NAME",
		"service %s is not this Tentacle's: it runs %s", status.Name, status.ForeignCommand)
}

const stateUnknown service.State = "unknown"

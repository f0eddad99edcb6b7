package commands

import (
	"cmp"
	"context"
	"fmt"
	"runtime"

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
	status, err := service.Query(ctx, name)
	if err != nil {
		return service.Status{Name: name, State: stateUnknown}, fmt.Errorf("the state of service %s is not known: %w", name, err)
	}
	return status, nil
}

const stateUnknown service.State = "unknown"

package commands

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// tentacle is what is on this machine, as the second step of a command finds
// it: nothing is locked, and nothing here is written back.
type tentacle struct {
	instance tentacleconfig.Instance
	document *tentacleconfig.Document
	servers  []tentacleconfig.TrustedServer
	service  string // the name of the service that runs it
}

// lookAt finds the Tentacle that is meant and reads its configuration.
func lookAt(o tentacleOptions) (*tentacle, error) {
	instance, err := find(o)
	if err != nil {
		return nil, err
	}
	return lookAtInstance(instance, o.service)
}

func find(o tentacleOptions) (tentacleconfig.Instance, error) {
	return tentacleconfig.Find(o.orRunning(), o.config)
}

// orRunning is the name of the instance that is meant: the one given, else the
// one whose script this is, unless a file was given.
func (o *tentacleOptions) orRunning() string {
	if o.instance == "" && o.config == "" {
		return runningInstance()
	}
	return o.instance
}

// noteUse puts an instance that only the older index of Windows has into the
// index, as the real Tentacle does with each that it uses. Who may not write
// there uses it all the same: it is found again.
func noteUse(instance tentacleconfig.Instance) { _ = tentacleconfig.Migrate(instance) }

func lookAtInstance(instance tentacleconfig.Instance, serviceName string) (*tentacle, error) {
	document, err := tentacleconfig.Read(instance.ConfigPath)
	if err != nil {
		return nil, err
	}
	servers, err := document.TrustedServers()
	if err != nil {
		return nil, err
	}
	return &tentacle{
		instance: instance,
		document: document,
		servers:  servers,
		service:  serviceOf(instance, serviceName),
	}, nil
}

// serviceOf is the name of an instance's service: the one given, else the usual.
func serviceOf(instance tentacleconfig.Instance, given string) string {
	return cmp.Or(given, service.NameFor(instance.Name, runtime.GOOS))
}

// lookAtDamaged is lookAt for the commands that are needed just when the
// configuration cannot be read: it then has no settings and no servers.
func lookAtDamaged(c *console, o tentacleOptions) (*tentacle, error) {
	instance, err := find(o)
	if err != nil {
		return nil, err
	}
	t, damage := lookAtInstance(instance, o.service)
	if damage == nil {
		return t, nil
	}
	document, err := tentacleconfig.ReadDamaged(instance.ConfigPath)
	if err != nil {
		return nil, err
	}
	c.warn("the configuration is damaged: %s", firstLine(damage))
	return &tentacle{
		instance: instance,
		document: document,
		service:  serviceOf(instance, o.service),
	}, nil
}

// polling says whether anything is polled at all.
func polling(servers []tentacleconfig.TrustedServer) bool {
	return slices.ContainsFunc(servers, tentacleconfig.TrustedServer.Polls)
}

// serviceLookTime bounds a look at the service manager, which is on this
// machine and answers at once or not at all.
const serviceLookTime = 5 * time.Second

// lookAtService tells the state of the Tentacle's service. That it cannot be
// told is a fact to report, never a reason to fail.
func lookAtService(ctx context.Context, name string) (service.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, serviceLookTime)
	defer cancel()
	status, err := service.Look(ctx, name)
	if err != nil {
		return service.Status{Name: name, State: stateUnknown}, fmt.Errorf("the state of service %s is not known: %w", name, err)
	}
	return status, nil
}

const stateUnknown service.State = "unknown"

package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/steps"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Which Tentacle is meant, and where it is kept.

// lookAt finds the Tentacle that the options choose and reads its configuration.
func lookAt(ctx context.Context, o tentacleOptions) (*tentacle, error) {
	t, err := locate(ctx, o)
	if err != nil {
		return nil, err
	}
	return t, t.read(ctx)
}

// locate finds the Tentacle that the options choose, and does not read it. In the container of an
// agent, an instance is the ConfigMap, whatever its name; a file is that file.
func locate(ctx context.Context, o tentacleOptions) (*tentacle, error) {
	if p := agentPlace(); p != nil && o.instance != "" {
		return inConfigMap(p, o.instance), nil
	}
	instance, err := find(ctx, o)
	if err != nil {
		return nil, err
	}
	return inFile(instance, o.service), nil
}

// inFile is the Tentacle of an instance on this machine.
func inFile(instance tentacleconfig.Instance, serviceName string) *tentacle {
	t := &tentacle{instance: instance, service: serviceOf(instance, serviceName)}
	t.place = filePlace{t.suggest(), serviceName != ""}
	return t
}

// inConfigMap is the agent in whose container this process runs.
func inConfigMap(p *configMapPlace, name string) *tentacle {
	return &tentacle{instance: tentacleconfig.Instance{Name: name, ConfigPath: p.name()}, place: p}
}

// find finds the instance on this machine that the options choose. It is for what files and
// services alone have.
func find(ctx context.Context, o tentacleOptions) (tentacleconfig.Instance, error) {
	if p := agentPlace(); p != nil && o.instance != "" {
		return tentacleconfig.Instance{}, notInFileError{o.instance, p}
	}
	started := time.Now()
	instance, err := tentacleconfig.Find(o.instanceName(), o.config)
	found := any(instance.Name)
	if err != nil {
		found = nil
	}
	steps.Log(ctx, "find instance in "+tentacleconfig.IndexFolder(), "found", found, "error", err, steps.Took(started))
	return instance, err
}

// allInstances are the instances on this machine. It warns of what is in the older index of Windows
// and is not among them.
func allInstances(c *console) ([]tentacleconfig.Instance, error) {
	for _, skipped := range tentacleconfig.Skipped() {
		c.warn("%v", skipped)
	}
	started := time.Now()
	instances, damage := tentacleconfig.Instances()
	c.step("list instances in "+tentacleconfig.IndexFolder(), "found", len(instances), "error", damage, steps.Took(started))
	return instances, damage
}

// instanceName is the instance that is given, else the one that runs the current script, unless a
// file is given.
func (o *tentacleOptions) instanceName() string {
	if o.instance == "" && o.config == "" {
		return runningInstance()
	}
	return o.instance
}

// runningInstance is the instance whose script runs this process, by the variable that a Tentacle
// gives its scripts; "" elsewhere, and where the name is that of no instance here.
func runningInstance() string {
	name := os.Getenv("TentacleInstanceName")
	if name == "" {
		return ""
	}
	if _, err := tentacleconfig.Find(name, ""); err != nil {
		return ""
	}
	return name
}

// noteUse adds an instance that is only in the older index of Windows to the index, as the Tentacle
// CLI does with every one it uses. Commands that only read do not: what they make would belong to
// whoever runs them, who need not be an Administrator. Without write access the instance still
// works.
func noteUse(instance tentacleconfig.Instance) {
	if isKeptInFile(instance) {
		_ = tentacleconfig.Migrate(instance)
	}
}

// lookAtInstance is lookAt for an instance on this machine.
func lookAtInstance(ctx context.Context, instance tentacleconfig.Instance, serviceName string) (*tentacle, error) {
	t := inFile(instance, serviceName)
	return t, t.read(ctx)
}

// lookAtDamaged is lookAt for the commands that are needed when the configuration file cannot be
// read: then it has no settings and no servers.
func lookAtDamaged(ctx context.Context, c *console, o tentacleOptions) (*tentacle, error) {
	instance, err := find(ctx, o)
	if err != nil {
		return nil, err
	}
	t := inFile(instance, o.service)
	damage := t.read(ctx)
	if damage == nil {
		return t, nil
	}
	if t.document, err = tentacleconfig.ReadDamaged(instance.ConfigPath); err != nil {
		return nil, err
	}
	c.warn("the configuration is damaged: %v", damage)
	return t, nil
}

// notInFileError is an agent where only a Tentacle in a file will do.
type notInFileError struct {
	instance string
	place    *configMapPlace
}

func (e notInFileError) Error() string {
	return fmt.Sprintf("%s is a Kubernetes agent, whose settings are in %s: there are no backups, no history and no service of it", e.instance, e.place.name())
}

func (e notInFileError) Hints() []string {
	return []string{"to restart the agent, from outside: " + suggest.Tentacle{Agent: suggest.Agent{Namespace: e.place.namespace}}.Command("restart-service")}
}

// isAbsent says whether there is no such instance, or not the configuration of one.
func isAbsent(err error) bool {
	instance, is := errors.AsType[*tentacleconfig.InstanceError](err)
	return errors.Is(err, fs.ErrNotExist) || is &&
		slices.Contains([]tentacleconfig.InstanceProblem{tentacleconfig.UnknownInstance, tentacleconfig.NoInstance, tentacleconfig.ConfigurationMissing}, instance.Problem)
}

package tentacleconfig

import (
	"fmt"
	"strings"
)

// DefaultInstance is the name of the instance that is meant when none is named.
const DefaultInstance = "Tentacle"

// Instance is a Tentacle on this machine.
type Instance struct {
	Name       string // as the index spells it; "" for a file given by path that no index file names
	ConfigPath string // absolute
}

// InstanceProblem is why there is no instance to work with.
type InstanceProblem int

// The problems of an InstanceError, with the fields that they set beside Instances.
const (
	NoInstance           InstanceProblem = iota + 1 // there is none on this machine (Config: the index folder)
	UnknownInstance                                 // none has the name (Name)
	AmbiguousInstance                               // several differ from the name in case only (Name)
	SeveralInstances                                // no name is given, and there are several
	NotItsConfiguration                             // the file given is not the instance's (Name, Config)
	ConfigurationMissing                            // the instance's file does not exist (Name, Config)
)

// InstanceError says why Find found no instance, or none that can be used.
type InstanceError struct {
	Problem   InstanceProblem
	Name      string     // of the instance
	Config    string     // path of a file or folder
	Instances []Instance // those on this machine
}

func (e *InstanceError) Error() string {
	switch e.Problem {
	case NoInstance:
		return fmt.Sprintf("there is no instance of Tentacle on this machine (looked in %s)", e.Config)
	case UnknownInstance:
		if len(e.Instances) == 0 {
			return fmt.Sprintf("there is no instance %q of Tentacle on this machine, and no other one", e.Name)
		}
		return fmt.Sprintf("there is no instance %q of Tentacle on this machine (%s)", e.Name, e.available())
	case AmbiguousInstance:
		return fmt.Sprintf("several instances differ from %q only in case (%s)", e.Name, e.available())
	case SeveralInstances:
		return fmt.Sprintf("there are several instances of Tentacle on this machine (%s)", e.available())
	case NotItsConfiguration:
		return fmt.Sprintf("%s is not the configuration of an instance %q (%s)", e.Config, e.Name, e.available())
	}
	return fmt.Sprintf("the configuration file %s of the instance %s does not exist: it was removed or moved", e.Config, e.Name)
}

func (e *InstanceError) available() string {
	if len(e.Instances) == 0 {
		return "there are no instances on this machine"
	}
	names := make([]string, len(e.Instances))
	for n, i := range e.Instances {
		names[n] = i.Name
	}
	return "instances: " + strings.Join(names, ", ")
}

package service

// A Variable is an environment variable that a service has, or will have when it starts next. Its value may be a secret: String leaves it out.
type Variable struct {
	Name  string
	Value string
	Place Place
	File  string // with InFile: which
}

// A Place is where a service's variable comes from.
type Place string

// The places of a service's variables.
const (
	InDefinition Place = "definition" // the unit, or the service's key in the registry
	InFile       Place = "file"       // a file that the unit names (EnvironmentFile=)
	InMachine    Place = "machine"    // what all services of the machine get (Windows)
	InProcess    Place = "process"    // the running process alone: it was started with it, in whatever way
)

// String is the variable's name, and not its value.
func (v Variable) String() string { return v.Name }

// GoString keeps the value out of %#v as well.
func (v Variable) GoString() string { return v.Name }

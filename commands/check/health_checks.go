package check

import "github.com/octo-tentacle/octo-tentacle/octoapi"

// Proving is what health checks found that were started to prove which nodes are polled. Without
// shared queues only the node that runs a health check can have handed it to this Tentacle.
type Proving struct {
	Err    error    // why none was started, or why they were broken off
	Nodes  []string // that were to be proved, by name
	Checks []HealthCheck
}

// HealthCheck is one that has ended.
type HealthCheck struct {
	octoapi.Task
	Health string // of the registration, afterwards
	Log    string // where the log of the task is
}

// Reached says whether this Tentacle did its part. A policy may say that a machine which is
// unavailable does not fail a health check (OctopusClients, MachineConnectivityPolicy.cs).
func (c HealthCheck) Reached() bool {
	return c.Succeeded && octoapi.Machine{HealthStatus: c.Health}.Healthy()
}

// Missed says whether this Tentacle was not reached. It may also have been reached, and be
// unhealthy.
func (c HealthCheck) Missed() bool { return c.Health == "Unavailable" }

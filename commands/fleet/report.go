// Package fleet tells of many Tentacles of one cluster which nodes each polls, and what is wrong:
// from what the API lists and what the Tentacles answered, or from the JSON of check. It asks
// nothing and prints nothing.
package fleet

import "slices"

// Level is how bad a finding is, or the worst of a Tentacle's.
type Level string

// The levels, from harmless to serious.
const (
	OK      Level = "ok"
	Skipped Level = "skipped" // it was not looked at, and may be well or not
	Warning Level = "warning"
	Problem Level = "problem"
)

var severity = []Level{OK, Skipped, Warning, Problem}

// WorseThan compares two levels.
func (l Level) WorseThan(other Level) bool {
	return slices.Index(severity, l) > slices.Index(severity, other)
}

// Source is where a report comes from.
type Source string

// The sources.
const (
	FromServer  Source = "server"  // the API, and what scripts printed on the machines
	FromReports Source = "reports" // the JSON of check
)

// Report is what is known of a fleet. Its JSON is that of the command; an empty list is [].
type Report struct {
	Source  Source `json:"source"`
	Time    string `json:"time"`    // when it was made: RFC 3339, in UTC
	Version string `json:"version"` // of octo-tentacle
	Server  string `json:"server"`  // the address of the API; "" where none was asked
	// Thumbprint is that of the cluster; "" where it is not known.
	Thumbprint string   `json:"thumbprint"`
	Queues     Queues   `json:"queues"`
	Spaces     []string `json:"spaces"` // the names of those looked at
	Filter     []string `json:"filter"` // what was asked for besides, in words, like "role web-server"

	Nodes     []Node    `json:"nodes"`     // in the order of the API; of reports by name
	Addresses []Address `json:"addresses"` // that are polled, each once, the most frequent first
	Machines  []Machine `json:"machines"`  // the worst first, and within a level by space and name
	Findings  []Finding `json:"findings"`  // the worst first
	Tasks     []Task    `json:"tasks"`     // that were started on the server
	Summary   Summary   `json:"summary"`
}

// Queues is what the nodes do with work for polling Tentacles.
type Queues string

// The values are those of list-nodes.
const (
	SharedQueues  Queues = "shared" // to poll one of the nodes is enough
	OwnQueues     Queues = "own"    // each node has to be polled
	UnknownQueues Queues = "unknown"
)

// Node is a node of the cluster: a column of the matrix.
type Node struct {
	Name string `json:"node"`
	ID   string `json:"id"`
	// State is works, drained, offline, ui-only or unknown, as in list-nodes. Only one that works
	// hands out work, so that to miss it matters now.
	State string `json:"state"`
	// How many of the Tentacles poll it, surely do not, and of how many that is not known.
	Polled  int `json:"polled"`
	Missing int `json:"missing"`
	Unknown int `json:"unknown"`
}

// Cell is what is known of one Tentacle and one node.
type Cell string

// The values.
const (
	Polled  Cell = "polled"  // proved
	Perhaps Cell = "perhaps" // an address has the node's name, or says that it leads there; nothing proves it
	Missing Cell = "missing" // surely not polled
	Unknown Cell = "unknown"
)

// Address is an address that Tentacles poll.
type Address struct {
	URL  string `json:"address"`
	Node string `json:"node"` // the name of the node that is there; "" where that is not known
	// Proved says that it is proved, and not told by the name.
	Proved   bool   `json:"proved"`
	Machines int    `json:"machines"` // how many poll it
	Note     string `json:"note"`     // what is wrong with it, or not known; "" for nothing
}

// State is whether it is known what a Tentacle polls, or why not.
type State string

// The states.
const (
	Answered    State = "answered"
	NoAnswer    State = "no-answer"   // it was asked, and did not answer, or not to the end
	Unreadable  State = "unreadable"  // it answered, but could not read what it polls
	NotAsked    State = "not-asked"   // nobody may or should start scripts
	Unavailable State = "unavailable" // left out: Octopus does not reach it
	Disabled    State = "disabled"    // left out
	InProcess   State = "in-process"  // left out: the server's own worker
	Kubernetes  State = "kubernetes"  // left out: an agent in a cluster, which runs scripts elsewhere
	Listening   State = "listening"   // left out, of reports: every node connects to it
)

// LeftOut says whether it was not to be asked.
func (s State) LeftOut() bool {
	return s == Unavailable || s == Disabled || s == InProcess || s == Kubernetes || s == Listening
}

// Machine is a registered Tentacle, or one that was checked: a row of the matrix.
type Machine struct {
	Key   string `json:"key"`   // that findings name: SPACE-ID/ID; of reports HOST/INSTANCE
	Space string `json:"space"` // its name; "" of reports
	ID    string `json:"id"`    // like Machines-101; "" of reports
	Name  string `json:"name"`  // of reports the host
	Kind  string `json:"kind"`  // target or worker; "" of reports

	Instance string `json:"instance"` // of reports; else ""

	Environments []string `json:"environments"` // names
	Roles        []string `json:"roles"`
	Pools        []string `json:"pools"` // names, of a worker

	Version         string `json:"version"` // of Tentacle; "" where it is not known, as of reports
	OperatingSystem string `json:"operatingSystem"`
	Health          string `json:"health"` // as the server calls it: Healthy, HasWarnings, Unhealthy, Unavailable, Unknown

	State     State    `json:"state"`
	Why       string   `json:"why"`       // it is not known what it polls; "" where it is
	Level     Level    `json:"level"`     // the worst of its findings
	Nodes     []Cell   `json:"nodes"`     // one for each node of the report, in that order
	Addresses []string `json:"addresses"` // that it polls, of this cluster
	Missing   []string `json:"missing"`   // the names of the nodes that work and are surely not polled
	Unmatched []string `json:"unmatched"` // addresses that stand for no node of the cluster, or of which that is not known
	Findings  []string `json:"findings"`  // the IDs of those that name it, each once
}

// Place names the Tentacle for a person: its name, and its instance unless that is the usual one.
func (m Machine) Place() string {
	if m.Instance != "" && m.Instance != "Tentacle" {
		return m.Name + " (" + m.Instance + ")"
	}
	return m.Name
}

// The IDs of findings. Those of reports are also the IDs of check's findings.
const (
	MissingNode           = "missing-node"           // a node that works is not polled
	MissingNodes          = "missing-nodes"          // so many are not polled, but not which
	DrainedNode           = "drained-node"           // a drained node is not polled
	UnknownAddress        = "unknown-address"        // polled, and leads to no node of the cluster
	UnusualAddresses      = "unusual-addresses"      // not polled, where most others poll it and nodes are not told apart
	NotPolling            = "not-polling"            // no address of this cluster, although registered
	OtherSubscription     = "other-subscription"     // polls with another subscription than registered
	DuplicateSubscription = "duplicate-subscription" // several Tentacles get the same work
	DuplicateThumbprint   = "duplicate-thumbprint"   // several Tentacles have one certificate
	DuplicateRegistration = "duplicate-registration" // one Tentacle is registered twice in a space
	Flapping              = "flapping"               // health checks succeed on some nodes and fail on others
	Unhealthy             = "unhealthy"              // as the server says
	OldVersion            = "version"                // the server says that Tentacle must be upgraded
	UnansweredScript      = "no-answer"              // did not answer the script
	UnreadableSetting     = "unreadable"             // answered, but what it polls could not be read
	ScriptsNotRun         = "not-asked"              // nobody was asked
	LeftOutOfScripts      = "left-out"               // unavailable, disabled and the like
	NodesUnknown          = "nodes"                  // the nodes of the cluster are not known
	NoMachines            = "none"                   // there is nothing to look at
	ListUnread            = "unread"                 // a list of machines could not be read
	UnprovedNode          = "unproved-node"          // not known whether it is polled
	Overridden            = "environment"            // a variable of its service overrides the configuration
	CheckFailed           = "check"                  // of reports: a report that is none
)

// Finding is something that is wrong, or not known, about one or several Tentacles, or about the
// fleet.
type Finding struct {
	Level Level  `json:"level"`
	ID    string `json:"id"`
	What  string `json:"what"` // one line; the machines are not named in it
	Why   string `json:"why"`  // it matters, and what to do; "" for nothing to say
	// Fix is an octo-tentacle command for the machines, or for this one; "" for none.
	Fix      string   `json:"fix"`
	Node     string   `json:"node"`     // its name; "" where it is about none
	Address  string   `json:"address"`  // "" where it is about none
	Machines []string `json:"machines"` // keys; empty where it is about the fleet
}

// Task is a task that ran scripts.
type Task struct {
	ID       string `json:"id"`
	Space    string `json:"space"` // its name
	State    string `json:"state"` // as the server calls it
	Node     string `json:"node"`  // that ran it; "" where that is not known
	Machines int    `json:"machines"`
	Answered int    `json:"answered"`
	Running  bool   `json:"running"` // it was left running
}

// Summary counts the Tentacles: each once, in one of the first four, and by state.
type Summary struct {
	Machines int `json:"machines"`
	OK       int `json:"ok"`
	Skipped  int `json:"skipped"` // not looked at, or not to the end: nothing worse is known
	Warnings int `json:"warnings"`
	Problems int `json:"problems"`

	Answered   int           `json:"answered"` // what they poll is known
	NoAnswer   int           `json:"noAnswer"` // or unreadable
	NotAsked   int           `json:"notAsked"`
	LeftOut    int           `json:"leftOut"`
	LeftOutBy  map[State]int `json:"leftOutBy"`
	AllPolled  int           `json:"allPolled"`  // of those that answered: poll every node that works, or enough
	MissesNode int           `json:"missesNode"` // surely miss one
	Versions   []Version     `json:"versions"`   // of Tentacle, the newest first; "" last
}

// Version is how many Tentacles have a version.
type Version struct {
	Version  string `json:"version"`
	Machines int    `json:"machines"`
}

// Worst is the worst level of all findings.
func (r *Report) Worst() Level {
	worst := OK
	for _, f := range r.Findings {
		if f.Level.WorseThan(worst) {
			worst = f.Level
		}
	}
	return worst
}

// Looked says whether all that was to be looked at was. What check skipped on a machine is its own
// affair.
func (r *Report) Looked() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Skipped && f.ID != LeftOutOfScripts }) &&
		!slices.ContainsFunc(r.Machines, func(m Machine) bool { return m.State == Unreadable })
}

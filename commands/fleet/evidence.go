package fleet

import (
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Evidence is what was found out about a fleet.
type Evidence struct {
	Now     time.Time
	Version string // of octo-tentacle
	Server  string // the address of the API
	Spaces  []string
	Filter  []string

	Thumbprint string         // of the cluster
	Nodes      []octoapi.Node // nil where they are not known
	NodesWhy   string         // they are not known
	Queues     coverage.Queues
	// Addresses are what was seen from here at the polled addresses, by the address as a Tentacle
	// has it. One that is missing was not looked at.
	Addresses map[string]Seen
	Machines  []Evident
	Unread    []string // lists that could not be read, in words
	Tasks     []Task
	NotAsked  string // why no scripts were started; "" where they were
}

// Seen is what is at an address, as seen from here, which may differ from what a Tentacle sees.
type Seen struct {
	coverage.Address

	Other string // the thumbprint that it presents, where that is not the cluster's
}

// Evident is a registered Tentacle, and what it answered.
type Evident struct {
	octoapi.Inventoried

	Space        octoapi.Named
	Environments []string // names
	Pools        []string
	State        State
	Why          string // the state is not Answered
	Node         string // the name or ID of the node that ran its task; "" for none
	// Servers are those that it trusts, with subscriptions that are cut. Overridden says that they
	// come from a variable.
	Servers    []tentacleconfig.TrustedServer
	Overridden bool
	Checks     []octoapi.HealthTask // the newest first; nil where nobody asked
}

func (e Evident) key() string { return keyOf(e.Space, e.ID) }

func keyOf(space octoapi.Named, id string) string {
	if space.ID == "" {
		return id
	}
	return space.ID + "/" + id
}

// Package tentaclefile is the file that says what a Tentacle should be: tentacle.yaml. It reads it
// strictly, with a line and a key for each mistake, and writes it.
//
// It prints nothing, asks nothing, and opens no file: its input is the content. A secret never is
// in such a file; keys like passwordFile name the file that has it.
package tentaclefile

import "github.com/octo-tentacle/octo-tentacle/octoapi"

// File is what a Tentacle should be. What the file does not name is left alone: its field has the
// zero value. A list that is named but empty is not nil. Values are those that the options of
// octo-tentacle take, and in the form in which Tentacle or Octopus stores them.
type File struct {
	Instance      string // the instance's name; "": the default instance
	Configuration string // path of the configuration file
	Home          string // path of the home folder
	Applications  string // path of the folder to deploy applications to

	Certificate   *Certificate
	Listen        *Listen
	Communication Communication

	Server string // the address of the API, as octoapi.ServerURL has it
	Space  string // name, slug or ID of the space of those registrations that name none

	// Nodes are the addresses to poll, as tentacleconfig.AddressOf has them, each once: those of
	// the key nodes, at every port of the key ports if there is one. They are all that is polled of
	// the cluster. Never empty if named.
	Nodes []string
	// Thumbprints are those of the cluster, as thumbprint.Clean has them: one, or two while its
	// certificate is renewed.
	Thumbprints []string

	PollingProxy           *PollingProxy
	PollingConnectionCount int // 0: not named

	// Registrations are deployment targets and workers that this Tentacle should be. Never empty if
	// named. Registrations besides these are left alone.
	Registrations []Registration

	Service *Service

	source    string
	positions positions
}

// Certificate is the Tentacle's own.
type Certificate struct {
	PFX          string // path of a PFX file; "": a new one where there is none ("if-blank")
	PasswordFile string // path of the file with the password of the PFX; "": it has none
}

// Communication is who calls whom.
type Communication string

// The ways of communication.
const (
	Polling   Communication = "polling"   // the Tentacle calls the nodes of the cluster
	Listening Communication = "listening" // the server calls the Tentacle
)

// Listen is what the Tentacle listens on. If nothing is in it, it listens on what it did ("listen:
// true").
type Listen struct {
	Off     bool   // it does not listen at all ("listen: false"); then the rest is empty
	Port    int    // 0: not named
	Address string // an IP address of this machine, or Any; "": not named
}

// Any is every IP address of the machine.
const Any = "any"

// PollingProxy is the HTTP proxy between a polling Tentacle and the nodes.
type PollingProxy struct {
	Off          bool    // none ("pollingProxy: false"); then the rest is empty
	System       bool    // the system's ("pollingProxy: system"), on Windows; then the rest is empty
	Host         string  // a host name or an IP address, without brackets
	Port         int     // 0: not named
	User         *string // "": none; nil: not named
	PasswordFile string  // path of the file with the user's password; "": not named
}

// Registration is how an Octopus Server should know this Tentacle. Environments, WorkerPools,
// Tenants and Policy have names, slugs or IDs. Lists are exact. Tenants and TenantTags may be
// empty.
type Registration struct {
	Kind  octoapi.Kind // "target" or "worker"; a target if not named
	Space string       // name, slug or ID; "": File.Space, else the default space
	Name  string       // "": not named: the name that it has, else that of the machine

	// Of a deployment target.
	Environments                    []string
	Roles                           []string
	Tenants                         []string
	TenantTags                      []string // as "tag set/tag"
	TenantedDeploymentParticipation string   // Untenanted, TenantedOrUntenanted or Tenanted

	WorkerPools []string // of a worker

	Policy string // the machine policy

	// Of a listening Tentacle: where the server calls it.
	PublicHostName    string // a host name or an IP address, without brackets; "": the one that it has, else that of the machine
	TentacleCommsPort int    // 0: the one that it has, else the port that it listens on
	Proxy             string // name or ID of the Octopus proxy that the server calls through
}

// Service is what runs the Tentacle. What is false is not named.
type Service struct {
	Install bool // it is installed, and starts at boot
	Account *Account
	Start   bool // it runs
}

// Account is who the service runs as.
type Account struct {
	User         string // on Windows DOMAIN\user
	PasswordFile string // path of the file with its password, on Windows; "": not named
}

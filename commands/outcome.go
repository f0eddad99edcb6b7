package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// outcome is the result of a command that changes a Tentacle: the JSON that docs/json.md describes.
// The text is made from the same (outcome_text.go).
type outcome struct {
	Instance      string              `json:"instance"`      // "" for a file that is no instance's
	Configuration string              `json:"configuration"` // the file
	Server        string              `json:"server"`        // the address of the API; "" when it was not asked
	Thumbprint    string              `json:"thumbprint"`    // the cluster's
	DryRun        bool                `json:"dryRun"`
	Changed       bool                `json:"changed"` // the configuration, something beside it, or on the server
	Result        result              `json:"outcome"`
	Added         []serverEntry       `json:"added"`
	Updated       []serverEntry       `json:"updated"`
	Removed       []serverEntry       `json:"removed"`
	Unchanged     []serverEntry       `json:"unchanged"`
	Settings      []settingEntry      `json:"settings"` // that changed, except for the trusted servers
	Backup        string              `json:"backup"`   // where the old file is kept; "" when it is not, and in a dry run
	Service       serviceEntry        `json:"service"`
	Registrations []registrationEntry `json:"registrations"`          // of this Tentacle on the server; [] when the server was not asked
	Registration  *registrationChange `json:"registration,omitempty"` // only of commands that register
	// Only of apply, with registrations in the file, in their order.
	RegistrationChanges []registrationChange `json:"registrationChanges,omitzero"`

	Deleted    []registrationChange `json:"deleted,omitzero"`     // only of deregister-from and deregister-worker; in a dry run: would be
	Restored   string               `json:"restored,omitempty"`   // only of restore-backup: the backup
	Overridden []override           `json:"overridden,omitempty"` // what the service sets, so that the change has no effect
	Unverified []string             `json:"unverified,omitzero"`  // only of commands that try ports: new addresses that did not answer
	Ports      []portEntry          `json:"ports,omitzero"`       // only of the same: the polled ports that were asked whether they accept this Tentacle

	// Only of generalize and apply: what was done to the service, in order; in a dry run: would be.
	Actions      []service.Action `json:"actions,omitzero"`
	DeletedFiles []string         `json:"deletedFiles,omitzero"` // only of generalize; in a dry run: would be

	*fileOutcome            // only of apply
	*agentOutcome           // only of Kubernetes agents
	Prepared      *prepared `json:"prepared,omitempty"` // of them, only with --prepare

	tentacle      suggest.Tentacle
	cluster       []string // the cluster's thumbprints: several while its certificate is renewed
	notes         []string // what to know of the change
	notStarting   error    // why the Tentacle does not start with the list of trusted servers, if so
	nextStart     string   // when the change is used, where no service is to be restarted for it
	saved         bool     // the file was changed; in a dry run: would be
	pending       bool     // it is saved, but the service could not be restarted
	serviceErr    error    // why the state of the service is not known
	done          []string // Actions, for people
	notRegistered string   // why there was nothing to delete
	endTrust      string   // the command that ends the trust in the cluster
}

// serverEntry is a trusted server as printed.
type serverEntry struct {
	Style          string `json:"style"`
	Address        string `json:"address"`
	Thumbprint     string `json:"thumbprint"`
	SubscriptionID string `json:"subscription"` // where the file has null, the one that the Tentacle makes of its Squid

	polls      bool
	pollsUnder string // the subscription, and where it comes from if the file leaves it out
}

// settingEntry is a setting that changed. Value is null when it was removed, and secretValue
// instead of a secret.
type settingEntry struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
}

const secretValue = "(secret)"

// registrationEntry is a registration of this Tentacle as printed.
type registrationEntry struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    string `json:"kind"` // deployment target or worker
	Space   string `json:"space"`
	Matches bool   `json:"matches"` // its work reaches this Tentacle
	Problem string `json:"problem"` // why it does not
	Health  string `json:"health"`  // after the health check, or how that failed; "" without one
}

// portEntry is a polled port that was asked whether it accepts this Tentacle, as printed.
type portEntry struct {
	Address  string `json:"address"`
	Accepted *bool  `json:"accepted"` // nil where that is not known
	Problem  string `json:"problem"`  // why it does not, or why that is not known
}

func (p portEntry) accepts() bool { return p.Accepted != nil && *p.Accepted }

func (p portEntry) refuses() bool { return p.Accepted != nil && !*p.Accepted }

// triesPorts says that the command tries ports, whose fields are in its JSON then.
func (o *outcome) triesPorts() { o.Unverified, o.Ports = []string{}, []portEntry{} }

func newOutcome(t suggest.Tentacle, dryRun bool) *outcome {
	return &outcome{
		tentacle: t, Instance: t.Instance.Name, Configuration: t.Instance.ConfigPath, DryRun: dryRun,
		// Empty lists are [], not null.
		Added: []serverEntry{}, Updated: []serverEntry{}, Removed: []serverEntry{}, Unchanged: []serverEntry{},
		Settings: []settingEntry{}, Registrations: []registrationEntry{},
	}
}

func (o *outcome) setDifference(d tentacleconfig.Difference) {
	o.Added, o.Updated = serverEntries(d.Added), serverEntries(d.Updated)
	o.Removed, o.Unchanged = serverEntries(d.Removed), serverEntries(d.Unchanged)
}

// concernsServers says whether the command is about the servers that the Tentacle trusts.
func (o *outcome) concernsServers() bool {
	return o.Thumbprint != "" || len(o.Added)+len(o.Updated)+len(o.Removed) > 0
}

func (o *outcome) setService(instance tentacleconfig.Instance, status service.Status, err error) {
	o.Service = serviceEntry{Name: status.Name, State: status.State, foreign: status.ForeignCommand, interrupted: interruptedRestart(instance.ConfigPath, status) != nil}
	o.serviceErr = err
}

// conclude sets Changed and Result, once everything is done or has failed.
func (o *outcome) conclude(err error) {
	o.Changed = o.saved || o.Service.started || o.fileOutcome.changes() || len(o.Deleted)+len(o.Actions)+len(o.DeletedFiles) > 0 || slices.ContainsFunc(o.registrationChanges(), func(r registrationChange) bool { return r.Action.changes() })
	o.Result = resultOf(o.DryRun, o.Changed, err)
	if err != nil && o.pending {
		o.Result = resultRestartPending
	}
}

// registrationChanges are those of a command that registers, and of apply.
func (o *outcome) registrationChanges() []registrationChange {
	if o.Registration != nil {
		return []registrationChange{*o.Registration}
	}
	return o.RegistrationChanges
}

// afterwards wraps a failure that happened after the change was made.
func (o *outcome) afterwards(err error) error {
	if !o.saved {
		return err
	}
	done := o.Configuration + " is saved"
	if o.Service.Restarted {
		done += ", and service " + o.Service.Name + " was restarted"
	}
	finish := ""
	if o.fileOutcome != nil {
		finish = again
	}
	return unfinishedError{done: done + ", but:", cause: err, finish: finish}
}

// ofCluster says whether an entry is about polling the cluster.
func (o *outcome) ofCluster(e serverEntry) bool {
	return e.polls && (thumbprint.Same(e.Thumbprint, o.Thumbprint) || thumbprint.Contains(o.cluster, e.Thumbprint))
}

// subscriptions are those with which the cluster is polled now, each once.
func (o *outcome) subscriptions() []string {
	var list []string
	for _, entries := range [][]serverEntry{o.Unchanged, o.Updated, o.Added} {
		for _, entry := range entries {
			if o.ofCluster(entry) && !containsSubscription(list, entry.SubscriptionID) {
				list = append(list, entry.SubscriptionID)
			}
		}
	}
	return list
}

// polledAddresses are those at which the cluster is polled now, each once.
func (o *outcome) polledAddresses() []string {
	var list []string
	for _, entries := range [][]serverEntry{o.Unchanged, o.Updated, o.Added} {
		for _, entry := range entries {
			if o.ofCluster(entry) && !tentacleconfig.ContainsAddress(list, entry.Address) {
				list = append(list, entry.Address)
			}
		}
	}
	return list
}

// trustedAt are the thumbprints under which the cluster is polled at an address now.
func (o *outcome) trustedAt(address string) (thumbprints []string) {
	for _, entries := range [][]serverEntry{o.Unchanged, o.Updated, o.Added} {
		for _, entry := range entries {
			if o.ofCluster(entry) && tentacleconfig.SameAddress(entry.Address, address) {
				thumbprints = append(thumbprints, entry.Thumbprint)
			}
		}
	}
	return thumbprints
}

// setHealth notes the health of a registration after a health check.
func (o *outcome) setHealth(r octoapi.Registration, health string) {
	for i := range o.Registrations {
		if o.Registrations[i].ID == r.Machine.ID {
			o.Registrations[i].Health = health
		}
	}
}

func containsSubscription(list []string, subscription string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return octoapi.SameSubscription(one, subscription) })
}

func serverEntries(servers []tentacleconfig.TrustedServer) []serverEntry {
	entries := make([]serverEntry, 0, len(servers)) // an empty list is [], not null
	for _, server := range servers {
		entries = append(entries, serverEntry{
			Style:          server.Style.String(),
			Address:        server.Address,
			Thumbprint:     server.Thumbprint,
			SubscriptionID: server.SubscriptionID,
			polls:          server.Polls(),
			pollsUnder:     pollsUnder(server),
		})
	}
	return entries
}

// pollsUnder is what a Tentacle polls under, as HalibutInitializer.cs of OctopusTentacle shows it.
func pollsUnder(server tentacleconfig.TrustedServer) string {
	switch {
	case server.SubscriptionPreventsStart():
		return fmt.Sprintf("%q, with which it does not start", server.SubscriptionID)
	case server.Polls() && server.SubscriptionID == "":
		return "poll:/// (no subscription)"
	case server.FollowsSquid():
		return server.SubscriptionID + " (its Squid)"
	}
	return server.SubscriptionID
}

// settingsChanged compares the settings of a document before and after an edit.
func settingsChanged(before, after []tentacleconfig.Setting) []settingEntry {
	changed := []settingEntry{} // an empty list is [], not null
	rest := map[string]string{}
	for _, setting := range before {
		rest[strings.ToLower(setting.Key)] = setting.Value
	}
	for _, setting := range after {
		key := strings.ToLower(setting.Key)
		value, was := rest[key]
		delete(rest, key)
		if was && value == setting.Value || strings.EqualFold(key, tentacleconfig.KeyTrustedServers) {
			continue
		}
		value = setting.Value
		if tentacleconfig.IsSecret(key) && value != "" {
			value = secretValue
		}
		changed = append(changed, settingEntry{setting.Key, &value})
	}
	for _, setting := range before {
		if _, gone := rest[strings.ToLower(setting.Key)]; gone {
			changed = append(changed, settingEntry{Key: setting.Key})
		}
	}
	return changed
}

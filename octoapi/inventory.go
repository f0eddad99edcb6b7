package octoapi

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// Inventoried is what a list of many polling Tentacles has of each: of a deployment target or a
// worker. Unlike a Machine it cannot be saved, and takes a fraction of the memory.
type Inventoried struct {
	Kind         Kind
	ID, Name     string
	Endpoint     Endpoint
	HealthStatus string // Healthy, HasWarnings, Unhealthy, Unavailable or Unknown
	IsDisabled   bool
	IsInProcess  bool   // a worker that is the server itself
	Shell        string // Bash or PowerShell, as the last health check found; "" before
	System       string // the operating system, in the words of the machine; "" before a health check

	Version         string // of Tentacle; "" where the server does not know it
	UpgradeRequired bool   // the server cannot work with this version

	Roles, EnvironmentIDs []string // of a deployment target
	WorkerPoolIDs         []string // of a worker

	tasks string // the template of the link to its tasks; "" of a worker
}

// UnmarshalJSON reads a deployment target or a worker as the server sends it.
func (i *Inventoried) UnmarshalJSON(data []byte) error {
	type details struct {
		Version         string
		UpgradeRequired bool
	}
	var known struct {
		ID                 string `json:"Id"`
		Name, HealthStatus string
		IsDisabled         bool
		IsInProcess        bool
		ShellName          string
		OperatingSystem    string
		Endpoint           Endpoint
		Roles              []string
		EnvironmentIDs     []string `json:"EnvironmentIds"`
		WorkerPoolIDs      []string `json:"WorkerPoolIds"`
		Links              struct{ TasksTemplate string }
	}
	var version struct {
		Endpoint struct {
			Details details `json:"TentacleVersionDetails"`
			Inner   struct {
				Details details `json:"TentacleVersionDetails"`
			} `json:"TentacleEndpointConfiguration"`
		}
	}
	if err := json.Unmarshal(data, &known); err != nil {
		return err
	}
	if json.Unmarshal(data, &version) != nil {
		version.Endpoint.Details = details{} // nothing depends on it
	}
	d := version.Endpoint.Details
	if d == (details{}) {
		d = version.Endpoint.Inner.Details
	}
	*i = Inventoried{
		ID: known.ID, Name: known.Name, Endpoint: known.Endpoint, HealthStatus: known.HealthStatus,
		IsDisabled: known.IsDisabled, IsInProcess: known.IsInProcess, Shell: known.ShellName, System: known.OperatingSystem,
		Version: d.Version, UpgradeRequired: d.UpgradeRequired,
		Roles: known.Roles, EnvironmentIDs: known.EnvironmentIDs, WorkerPoolIDs: known.WorkerPoolIDs,
		tasks: known.Links.TasksTemplate,
	}
	return nil
}

// size makes it an item of lists.
func (i Inventoried) size() int {
	const itself = 400
	return itself + textSize(i.ID, i.Name, i.Endpoint.Thumbprint, i.Endpoint.URI, i.Shell, i.System, i.Version, i.tasks) +
		textSize(slices.Concat(i.Roles, i.EnvironmentIDs, i.WorkerPoolIDs)...)
}

// InventoryFilter says which polling Tentacles are listed. Of each list, one that fits is enough;
// an empty list fits all.
type InventoryFilter struct {
	EnvironmentIDs []string // of deployment targets
	Roles          []string // of deployment targets, ignoring case
	WorkerPoolIDs  []string // of workers
}

func (f InventoryFilter) fits(i Inventoried) bool {
	among := func(wanted, has []string) bool {
		return len(wanted) == 0 || slices.ContainsFunc(has, func(one string) bool {
			return slices.ContainsFunc(wanted, func(want string) bool { return strings.EqualFold(want, one) })
		})
	}
	return i.Endpoint.Polls() && among(f.EnvironmentIDs, i.EnvironmentIDs) && among(f.Roles, i.Roles) && among(f.WorkerPoolIDs, i.WorkerPoolIDs)
}

// PollingInventory lists the polling Tentacles of one kind in the space, agents included, in the
// order of the server. The server filters what it can; an old one that does not is read whole. The
// lists that share a context made by SharingRoom are bounded together.
func (s *Space) PollingInventory(ctx context.Context, kind Kind, f InventoryFilter) ([]Inventoried, error) {
	usual := s.path(kinds[kind].path) + "{?skip,take,commStyles,environmentIds,workerPoolIds}"
	values := parameters{"commStyles": Polling + "," + Kubernetes}
	if len(f.EnvironmentIDs) > 0 {
		values["environmentIds"] = strings.Join(f.EnvironmentIDs, ",")
	}
	if len(f.WorkerPoolIDs) > 0 {
		values["workerPoolIds"] = strings.Join(f.WorkerPoolIDs, ",")
	}
	all, err := followList(ctx, s.client, s.source(), kinds[kind].link, usual, values, f.fits)
	for i := range all {
		all[i].Kind = kind
	}
	return all, err
}

// SharingRoom is a context for lists that make up one answer: they are bounded together, and not
// each for itself.
func SharingRoom(ctx context.Context) context.Context { return sharing(ctx, newRoom()) }

// AllEnvironments are the space's environments. It is ErrForbidden where the account may not see
// them.
func (s *Space) AllEnvironments(ctx context.Context) ([]Named, error) {
	return s.list(ctx, "Environments", "environments", nil)
}

// AllWorkerPools are the space's worker pools; the error is as of AllEnvironments.
func (s *Space) AllWorkerPools(ctx context.Context) ([]Named, error) {
	return s.list(ctx, "WorkerPools", "workerpools", nil)
}

// Lookup finds what is called so, ignoring case: by name, else by slug, else by ID.
func Lookup(among []Named, ref string) (Named, bool) { return lookup(among, strings.TrimSpace(ref)) }

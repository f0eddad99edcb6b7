package octoapi

import (
	"net/http"
	"slices"
	"strings"
)

// Permission is the name that a permission has in the roles of Octopus (OctopusClients,
// Permission.cs).
type Permission string

// The permissions for what this program requests.
const (
	EnvironmentView   Permission = "EnvironmentView"
	MachineCreate     Permission = "MachineCreate"
	MachineDelete     Permission = "MachineDelete"
	MachineEdit       Permission = "MachineEdit"
	MachinePolicyView Permission = "MachinePolicyView"
	MachineView       Permission = "MachineView"
	ProxyView         Permission = "ProxyView"
	TaskCancel        Permission = "TaskCancel"
	TaskCreate        Permission = "TaskCreate"
	TaskView          Permission = "TaskView"
	TenantView        Permission = "TenantView"
	WorkerEdit        Permission = "WorkerEdit"
	WorkerView        Permission = "WorkerView"
)

// Need is what a request takes of the account that sends it.
type Need struct {
	// Permission is "" where signing in is enough, or where Octopus does not publish which one it
	// is.
	Permission  Permission
	Unpublished bool
	Action      string // what the request does: "create deployment targets"; "" for the account's own affairs
}

// rule is the need of a request to a collection of a space or of the server; of any method for "".
type rule struct {
	method, collection string
	need               Need
}

// rules are for everything that this program requests.
//
// Sources: Permission.cs describes each permission, and has none to view tag sets. Octopus lists
// those that register-with needs, with a tenant and a tenant tag (help.octopus.com/t/25718), so the
// cluster's certificate takes none, and tenant tags none besides TenantView; and TaskCreate for a
// health check (help.octopus.com/t/2746). Who may see the nodes is not published.
var rules = []rule{
	{http.MethodGet, "machines", Need{Permission: MachineView, Action: "see deployment targets"}},
	{http.MethodPost, "machines", Need{Permission: MachineCreate, Action: "create deployment targets"}},
	{http.MethodPut, "machines", Need{Permission: MachineEdit, Action: "change deployment targets"}},
	{http.MethodDelete, "machines", Need{Permission: MachineDelete, Action: "delete deployment targets"}},
	{http.MethodGet, "workers", Need{Permission: WorkerView, Action: "see workers"}},
	{http.MethodPost, "workers", Need{Permission: WorkerEdit, Action: "create workers"}},
	{http.MethodPut, "workers", Need{Permission: WorkerEdit, Action: "change workers"}},
	{http.MethodDelete, "workers", Need{Permission: WorkerEdit, Action: "delete workers"}},
	{http.MethodGet, "environments", Need{Permission: EnvironmentView, Action: "see environments"}},
	{http.MethodGet, "machinepolicies", Need{Permission: MachinePolicyView, Action: "see machine policies"}},
	{http.MethodGet, "proxies", Need{Permission: ProxyView, Action: "see proxies"}},
	{http.MethodGet, "tenants", Need{Permission: TenantView, Action: "see tenants"}},
	{http.MethodGet, "tagsets", Need{Permission: TenantView, Action: "see tenant tags"}},
	{http.MethodGet, "workerpools", Need{Permission: WorkerView, Action: "see worker pools"}},
	{http.MethodGet, "tasks", Need{Permission: TaskView, Action: "see tasks"}},
	{http.MethodPost, "tasks", Need{Permission: TaskCreate, Action: "start tasks"}},
	{http.MethodPost, "cancel", Need{Permission: TaskCancel, Action: "cancel tasks"}},
	{http.MethodGet, "octopusservernodes", Need{Unpublished: true, Action: "see the nodes of the cluster"}},
	{http.MethodGet, "configuration", Need{Action: "see the cluster's certificate"}},
	{"", "users", Need{}},
	{"", "serverstatus", Need{}},
	{"", "", Need{}}, // the documents with links, /api and /api/Spaces-1
}

// NeedOf is what a request to this path takes, with or without a query; known says whether this
// program requests such a thing at all.
func NeedOf(method, path string) (need Need, known bool) {
	_, collection, is := resourceOf(path)
	at := slices.IndexFunc(rules, func(r rule) bool {
		return is && r.collection == collection && (r.method == method || r.method == "")
	})
	if at < 0 {
		return Need{}, false
	}
	return rules[at].need, true
}

// resourceOf takes a path of the API apart: the ID of its space, "" for none, and its collection in
// lower case, "" for a document with links. The tasks of a machine are tasks; to cancel a task is a
// collection of its own.
func resourceOf(path string) (space, collection string, is bool) {
	const root = "/api/"
	path, _, _ = strings.Cut(path, "?")
	path += "/"
	at := strings.Index(strings.ToLower(path), root)
	if at < 0 {
		return "", "", false
	}
	first, rest, _ := strings.Cut(path[at+len(root):], "/")
	if strings.HasPrefix(strings.ToLower(first), "spaces-") {
		space = first
		first, rest, _ = strings.Cut(rest, "/")
	}
	switch parts := strings.Split(rest, "/"); {
	case len(parts) > 1 && strings.EqualFold(parts[1], "tasks"):
		first = parts[1] // those of a machine
	case len(parts) > 1 && strings.EqualFold(first, "tasks") && strings.EqualFold(parts[1], "cancel"):
		first = parts[1] // of a task
	}
	return space, strings.ToLower(first), true
}

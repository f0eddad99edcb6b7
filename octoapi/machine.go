package octoapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// The communication styles of a Tentacle's endpoint.
const (
	Polling    = "TentacleActive"
	Listening  = "TentaclePassive"
	Kubernetes = "KubernetesTentacle" // an agent in a cluster, which polls or listens: see Endpoint.Mode
)

// Machine is a deployment target or a worker: what both have in common is called a machine in
// Octopus's REST API (the resources "machines" and "workers") and nowhere else. Fields this program
// does not know are kept when an existing one is saved.
type Machine struct {
	ID           string // "" for a new one
	Name         string
	PolicyID     string // "": the default policy
	IsDisabled   bool
	HealthStatus string // as the server sees it; not sent
	Endpoint     Endpoint

	Roles, EnvironmentIDs, TenantIDs, TenantTags []string // of a deployment target
	TenantedDeploymentParticipation              string   // of a deployment target: Untenanted, TenantedOrUntenanted or Tenanted
	WorkerPoolIDs                                []string // of a worker

	sent json.RawMessage // all that the server sent; nil for a new one
}

// Participations are the values of TenantedDeploymentParticipation (OctopusClients,
// TenantedDeploymentMode.cs); the first is the default.
var Participations = []string{"Untenanted", "TenantedOrUntenanted", "Tenanted"}

// link is one of those that the server sent; "" for none.
func (m Machine) link(name string) string {
	var sent struct{ Links links }
	if json.Unmarshal(m.sent, &sent) != nil {
		return ""
	}
	return sent.Links[name]
}

// size makes it an item of lists.
func (m Machine) size() int {
	const itself = 400
	lists := slices.Concat(m.Roles, m.EnvironmentIDs, m.TenantIDs, m.TenantTags, m.WorkerPoolIDs)
	return itself + len(m.sent) + textSize(m.ID, m.Name, m.PolicyID, m.Endpoint.Thumbprint, m.Endpoint.URI) + textSize(lists...)
}

// Healthy says whether the last health check found the deployment target or worker fit for work
// (OctopusClients, MachineModelHealthStatus.cs).
func (m Machine) Healthy() bool {
	return m.HealthStatus == "Healthy" || m.HealthStatus == "HasWarnings"
}

// Endpoint is how the server and a Tentacle reach each other.
type Endpoint struct {
	CommunicationStyle string // Polling, Listening or Kubernetes; others are read, not written
	Thumbprint         string // the Tentacle's
	URI                string // the subscription of a polling one, https://host:port/ of a listening one
	ProxyID            string // of a listening one: the proxy the server calls through

	Mode             string // of a Kubernetes agent: ModePolling or ModeListening
	DefaultNamespace string // of a Kubernetes target, for steps that name none; "" is the server's choice
}

// Polls says whether the Tentacle calls the server.
func (e Endpoint) Polls() bool {
	return e.CommunicationStyle == Polling || e.CommunicationStyle == Kubernetes && e.Mode != ModeListening
}

// The modes of a Kubernetes agent (OctopusClients, TentacleCommunicationModeResource.cs).
const (
	ModePolling   = "Polling"
	ModeListening = "Listening"
)

// Kind distinguishes deployment targets and workers.
type Kind int

// The kinds of Machine.
const (
	Target Kind = iota
	Worker
)

var kinds = [...]struct{ noun, link, path string }{
	Target: {"deployment target", "Machines", "machines"},
	Worker: {"worker", "Workers", "workers"},
}

// String is how a person calls one.
func (k Kind) String() string { return kinds[k].noun }

// Machines are those of one kind in a space.
type Machines struct {
	space *Space
	kind  Kind
}

// Machines are the space's deployment targets, or its workers.
func (s *Space) Machines(k Kind) Machines { return Machines{s, k} }

// usual is the template of the collection's well-known path.
func (ms Machines) usual() string {
	return ms.space.path(kinds[ms.kind].path) + "{/id}{?skip,take,name,commStyles,thumbprint}"
}

// template is that of the collection's link.
func (ms Machines) template(ctx context.Context) (string, error) {
	return ms.space.link(ctx, kinds[ms.kind].link, ms.usual())
}

// ByName finds one by name, ignoring case; nil when there is none.
func (ms Machines) ByName(ctx context.Context, name string) (*Machine, error) {
	// Old servers ignore the filter, so the result is searched.
	all, err := followList(ctx, ms.space.client, ms.space.source(), kinds[ms.kind].link, ms.usual(), parameters{"name": name}, func(m Machine) bool {
		return strings.EqualFold(strings.TrimSpace(m.Name), strings.TrimSpace(name))
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// ByID reads one again.
func (ms Machines) ByID(ctx context.Context, id string) (Machine, error) {
	template, err := ms.template(ctx)
	if err != nil {
		return Machine{}, err
	}
	var m Machine
	err = ms.space.client.get(ctx, itemLink(template, id), &m)
	return m, err
}

// ByThumbprint finds those of the Tentacle with this thumbprint. The node asked looks at the
// database again, so that it accepts a Tentacle that was registered after it started.
func (ms Machines) ByThumbprint(ctx context.Context, wanted string) ([]Machine, error) {
	all := ms.space.source().to(kinds[ms.kind].link, ms.usual(), parameters{"id": "all", "thumbprint": wanted})
	return follow(ctx, ms.space.client, all, func(ctx context.Context, template string) ([]Machine, error) {
		own := newPage(ctx, func(m Machine) bool { return thumbprint.Same(m.Endpoint.Thumbprint, wanted) })
		err := ms.space.client.get(ctx, expand(template, all.values), own)
		return own.items, err
	})
}

// Save registers a deployment target or worker, or modifies it when it has an ID, and returns it as
// the server keeps it. It is sent once; the error is ErrOutcomeUnknown when the answer is lost.
func (ms Machines) Save(ctx context.Context, m Machine) (Machine, error) {
	template, err := ms.template(ctx)
	if err != nil {
		return Machine{}, err
	}
	body, err := json.Marshal(ms.body(m))
	if err != nil {
		return Machine{}, err
	}
	link, method, done := expand(template, nil), http.MethodPost, "registered"
	if m.ID != "" {
		link, method, done = itemLink(template, m.ID), http.MethodPut, "modified"
	}
	var saved Machine
	err = ms.space.client.change(ctx, link, write{
		method: method, body: body, out: &saved, complete: func() bool { return saved.ID != "" },
		unknown: fmt.Sprintf("the %s %q was %s", ms.kind, m.Name, done), lookAt: ms.lookAt(),
	})
	return saved, err
}

// Delete removes a deployment target or worker. It is sent once; the error is ErrOutcomeUnknown
// when the answer is lost.
func (ms Machines) Delete(ctx context.Context, m Machine) error {
	template, err := ms.template(ctx)
	if err != nil {
		return err
	}
	return ms.space.client.change(ctx, itemLink(template, m.ID), write{
		method: http.MethodDelete, unknown: fmt.Sprintf("the %s %q was deleted", ms.kind, m.Name), lookAt: ms.lookAt(),
	})
}

// lookAt is where a person sees the deployment targets or workers.
func (ms Machines) lookAt() string {
	return "look in the Octopus web portal, under Infrastructure" + ms.space.where()
}

// body is what is sent: the fields that OctopusClients sends for a new one (see the recordings),
// overridden by those that the server sent for an existing one, overridden by those of m.
func (ms Machines) body(m Machine) map[string]any {
	b := map[string]any{
		"Thumbprint": nil, "Uri": nil, "Status": "Online", "HealthStatus": "Healthy", "HasLatestCalamari": false, "StatusSummary": nil,
		"IsInProcess": false, "OperatingSystem": nil, "OperatingSystemVersion": nil, "ShellName": nil, "ShellVersion": nil,
		"Architecture": nil, "Slug": nil, "SkipInitialHealthCheck": false, "Links": map[string]any{},
	}
	b = fieldsOver(m.sent, b)
	own := map[string]any{
		"Name": m.Name, "SpaceId": orNull(ms.space.ID), "IsDisabled": m.IsDisabled, "MachinePolicyId": orNull(m.PolicyID),
		"Endpoint": m.endpoint(),
	}
	if ms.kind == Worker {
		own["WorkerPoolIds"] = orEmpty(m.WorkerPoolIDs)
	} else {
		maps.Copy(own, map[string]any{
			"Roles": orEmpty(m.Roles), "EnvironmentIds": orEmpty(m.EnvironmentIDs),
			"TenantIds": orEmpty(m.TenantIDs), "TenantTags": orEmpty(m.TenantTags),
			"TenantedDeploymentParticipation": m.TenantedDeploymentParticipation,
		})
	}
	if m.ID != "" {
		own["Id"] = m.ID
	}
	maps.Copy(b, own)
	return b
}

// endpoint is sent whole, as OctopusClients does: what the server had in it belonged to how it
// reached the Tentacle before. An endpoint that was read and not changed goes back as it came, and
// of an agent's everything does that is not of the Tentacle's reachability.
func (m Machine) endpoint() any {
	var sent struct{ Endpoint json.RawMessage }
	_ = json.Unmarshal(m.sent, &sent) // which was understood before
	raw := sent.Endpoint
	var before Endpoint
	if raw != nil && json.Unmarshal(raw, &before) == nil && before == m.Endpoint {
		return raw
	}
	if m.Endpoint.CommunicationStyle == Kubernetes {
		if before.CommunicationStyle != Kubernetes {
			raw = nil
		}
		return m.Endpoint.kubernetes(raw, before.Mode)
	}
	e := map[string]any{
		"CommunicationStyle": m.Endpoint.CommunicationStyle, "Thumbprint": m.Endpoint.Thumbprint, "Uri": m.Endpoint.URI,
		"TentacleVersionDetails": nil, "CertificateSignatureAlgorithm": nil,
		"Id": nil, "LastModifiedOn": nil, "LastModifiedBy": nil, "Links": map[string]any{},
	}
	if m.Endpoint.CommunicationStyle == Listening {
		e["ProxyId"] = orNull(m.Endpoint.ProxyID)
	}
	return e
}

// kubernetes is an agent's endpoint, which has the Tentacle's part one level below. Before is the
// agent's endpoint as the server sent it, nil for a new one, and mode what it had then. A lock of
// the agent's version, what the server knows of the agent, and fields that this program does not
// know stay.
func (e Endpoint) kubernetes(before json.RawMessage, mode string) map[string]any {
	var sent struct {
		Tentacle json.RawMessage `json:"TentacleEndpointConfiguration"`
	}
	if before != nil && mode == e.Mode {
		_ = json.Unmarshal(before, &sent)
	}
	tentacle := fieldsOver(sent.Tentacle, nil)
	maps.Copy(tentacle, map[string]any{"CommunicationMode": e.Mode, "Thumbprint": e.Thumbprint, "Uri": e.URI, "CertificateSignatureAlgorithm": nil})
	if e.Mode == ModeListening {
		tentacle["ProxyId"] = orNull(e.ProxyID)
	}
	whole := fieldsOver(before, map[string]any{
		"KubernetesAgentDetails": nil, "UpgradeLocked": false, "Id": nil, "LastModifiedOn": nil, "LastModifiedBy": nil, "Links": map[string]any{},
	})
	maps.Copy(whole, map[string]any{
		"CommunicationStyle": Kubernetes, "TentacleEndpointConfiguration": tentacle, "DefaultNamespace": orNull(e.DefaultNamespace),
	})
	return whole
}

// fieldsOver are the fields of an object that was sent, and of the defaults those that it lacks.
func fieldsOver(sent json.RawMessage, defaults map[string]any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, defaults)
	var fields map[string]json.RawMessage
	if json.Unmarshal(sent, &fields) == nil {
		for name, value := range fields {
			all[name] = value
		}
	}
	return all
}

// UnmarshalJSON reads a deployment target or worker as the server sends it.
func (m *Machine) UnmarshalJSON(data []byte) error {
	var known struct {
		ID                              string `json:"Id"`
		Name, HealthStatus              string
		PolicyID                        string `json:"MachinePolicyId"`
		IsDisabled                      bool
		Endpoint                        Endpoint
		Roles, TenantTags               []string
		EnvironmentIDs                  []string `json:"EnvironmentIds"`
		TenantIDs                       []string `json:"TenantIds"`
		WorkerPoolIDs                   []string `json:"WorkerPoolIds"`
		TenantedDeploymentParticipation string
	}
	if err := json.Unmarshal(data, &known); err != nil {
		return err
	}
	*m = Machine{
		ID: known.ID, Name: known.Name, PolicyID: known.PolicyID, IsDisabled: known.IsDisabled,
		HealthStatus: known.HealthStatus, Endpoint: known.Endpoint,
		Roles: known.Roles, EnvironmentIDs: known.EnvironmentIDs, TenantIDs: known.TenantIDs, TenantTags: known.TenantTags,
		TenantedDeploymentParticipation: known.TenantedDeploymentParticipation, WorkerPoolIDs: known.WorkerPoolIDs, sent: bytes.Clone(data),
	}
	return nil
}

// UnmarshalJSON reads an endpoint; that of a Kubernetes agent has the Tentacle's part one level
// below.
func (e *Endpoint) UnmarshalJSON(data []byte) error {
	type tentacle struct {
		Thumbprint string
		URI        string `json:"Uri"`
		ProxyID    string `json:"ProxyId"`
		Mode       string `json:"CommunicationMode"`
	}
	var known struct {
		CommunicationStyle string
		DefaultNamespace   string
		tentacle
		Inner tentacle `json:"TentacleEndpointConfiguration"`
	}
	if err := json.Unmarshal(data, &known); err != nil {
		return err
	}
	t := known.tentacle
	if t == (tentacle{}) {
		t = known.Inner
	}
	*e = Endpoint{
		CommunicationStyle: known.CommunicationStyle, Thumbprint: t.Thumbprint, URI: t.URI, ProxyID: t.ProxyID,
		Mode: t.Mode, DefaultNamespace: known.DefaultNamespace,
	}
	return nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

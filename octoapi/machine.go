package octoapi

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// The communication styles of a Tentacle's endpoint.
const (
	Polling    = "TentacleActive"
	Listening  = "TentaclePassive"
	Kubernetes = "KubernetesTentacle" // an agent in a cluster, which polls or listens: see Endpoint.Mode
)

// Machine is a deployment target, or a worker. Fields this program does not know are kept when an existing one is saved.
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

	fields map[string]json.RawMessage // what the server sent; nil for a new one
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

// The modes of a Kubernetes agent (OctopusClients, TentacleCommunicationModeResource.cs).
const (
	ModePolling   = "Polling"
	ModeListening = "Listening"
)

// machineKind tells targets and workers apart.
type machineKind struct{ noun, link, path string }

var (
	target = machineKind{"deployment target", "Machines", "machines"}
	worker = machineKind{"worker", "Workers", "workers"}
)

// MachineByName finds a deployment target by name, ignoring case; nil when there is none.
func (s *Space) MachineByName(ctx context.Context, name string) (*Machine, error) {
	return s.byName(ctx, target, name)
}

// WorkerByName finds a worker by name, ignoring case; nil when there is none.
func (s *Space) WorkerByName(ctx context.Context, name string) (*Machine, error) {
	return s.byName(ctx, worker, name)
}

// MachinesByThumbprint finds the deployment targets of the Tentacle with this thumbprint. The node asked looks at the database again,
// so that it accepts a Tentacle that was registered after it started.
func (s *Space) MachinesByThumbprint(ctx context.Context, thumbprint string) ([]Machine, error) {
	return s.byThumbprint(ctx, target, thumbprint)
}

// WorkersByThumbprint finds the workers of the Tentacle with this thumbprint, as MachinesByThumbprint does.
func (s *Space) WorkersByThumbprint(ctx context.Context, thumbprint string) ([]Machine, error) {
	return s.byThumbprint(ctx, worker, thumbprint)
}

// SaveMachine registers a deployment target, or modifies it when it has an ID, and returns it as the server keeps it. It is sent once:
// when the answer is lost, the error says that it is not known whether it was done.
func (s *Space) SaveMachine(ctx context.Context, m Machine) (Machine, error) {
	return s.save(ctx, target, m)
}

// SaveWorker registers or modifies a worker, as SaveMachine does.
func (s *Space) SaveWorker(ctx context.Context, m Machine) (Machine, error) {
	return s.save(ctx, worker, m)
}

// DeleteMachine removes a deployment target. It is sent once.
func (s *Space) DeleteMachine(ctx context.Context, m Machine) error { return s.remove(ctx, target, m) }

// DeleteWorker removes a worker. It is sent once.
func (s *Space) DeleteWorker(ctx context.Context, m Machine) error { return s.remove(ctx, worker, m) }

func (s *Space) collection(k machineKind) string {
	return s.links.or(k.link, s.path(k.path)+"{/id}{?skip,take,name,thumbprint}")
}

func (s *Space) byName(ctx context.Context, k machineKind, name string) (*Machine, error) {
	// Old servers do not know the filter, so what comes is looked through.
	all, err := list[Machine](ctx, s.client, s.collection(k), parameters{"name": name})
	if err != nil {
		return nil, err
	}
	for i := range all {
		if strings.EqualFold(strings.TrimSpace(all[i].Name), strings.TrimSpace(name)) {
			return &all[i], nil
		}
	}
	return nil, nil
}

func (s *Space) byThumbprint(ctx context.Context, k machineKind, thumbprint string) ([]Machine, error) {
	var all page[Machine]
	if err := s.client.get(ctx, expand(s.collection(k), parameters{"id": "all", "thumbprint": thumbprint}), &all); err != nil {
		return nil, err
	}
	var own []Machine
	for _, m := range all.Items {
		if strings.EqualFold(m.Endpoint.Thumbprint, thumbprint) {
			own = append(own, m)
		}
	}
	return own, nil
}

func (s *Space) save(ctx context.Context, k machineKind, m Machine) (Machine, error) {
	body, err := json.Marshal(s.body(k, m))
	if err != nil {
		return Machine{}, err
	}
	link, method, doing := expand(s.collection(k), nil), http.MethodPost, "registered"
	if m.ID != "" {
		link, method, doing = item(s.collection(k), m.ID), http.MethodPut, "modified"
	}
	var saved Machine
	err = s.write(ctx, write{method: method, body: body, out: &saved, whole: func() bool { return saved.ID != "" }, unsure: fmt.Sprintf(
		"so it is not known whether the %s %q was %s: look under Infrastructure%s; once it is there, --force registers it again", k.noun, m.Name, doing, s.where())}, link)
	return saved, err
}

func (s *Space) remove(ctx context.Context, k machineKind, m Machine) error {
	return s.write(ctx, write{method: http.MethodDelete, unsure: fmt.Sprintf(
		"so it is not known whether the %s %q was deleted: look under Infrastructure%s", k.noun, m.Name, s.where())}, item(s.collection(k), m.ID))
}

func (s *Space) write(ctx context.Context, w write, link string) error {
	u, err := s.client.resolve(link)
	if err != nil {
		return err
	}
	w.url, w.access = u, signedIn
	return s.client.write(ctx, w)
}

// body is what is sent for a machine: the fields OctopusClients sends for a new one (see the recordings), under those the server
// sent for an existing one, under what m says.
func (s *Space) body(k machineKind, m Machine) map[string]any {
	b := map[string]any{
		"Thumbprint": nil, "Uri": nil, "Status": "Online", "HealthStatus": "Healthy", "HasLatestCalamari": false, "StatusSummary": nil,
		"IsInProcess": false, "OperatingSystem": nil, "OperatingSystemVersion": nil, "ShellName": nil, "ShellVersion": nil,
		"Architecture": nil, "Slug": nil, "SkipInitialHealthCheck": false, "Links": map[string]any{},
	}
	for name, value := range m.fields {
		b[name] = value
	}
	own := map[string]any{
		"Name": m.Name, "SpaceId": orNull(s.ID), "IsDisabled": m.IsDisabled, "MachinePolicyId": orNull(m.PolicyID), "Endpoint": m.endpoint(),
	}
	if k == worker {
		own["WorkerPoolIds"] = orEmpty(m.WorkerPoolIDs)
	} else {
		maps.Copy(own, map[string]any{
			"Roles": orEmpty(m.Roles), "EnvironmentIds": orEmpty(m.EnvironmentIDs), "TenantIds": orEmpty(m.TenantIDs), "TenantTags": orEmpty(m.TenantTags),
			"TenantedDeploymentParticipation": m.TenantedDeploymentParticipation,
		})
	}
	if m.ID != "" {
		own["Id"] = m.ID
	}
	maps.Copy(b, own)
	return b
}

// endpoint is sent whole, as OctopusClients does: what the server had in it belonged to how it reached the Tentacle before. An endpoint that was
// read and not changed goes back as it came.
func (m Machine) endpoint() any {
	var before Endpoint
	if raw := m.fields["Endpoint"]; raw != nil && json.Unmarshal(raw, &before) == nil && before == m.Endpoint {
		return raw
	}
	if m.Endpoint.CommunicationStyle == Kubernetes {
		return m.Endpoint.kubernetes()
	}
	e := map[string]any{
		"CommunicationStyle": m.Endpoint.CommunicationStyle, "Thumbprint": m.Endpoint.Thumbprint, "Uri": m.Endpoint.URI,
		"TentacleVersionDetails": nil, "CertificateSignatureAlgorithm": nil, "Id": nil, "LastModifiedOn": nil, "LastModifiedBy": nil, "Links": map[string]any{},
	}
	if m.Endpoint.CommunicationStyle == Listening {
		e["ProxyId"] = orNull(m.Endpoint.ProxyID)
	}
	return e
}

// kubernetes has the Tentacle's part one level below.
func (e Endpoint) kubernetes() map[string]any {
	tentacle := map[string]any{"CommunicationMode": e.Mode, "Thumbprint": e.Thumbprint, "Uri": e.URI, "CertificateSignatureAlgorithm": nil}
	if e.Mode == ModeListening {
		tentacle["ProxyId"] = orNull(e.ProxyID)
	}
	return map[string]any{
		"CommunicationStyle": Kubernetes, "TentacleEndpointConfiguration": tentacle, "DefaultNamespace": orNull(e.DefaultNamespace),
		"KubernetesAgentDetails": nil, "UpgradeLocked": false, "Id": nil, "LastModifiedOn": nil, "LastModifiedBy": nil, "Links": map[string]any{},
	}
}

// UnmarshalJSON reads a machine as the server sends it.
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
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &known); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	*m = Machine{
		ID: known.ID, Name: printable(known.Name), PolicyID: known.PolicyID, IsDisabled: known.IsDisabled, HealthStatus: known.HealthStatus, Endpoint: known.Endpoint,
		Roles: known.Roles, EnvironmentIDs: known.EnvironmentIDs, TenantIDs: known.TenantIDs, TenantTags: known.TenantTags,
		TenantedDeploymentParticipation: known.TenantedDeploymentParticipation, WorkerPoolIDs: known.WorkerPoolIDs, fields: fields,
	}
	return nil
}

// UnmarshalJSON reads an endpoint; that of a Kubernetes agent has the Tentacle's part one level below.
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
